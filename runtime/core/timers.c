/* SPDX-License-Identifier: MIT
 *
 * The timer heap, ordered by (deadline, sequence): equal deadlines fire in the order of their
 * making.  Four children a node, keys beside the pointers: a comparison seldom leaves the array.
 * Removal takes a timer out at once, so nothing cancelled stays behind.
 */
#include "base/alloc.h"
#include "base/check.h"
#include "core/core.h"

#define FANOUT 4

static bool is_before(const struct ca_timer_entry *a, const struct ca_timer_entry *b)
{
  if (a->when != b->when) return a->when < b->when;
  return a->timer->sequence < b->timer->sequence;
}

static void place(struct ca_timers *timers, uint32_t i, struct ca_timer_entry entry)
{
  timers->heap[i] = entry;
  entry.timer->handle.heap_index = i;
}

static uint32_t parent_of(uint32_t i)
{
  return (i - 2) / FANOUT + 1;
}

static void sift_up(struct ca_timers *timers, uint32_t i, struct ca_timer_entry entry)
{
  while (i > 1) {
    uint32_t parent = parent_of(i);
    if (!is_before(&entry, &timers->heap[parent])) break;
    place(timers, i, timers->heap[parent]);
    i = parent;
  }
  place(timers, i, entry);
}

/* The smallest child of `i`, or 0 if it has none. */
static uint32_t smallest_child(const struct ca_timers *timers, uint32_t i)
{
  uint64_t first = (uint64_t)(i - 1) * FANOUT + 2;
  if (first > timers->count) return 0;
  uint32_t best = (uint32_t)first;
  uint32_t end = timers->count - best < FANOUT ? timers->count + 1 : best + FANOUT;
  for (uint32_t child = best + 1; child < end; child++)
    if (is_before(&timers->heap[child], &timers->heap[best])) best = child;
  return best;
}

static void sift_down(struct ca_timers *timers, uint32_t i, struct ca_timer_entry entry)
{
  for (;;) {
    uint32_t child = smallest_child(timers, i);
    if (child == 0 || !is_before(&timers->heap[child], &entry)) break;
    place(timers, i, timers->heap[child]);
    i = child;
  }
  place(timers, i, entry);
}

static int reserve(struct ca_timers *timers)
{
  if (timers->count + 1 < timers->capacity) return 0;
  if (timers->capacity > UINT32_MAX / 2) return CASYNC_EMEMORY;
  uint32_t capacity = timers->capacity + timers->capacity / 2 + 16;
  struct ca_timer_entry *heap = ca_alloc(timers->heap, capacity * sizeof *heap);
  if (heap == NULL) return CASYNC_EMEMORY;
  timers->heap = heap;
  timers->capacity = capacity;
  return 0;
}

int ca_timers_push(struct casync_loop *loop, struct casync_timer *timer, double when)
{
  struct ca_timers *timers = &loop->timers;
  assert(timer->handle.heap_index == 0 && !(timer->handle.flags & CASYNC_HANDLE_QUEUED));
  int status = reserve(timers);
  if (status != 0) return status;
  timer->sequence = timers->sequence++;
  sift_up(timers, ++timers->count, (struct ca_timer_entry){when, timer});
  return 0;
}

void ca_timers_remove(struct casync_loop *loop, struct casync_timer *timer)
{
  struct ca_timers *timers = &loop->timers;
  uint32_t i = timer->handle.heap_index;
  assert(i >= 1 && i <= timers->count && timers->heap[i].timer == timer);
  struct ca_timer_entry last = timers->heap[timers->count--];
  timer->handle.heap_index = 0;
  if (last.timer == timer) return;
  if (i > 1 && is_before(&last, &timers->heap[parent_of(i)]))
    sift_up(timers, i, last);
  else
    sift_down(timers, i, last);
}

double ca_timers_next(const struct casync_loop *loop)
{
  return loop->timers.heap[1].when;
}

void ca_timers_queue_due(struct casync_loop *loop)
{
  /* Far from 0 the resolution is lost in the rounding: what is reached exactly is due all the same.
   */
  double end = loop->now + CA_CLOCK_RESOLUTION;
  while (loop->timers.count > 0 &&
         (ca_timers_next(loop) <= loop->now || ca_timers_next(loop) < end)) {
    struct casync_timer *timer = loop->timers.heap[1].timer;
    ca_timers_remove(loop, timer);
    ca_ready_push(loop, &timer->handle);
  }
}

void ca_timers_drop_all(struct casync_loop *loop)
{
  struct ca_timers *timers = &loop->timers;
  for (uint32_t i = 1; i <= timers->count; i++) timers->heap[i].timer->handle.heap_index = 0;
  ca_free(timers->heap);
  timers->heap = NULL;
  timers->count = timers->capacity = 0;
}
