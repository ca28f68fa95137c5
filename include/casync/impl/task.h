/* SPDX-License-Identifier: MIT
 *
 * The complete task: a future, one embedded handle (its next step, its place among a future's
 * waiters, or the timer of its sleep) and what it waits for.
 */
#ifndef CASYNC_IMPL_TASK_H
#define CASYNC_IMPL_TASK_H

#include "future.h"

struct casync_task;
struct casync_op;
struct casync_op_type;

/* What a step of the coroutine ended with. */
enum casync_action {
  CASYNC_ACTION_AWAIT,     /* it waits for the future in `waits_for` (pending) */
  CASYNC_ACTION_WAIT_OP,   /* it waits for an op, which has started */
  CASYNC_ACTION_YIELD,     /* it gives up one iteration */
  CASYNC_ACTION_RETURNED,  /* it ended with a result */
  CASYNC_ACTION_RAISED,    /* it ended with an error */
  CASYNC_ACTION_CANCELLED, /* it ended with a cancellation error */
  CASYNC_ACTION_LEAVE,     /* it ended with an error that must leave the loop as well */
  CASYNC_ACTION_NONE       /* casync_task_go_on() did what there was to do */
};

/* How a step begins. */
enum casync_resume {
  CASYNC_RESUME,       /* go on: what was awaited has its result or error */
  CASYNC_RESUME_CANCEL /* raise a cancellation error (unless what was awaited raises one) */
};

/* Where a cancellation's message goes. */
enum casync_message {
  CASYNC_MESSAGE_FLAGGED, /* keep it: the next step raises it */
  CASYNC_MESSAGE_OP,      /* keep it: the op that was undone raises it */
  CASYNC_MESSAGE_PASS_ON  /* the kept one of the flag goes to what the task waits for now */
};

enum { CASYNC_SOON = 3 };

struct casync_task_type {
  struct casync_future_type future; /* first: a task is a future */
  /* Runs the coroutine up to its next suspension.  Values and errors stay with the embedder. */
  enum casync_action (*step)(struct casync_task *task, enum casync_resume how);
  /* The task steps soon, as the `distance`th from now: what its step will touch may be brought into
   * the processor's cache (NULL: nothing).  Called in long iterations only, for each distance from
   * CASYNC_SOON down to 1. */
  void (*soon)(const struct casync_task *task, unsigned distance);
  /* The task that `future` is, if cancelling it is casync_task_cancel(); else NULL.  NULL for all:
   * a chain of awaiting tasks is then cancelled recursively. */
  struct casync_task *(*as_task)(struct casync_future *future);
  /* Cancels `task->waits_for` (NULL: casync_future_cancel()); a door for embedders whose futures
   * need more than their address. */
  bool (*cancel_awaited)(struct casync_task *task);
  /* Keeps the message of the request that is being made, or makes the kept one the request's. */
  void (*message)(struct casync_task *task, enum casync_message what);
  /* The task is done (its state says how); the embedder stops holding it.  Must not fail. */
  void (*done)(struct casync_task *task);
};

enum casync_task_flag {
  CASYNC_TASK_MUST_CANCEL = 1,  /* a request that the next step has to deliver */
  CASYNC_TASK_STARTED = 2,      /* its first step has begun */
  CASYNC_TASK_OP_CANCELLED = 4, /* the op it waited for was undone by a cancellation */
  CASYNC_TASK_VISITED = 16,     /* a cancellation that goes down a chain has been here */
  CASYNC_TASK_QUIET_DESTROY = 8 /* made by the library: not reported when left pending */
};

struct casync_task {
  struct casync_future future;
  struct casync_timer timer; /* handle: the step; with sequence: a sleep */
  union {
    struct casync_future *waits_for; /* a future; NULL if none */
    void *object;                    /* if `op` is not NULL: what its undo needs */
  };
  const struct casync_op_type *op; /* type of the op it waits for; NULL if none */
  uint32_t cancel_requests;        /* Task.cancelling() */
  uint8_t flags;                   /* enum casync_task_flag */
  uint8_t spare[3];                /* the embedder's */
};

#endif
