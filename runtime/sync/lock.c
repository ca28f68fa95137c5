/* SPDX-License-Identifier: MIT
 *
 * asyncio.Lock: fair, without an owner.  A lock that is released is free until the first in line
 * has run; those who come meanwhile stand in line behind it.
 */
#include "casync/impl/sync.h"
#include "casync/sync.h"

void casync_lock_init(struct casync_lock *lock)
{
  casync_waitqueue_init(&lock->queue);
  lock->is_locked = false;
}

bool casync_lock_acquire(struct casync_lock *lock)
{
  if (lock->is_locked || casync_waitqueue_is_live(&lock->queue)) return false;
  lock->is_locked = true;
  return true;
}

void casync_lock_return(struct casync_lock *lock, struct casync_waiter *waiter, bool raised)
{
  casync_waitqueue_return(waiter);
  if (!raised)
    lock->is_locked = true;
  else if (!lock->is_locked)
    casync_waitqueue_wake_first(&lock->queue);
}

int casync_lock_release(struct casync_lock *lock)
{
  if (!lock->is_locked) return CASYNC_ESTATE;
  lock->is_locked = false;
  casync_waitqueue_wake_first(&lock->queue);
  return 0;
}
