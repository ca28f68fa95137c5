/* SPDX-License-Identifier: MIT
 *
 * The only door for other threads and for signal handlers: an inbox under a lock, and libev's
 * ev_async, which is safe in both.  A wake cannot take the lock, since it may run in a signal
 * handler: wakes are counted, and a close waits until none is under way.
 */
#include <sched.h>

#include "base/check.h"
#include "poll/poll.h"

static void on_wake(struct ev_loop *ev, ev_async *async, int events)
{
  (void)ev, (void)async, (void)events; /* it only ends the wait */
}

int ca_wakeup_open(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  struct ca_wakeup *wakeup = &ev->wakeup;
  wakeup->inbox = NULL;
  wakeup->inbox_end = &wakeup->inbox;
  int status = pthread_mutex_init(&wakeup->lock, NULL);
  if (status != 0) return -status;
  ev_async_init(&wakeup->async, on_wake);
  ev_async_start(ev->ev, &wakeup->async);
  __atomic_store_n(&wakeup->is_open, true, __ATOMIC_RELEASE);
  return 0;
}

void ca_wakeup_close(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  pthread_mutex_lock(&ev->wakeup.lock);
  __atomic_store_n(&ev->wakeup.is_open, false, __ATOMIC_SEQ_CST);
  __atomic_store_n(&ev->wakeup.inbox, NULL, __ATOMIC_RELAXED);
  pthread_mutex_unlock(&ev->wakeup.lock);
  while (__atomic_load_n(&ev->wakeup.wakers, __ATOMIC_SEQ_CST) != 0) sched_yield();
  ev_async_stop(ev->ev, &ev->wakeup.async);
}

void ca_wakeup_free(struct casync_loop *loop)
{
  pthread_mutex_destroy(&ca_ev_of(loop)->wakeup.lock);
}

void ca_wakeup_send(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  ev_async_send(ev->ev, &ev->wakeup.async);
}

void casync_loop_wake(struct casync_loop *loop)
{
  struct ca_wakeup *wakeup = &ca_ev_of(loop)->wakeup;
  __atomic_fetch_add(&wakeup->wakers, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&wakeup->is_open, __ATOMIC_SEQ_CST)) loop->poller->wake(loop);
  __atomic_fetch_sub(&wakeup->wakers, 1, __ATOMIC_SEQ_CST);
}

bool ca_wakeup_has_posts(const struct casync_loop *loop)
{
  return __atomic_load_n(&ca_ev_of(loop)->wakeup.inbox, __ATOMIC_ACQUIRE) != NULL;
}

int casync_loop_post(struct casync_loop *loop, struct casync_post *post)
{
  struct ca_wakeup *wakeup = &ca_ev_of(loop)->wakeup;
  post->next = NULL;
  pthread_mutex_lock(&wakeup->lock);
  bool open = wakeup->is_open;
  if (open) {
    __atomic_store_n(wakeup->inbox_end, post, __ATOMIC_RELEASE);
    wakeup->inbox_end = &post->next;
    ca_wakeup_send(loop); /* under the lock: close() waits for us */
  }
  pthread_mutex_unlock(&wakeup->lock);
  return open ? 0 : CASYNC_ECLOSED;
}

/* Mostly there is nothing, which is seen without the lock: who posts wakes the loop afterwards, and
 * what this poll does not see, the one that the wake ends will. */
void ca_wakeup_deliver(struct casync_loop *loop)
{
  struct ca_wakeup *wakeup = &ca_ev_of(loop)->wakeup;
  if (ca_likely(!ca_wakeup_has_posts(loop))) return;
  pthread_mutex_lock(&wakeup->lock);
  struct casync_post *post = wakeup->inbox;
  __atomic_store_n(&wakeup->inbox, NULL, __ATOMIC_RELAXED);
  wakeup->inbox_end = &wakeup->inbox;
  pthread_mutex_unlock(&wakeup->lock);
  while (post != NULL) {
    struct casync_post *next = post->next;
    post->deliver(loop, post);
    post = next;
  }
}
