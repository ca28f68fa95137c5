/* SPDX-License-Identifier: MIT
 *
 * The only door for other threads and for signal handlers: an inbox under a lock, and the poller's
 * `wake`, which is safe in both.  A wake cannot take the lock, since it may run in a signal
 * handler: wakes are counted, and a close waits until none is under way.
 */
#include <sched.h>

#include "base/check.h"
#include "poll/poll.h"

int ca_wakeup_open(struct casync_loop *loop)
{
  struct ca_wakeup *wakeup = &ca_poll_of(loop)->wakeup;
  wakeup->inbox = NULL;
  wakeup->inbox_end = &wakeup->inbox;
  int status = pthread_mutex_init(&wakeup->lock, NULL);
  if (status != 0) return -status;
  __atomic_store_n(&wakeup->is_open, true, __ATOMIC_RELEASE);
  return 0;
}

void ca_wakeup_close(struct casync_loop *loop)
{
  struct ca_wakeup *wakeup = &ca_poll_of(loop)->wakeup;
  pthread_mutex_lock(&wakeup->lock);
  __atomic_store_n(&wakeup->is_open, false, __ATOMIC_SEQ_CST);
  __atomic_store_n(&wakeup->inbox, NULL, __ATOMIC_RELAXED);
  pthread_mutex_unlock(&wakeup->lock);
  while (__atomic_load_n(&wakeup->wakers, __ATOMIC_SEQ_CST) != 0) sched_yield();
}

void ca_wakeup_free(struct casync_loop *loop)
{
  pthread_mutex_destroy(&ca_poll_of(loop)->wakeup.lock);
}

void casync_loop_wake(struct casync_loop *loop)
{
  if (loop == NULL) return;
  struct ca_wakeup *wakeup = &ca_poll_of(loop)->wakeup;
  __atomic_fetch_add(&wakeup->wakers, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&wakeup->is_open, __ATOMIC_SEQ_CST)) loop->poller->wake(loop);
  __atomic_fetch_sub(&wakeup->wakers, 1, __ATOMIC_SEQ_CST);
}

int casync_loop_post(struct casync_loop *loop, struct casync_post *post)
{
  if (loop == NULL) return CASYNC_ECLOSED;
  struct ca_wakeup *wakeup = &ca_poll_of(loop)->wakeup;
  post->next = NULL;
  pthread_mutex_lock(&wakeup->lock);
  bool open = wakeup->is_open;
  if (open) {
    __atomic_store_n(wakeup->inbox_end, post, __ATOMIC_RELEASE);
    wakeup->inbox_end = &post->next;
    loop->poller->wake(loop); /* under the lock: close() waits for us */
  }
  pthread_mutex_unlock(&wakeup->lock);
  return open ? 0 : CASYNC_ECLOSED;
}

/* Mostly there is nothing, which is seen without the lock: who posts wakes the loop afterwards, and
 * what this poll does not see, the one that the wake ends will. */
void ca_wakeup_deliver(struct casync_loop *loop)
{
  struct ca_wakeup *wakeup = &ca_poll_of(loop)->wakeup;
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
