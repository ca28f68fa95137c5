/* SPDX-License-Identifier: MIT
 *
 * asyncio.Event: a flag that tasks wait for.  set() wakes all who wait at that moment, whatever
 * becomes of the flag before they run.  A wait that is over needs nothing but
 * casync_waitqueue_return().
 */
#include "casync/impl/sync.h"
#include "casync/sync.h"

void casync_event_init(struct casync_event *event)
{
  casync_waitqueue_init(&event->queue);
  event->is_set = false;
}

void casync_event_set(struct casync_event *event)
{
  if (event->is_set) return;
  event->is_set = true;
  while (casync_waitqueue_wake_next(&event->queue))
    ;
}

void casync_event_clear(struct casync_event *event)
{
  event->is_set = false;
}
