/* SPDX-License-Identifier: MIT
 *
 * What tasks wait in line for: the wait queue, and asyncio's Lock, Event and Semaphore on it.  The
 * complete structs are in impl/sync.h.
 *
 * Whoever waits has a casync_waiter of his own.  A wait takes three calls: one that says whether
 * there is anything to wait for, casync_waitqueue_wait() if so, and, in the task's next step, the
 * `_return` of what it waited for: also, and then with `raised`, when the task raises instead of
 * going on, because it was cancelled.  Everything here takes the same time however many wait,
 * allocates nothing and cannot fail; nobody runs inside these calls.
 */
#ifndef CASYNC_SYNC_H
#define CASYNC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_lock;
struct casync_event;
struct casync_semaphore;
struct casync_waiter;
struct casync_waitqueue;

/* ---- the wait queue: asyncio's deque of waiters ---- */

CASYNC_API void casync_waitqueue_init(struct casync_waitqueue *queue);

/* The running task waits at the end of the queue (its step is to end with CASYNC_ACTION_WAIT_OP).
 * `op` is what introspection is told; its undo is casync_waiter_undo(). */
CASYNC_API void casync_waitqueue_wait(struct casync_waitqueue *queue, struct casync_waiter *waiter,
                                      struct casync_task *task, const struct casync_op_type *op);

/* casync_op_type.undo of all that wait in a queue. */
CASYNC_API void casync_waiter_undo(struct casync_task *task);

/* Wakes the first that still waits; false if none does. */
CASYNC_API bool casync_waitqueue_wake_next(struct casync_waitqueue *queue);

/* The same, but not while one that has been woken or cancelled, and has not come back, is ahead of
 * it: it is he who goes on (Lock.release()). */
CASYNC_API bool casync_waitqueue_wake_first(struct casync_waitqueue *queue);

/* The task has come back. */
CASYNC_API void casync_waitqueue_return(struct casync_waiter *waiter);

/* Forgets those that will never come back: their loop is closed. */
CASYNC_API void casync_waitqueue_forget(struct casync_waitqueue *queue);

/* How many have not come back yet: what asyncio calls waiters. */
CASYNC_API uint32_t casync_waitqueue_size(const struct casync_waitqueue *queue);

/* Whether one of them is not cancelled. */
CASYNC_API bool casync_waitqueue_is_live(const struct casync_waitqueue *queue);

/* ---- Lock ---- */

CASYNC_API void casync_lock_init(struct casync_lock *lock);

/* Lock.acquire(): takes the lock; false if one has to wait in `lock->queue` for it. */
CASYNC_API bool casync_lock_acquire(struct casync_lock *lock);

/* The end of a wait: the task has the lock now, or has `raised` and passes a wake-up on. */
CASYNC_API void casync_lock_return(struct casync_lock *lock, struct casync_waiter *waiter,
                                   bool raised);

/* Lock.release(): unlocks and wakes the first, who does not have the lock before it runs.
 * CASYNC_ESTATE if the lock is not locked. */
CASYNC_API int casync_lock_release(struct casync_lock *lock);

/* ---- Event ---- */

CASYNC_API void casync_event_init(struct casync_event *event);

/* Event.set(): wakes all that wait in `event->queue`, in order. */
CASYNC_API void casync_event_set(struct casync_event *event);

/* Event.clear(): those that have been woken stay so. */
CASYNC_API void casync_event_clear(struct casync_event *event);

/* ---- Semaphore ---- */

CASYNC_API void casync_semaphore_init(struct casync_semaphore *semaphore, uint64_t value);

/* Semaphore.locked(): whether acquire() has to wait. */
CASYNC_API bool casync_semaphore_is_locked(const struct casync_semaphore *semaphore);

/* Semaphore.acquire(): takes a unit; false if one has to wait in `semaphore->queue` for it. */
CASYNC_API bool casync_semaphore_acquire(struct casync_semaphore *semaphore);

/* The end of a wait: the task has its unit, or has `raised` and gives it to the next. */
CASYNC_API void casync_semaphore_return(struct casync_semaphore *semaphore,
                                        struct casync_waiter *waiter, bool raised);

/* Semaphore.release(): hands a unit over to the first that waits, else keeps it. */
CASYNC_API void casync_semaphore_release(struct casync_semaphore *semaphore);

#ifdef __cplusplus
}
#endif
#endif
