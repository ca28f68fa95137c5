/* SPDX-License-Identifier: MIT
 *
 * Checks every invariant of a loop; called at each iteration in hard builds (CA_HARD), where it
 * asserts, and empty elsewhere.
 */
#include "base/check.h"
#include "core/core.h"

#ifdef CA_HARD

static void verify_list(const struct casync_node *head)
{
  for (const struct casync_node *node = head->next; node != head; node = node->next) {
    const struct casync_handle *handle =
        (const struct casync_handle *)(const void *)((const char *)node -
                                                     offsetof(struct casync_handle, node));
    assert(node->next->prev == node && node->prev->next == node);
    assert(handle->flags & CASYNC_HANDLE_QUEUED);
    assert(!(handle->flags & CASYNC_HANDLE_WAITING));
    assert(handle->heap_index == 0);
    assert(handle->type != NULL);
  }
}

static void verify_order(const struct ca_timer_entry *parent, const struct ca_timer_entry *entry)
{
  assert(parent->when <= entry->when);
  if (parent->when == entry->when) assert(parent->timer->sequence < entry->timer->sequence);
}

static void verify_timers(const struct ca_timers *timers)
{
  for (uint32_t i = 1; i <= timers->count; i++) {
    const struct ca_timer_entry *entry = &timers->heap[i];
    assert(entry->timer->handle.heap_index == i);
    assert(!(entry->timer->handle.flags & CASYNC_HANDLE_QUEUED));
    assert(entry->timer->sequence < timers->sequence);
    if (i > 1) verify_order(&timers->heap[(i - 2) / 4 + 1], entry);
  }
}

void casync_loop_verify(const struct casync_loop *loop)
{
  verify_list(&loop->ready.queue);
  verify_list(&loop->ready.batch);
  verify_timers(&loop->timers);
  if (!(loop->detours & CA_LEAVING)) assert(ca_list_is_empty(&loop->ready.batch));
}

#else

void casync_loop_verify(const struct casync_loop *loop)
{
  (void)loop;
}

#endif
