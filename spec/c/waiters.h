/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait in line once: each notes its name when it has what it waited for, and NAME! when
 * it was cancelled instead.
 */
#ifndef SPEC_WAITERS_H
#define SPEC_WAITERS_H

#include "casync/impl/sync.h"
#include "casync/sync.h"
#include "support.h"

/* How one waits for a thing. */
struct line_type {
  bool (*acquire)(void *thing); /* false: it has to wait */
  void (*back)(void *thing, struct casync_waiter *waiter, bool raised);
};

struct in_line {
  struct casync_task task;
  struct casync_waiter waiter;
  const struct line_type *type;
  struct casync_waitqueue *queue;
  void *thing;
  const char *name;
  bool has_waited;
};

/* A kept task that has queued its first step. */
struct in_line *wait_in_line(struct world *world, const char *name, const struct line_type *type,
                             void *thing, struct casync_waitqueue *queue);

bool cancel_in_line(struct in_line *task);

/* Something to do `then`: data is the task. */
void then_cancel_in_line(struct world *world, struct callback *callback);

#endif
