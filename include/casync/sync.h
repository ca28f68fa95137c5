/* SPDX-License-Identifier: MIT
 *
 * What tasks wait in line for: the wait queue, and asyncio's Lock, Event, Semaphore and Queue.  The
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
#include <stddef.h>
#include <stdint.h>

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_lock;
struct casync_queue;
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

/* ---- Queue, without its items ----
 *
 * Whoever has the items says what happened to them; the queue knows who goes on because of it.
 * A get is: while there is no item, casync_queue_wait_get(); then take one, casync_queue_taken().
 * A put is: while there is no room, casync_queue_wait_put(); then add it, casync_queue_added().
 * A task that was woken and raises instead of going on passes its wake-up on, by
 * casync_queue_wake_get() if there is an item, casync_queue_wake_put() if there is room.
 * Everything takes the same time however many wait, allocates nothing and cannot fail; nobody runs
 * inside these calls.
 */

CASYNC_API void casync_queue_init(struct casync_queue *queue);

/* The running task waits, behind all others, for an item, for room, or for the end of all work
 * (its step is to end with CASYNC_ACTION_WAIT_OP).  The queue stays where it is meanwhile. */
CASYNC_API void casync_queue_wait_get(struct casync_queue *queue, struct casync_task *task);
CASYNC_API void casync_queue_wait_put(struct casync_queue *queue, struct casync_task *task);
CASYNC_API void casync_queue_wait_join(struct casync_queue *queue, struct casync_task *task);

/* An item was added: counts it as unfinished and wakes the first that waits for one. */
CASYNC_API void casync_queue_added(struct casync_queue *queue);

/* An item was taken: wakes the first that waits for room. */
CASYNC_API void casync_queue_taken(struct casync_queue *queue);

/* Wakes the first that waits for an item, or for room. */
CASYNC_API void casync_queue_wake_get(struct casync_queue *queue);
CASYNC_API void casync_queue_wake_put(struct casync_queue *queue);

/* Queue.task_done(): one less is unfinished; with the last, all that joined go on.
 * CASYNC_ESTATE if none is. */
CASYNC_API int casync_queue_task_done(struct casync_queue *queue);

/* Queue.shutdown(): nothing more is put; all that wait for an item or for room look again. */
CASYNC_API void casync_queue_shutdown(struct casync_queue *queue);

/* An item was dropped by an immediate shutdown: it is no longer unfinished. */
CASYNC_API void casync_queue_dropped(struct casync_queue *queue);

/* Takes all that wait out of the queue, for good: it goes. */
CASYNC_API void casync_queue_abandon(struct casync_queue *queue);

/* How many wait for an item, and for room; counts them. */
CASYNC_API size_t casync_queue_getters(const struct casync_queue *queue);
CASYNC_API size_t casync_queue_putters(const struct casync_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
