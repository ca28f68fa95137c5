/* SPDX-License-Identifier: MIT
 *
 * One connect that the kernel does not end at once: a task waits until the socket can be written
 * to, which says that it is over; SO_ERROR says how.  A choice between addresses is not made here.
 *
 *   NEW -> waits (task set) -> over (status), or undone
 */
#include <errno.h>

#include "base/check.h"
#include "core/core.h"
#include "net/net.h"

/* Nothing refers to it any more. */
static void unlink_all(struct casync_connect *connect)
{
  struct casync_loop *loop = connect->task->future.loop;
  connect->task = NULL;
  casync_loop_end_real(loop);
  casync_loop_unwatch(loop, connect->fd, CASYNC_WRITE);
  if (connect->writable.flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(&connect->writable);
}

static void undo(struct casync_task *task)
{
  unlink_all(task->object);
}

static const struct casync_op_type connect_type = {"sock_connect", NULL, undo};

static void on_writable(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_connect *connect = ca_container_of(handle, struct casync_connect, writable);
  struct casync_task *task = connect->task;
  int status = casync_sock_error(connect->fd);
  if (status == -EAGAIN || status == -EINTR) return; /* it is asked again */
  connect->status = status;
  unlink_all(connect);
  casync_task_wake(task);
}

static const struct casync_handle_type writable_type = {on_writable, NULL};

int casync_connect_wait(struct casync_connect *connect, struct casync_task *task, int fd)
{
  *connect = (struct casync_connect){.writable.type = &writable_type, .fd = fd};
  int status = casync_loop_watch(task->future.loop, fd, CASYNC_WRITE, &connect->writable);
  if (status < 0) return status;
  connect->task = task;
  casync_loop_begin_real(task->future.loop);
  casync_task_wait(task, &connect_type, connect);
  return 0;
}

void casync_connect_abandon(struct casync_connect *connect)
{
  struct casync_task *task = connect->task;
  if (task == NULL) return;
  unlink_all(connect);
  task->op = NULL;
  task->object = NULL;
}
