/* SPDX-License-Identifier: MIT
 *
 * asyncio.Semaphore: units that tasks take and give back.  A unit that is released while somebody
 * waits is handed over: it is the waiter's from then on, and whoever does not take it, since it was
 * cancelled, gives it to the next.
 */
#include "casync/impl/sync.h"
#include "casync/sync.h"

static bool hand_over(struct casync_semaphore *semaphore)
{
  if (!casync_waitqueue_wake_next(&semaphore->queue)) return false;
  semaphore->value--;
  return true;
}

void casync_semaphore_init(struct casync_semaphore *semaphore, uint64_t value)
{
  casync_waitqueue_init(&semaphore->queue);
  semaphore->value = value;
}

bool casync_semaphore_is_locked(const struct casync_semaphore *semaphore)
{
  return semaphore->value == 0 || casync_waitqueue_is_live(&semaphore->queue);
}

bool casync_semaphore_acquire(struct casync_semaphore *semaphore)
{
  if (casync_semaphore_is_locked(semaphore)) return false;
  semaphore->value--;
  return true;
}

void casync_semaphore_return(struct casync_semaphore *semaphore, struct casync_waiter *waiter,
                             bool raised)
{
  casync_waitqueue_return(waiter);
  if (raised && waiter->state == CASYNC_WOKEN) semaphore->value++;
  /* Units may have come back while those in front had to be let go first. */
  while (semaphore->value > 0 && hand_over(semaphore))
    ;
}

void casync_semaphore_release(struct casync_semaphore *semaphore)
{
  semaphore->value++;
  hand_over(semaphore);
}
