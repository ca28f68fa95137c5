/* SPDX-License-Identifier: MIT
 *
 * A socket that listens: asyncio's _start_serving and _accept_connection.  It accepts and hands
 * over; what becomes of a connection is the embedder's.
 *
 *   start() -> WATCHES <-> pauses (the timer is set) -> stop()
 *
 * When the system has run out of descriptors or memory, the kernel goes on saying that the socket
 * is ready: the listener looks away for a second.
 */
#include <errno.h>

#include "base/check.h"
#include "core/core.h"
#include "net/net.h"

#define RETRY_DELAY 1.0 /* seconds */

static int watch(struct casync_listener *listener)
{
  int status = casync_loop_watch(listener->loop, listener->fd, CASYNC_READ, &listener->readable);
  if (status == 0) listener->flags |= CASYNC_LISTENER_WATCHES;
  return status;
}

static void unwatch(struct casync_listener *listener)
{
  if (!(listener->flags & CASYNC_LISTENER_WATCHES)) return;
  listener->flags &= (uint8_t)~CASYNC_LISTENER_WATCHES;
  casync_loop_unwatch(listener->loop, listener->fd, CASYNC_READ);
}

/* Looks away for a while.  Without memory for the timer it goes on trying. */
static void look_away(struct casync_listener *listener)
{
  double when = casync_loop_time(listener->loop) + RETRY_DELAY;
  if (casync_loop_call_at(listener->loop, &listener->retry, when) == 0) unwatch(listener);
}

static void on_retry(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_listener *listener = ca_container_of(handle, struct casync_listener, retry.handle);
  int status = watch(listener);
  if (status == 0) return;
  look_away(listener);
  listener->type->failed(listener, status, true);
}

static bool is_out_of_resources(int error)
{
  return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Whether to go on accepting after a failure. */
static bool handle_failure(struct casync_listener *listener, int error)
{
  if (error == -ECONNABORTED) return true; /* it was gone before it was accepted */
  if (error == -EAGAIN) return false;
  bool pauses = is_out_of_resources(error);
  if (pauses) look_away(listener);
  listener->type->failed(listener, error, pauses);
  return false;
}

static bool accept_one(struct casync_listener *listener)
{
  struct casync_address peer;
  int fd = casync_sock_accept(listener->fd, &peer);
  if (fd < 0) return handle_failure(listener, fd);
  return listener->type->accepted(listener, fd, &peer);
}

static void on_readable(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_listener *listener = ca_container_of(handle, struct casync_listener, readable);
  for (int i = 0; i <= listener->backlog; i++) {
    if (!accept_one(listener) || !(listener->flags & CASYNC_LISTENER_WATCHES)) return;
  }
}

static const struct casync_handle_type readable_type = {on_readable, NULL};
static const struct casync_handle_type retry_type = {on_retry, NULL};

int casync_listener_start(struct casync_listener *listener, struct casync_loop *loop, int fd,
                          int backlog, const struct casync_listener_type *type)
{
  *listener = (struct casync_listener){
      .loop = loop,
      .type = type,
      .readable.type = &readable_type,
      .retry.handle.type = &retry_type,
      .fd = fd,
      .backlog = backlog,
  };
  int status = casync_sock_listen(fd, backlog);
  if (status == 0) status = watch(listener);
  if (status == 0) listener->flags |= CASYNC_LISTENER_STARTED;
  return status;
}

void casync_listener_stop(struct casync_listener *listener)
{
  if (!(listener->flags & CASYNC_LISTENER_STARTED)) return;
  unwatch(listener);
  casync_handle_cancel(listener->loop, &listener->retry.handle);
  if (listener->readable.flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(&listener->readable);
  if (listener->retry.handle.flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(&listener->retry.handle);
  listener->flags = 0;
}
