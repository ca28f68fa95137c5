/* SPDX-License-Identifier: MIT
 *
 * Work in the loop's threads, as Futures.  A job has a completer, which it settles in the loop.
 */
#include <errno.h>
#include <stdlib.h>

#include "casync/impl/work.h"
#include "embed/embed.h"

struct work {
  struct casync_job job; /* first */
  struct casync_completer *completer;
  const struct casync_lua_work_type *type;
  void *data;
};

static void run(struct casync_job *job)
{
  const struct work *work = (struct work *)job;
  work->type->work(work->data);
}

static void done(struct casync_loop *loop, struct casync_job *job)
{
  const struct work *work = (struct work *)job;
  (void)loop;
  cal_completer_settle(work->completer, work->type->done, work->data);
}

/* By then the completer is used, or the loop closed: no future waits for it any more. */
static void free_work(struct casync_job *job)
{
  struct work *work = (struct work *)job;
  if (work->type->release != NULL) work->type->release(work->data);
  casync_completer_unref(work->completer);
  free(work);
}

static const struct casync_job_type job_type = {run, done, free_work};

/* Hands the work to the loop's threads; the completer is given up if that is not possible. */
static int submit(struct casync_lua *host, struct casync_completer *completer,
                  const struct casync_lua_work_type *type, void *data)
{
  struct work *work = calloc(1, sizeof *work);
  int status = CASYNC_EMEMORY;
  if (work != NULL) {
    *work = (struct work){{.type = &job_type}, completer, type, data};
    status = casync_work_submit(host->loop->loop, &work->job);
  }
  if (status == 0) return 0;
  cal_completer_discard(completer);
  free(work);
  return status;
}

int casync_lua_work(struct casync_lua *host, lua_State *L, const struct casync_lua_work_type *type,
                    void *data)
{
  struct casync_completer *completer;
  if (type == NULL || type->work == NULL) return -EINVAL;
  int status = casync_lua_push_future(host, L);
  if (status < 0) return status;
  status = casync_completer_new(host, L, -1, &completer);
  if (status == 0) status = submit(host, completer, type, data);
  if (status == 0) return 0;
  lua_remove(L, status == CASYNC_ERAISED ? -2 : -1); /* the Future */
  return status;
}
