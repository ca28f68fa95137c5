/* SPDX-License-Identifier: MIT
 *
 * runtime/core/ready.c
 */
#include "support.h"

static void handles_run_in_the_order_of_their_queueing(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b"), *c = callback(world, "c");
  soon(world, b);
  soon(world, a);
  soon(world, c);
  run_out(world);
  assert_trace(world, "b a c");
}

static void a_queued_handle_is_marked(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  assert_true(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void a_handle_that_ran_is_not_marked_any_more(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  run_out(world);
  assert_false(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void note_mark(struct world *world, struct callback *callback)
{
  note(world, callback->timer.handle.flags & CASYNC_HANDLE_QUEUED ? "queued" : "free");
}

static void a_handle_that_runs_is_off_the_queue(void **state)
{
  struct world *world = *state;
  struct callback *a = callback_then(world, "a", note_mark, NULL);
  soon(world, a);
  run_out(world);
  assert_trace(world, "a free");
}

static void a_handle_may_queue_itself_again(void **state)
{
  struct world *world = *state;
  struct callback *a = callback_then(world, "a", then_soon, NULL);
  a->data = a;
  soon(world, a);
  run_turns(world->loop, 3);
  assert_trace(world, "a a a");
}

static void a_removed_handle_does_not_run(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b"), *c = callback(world, "c");
  soon(world, a);
  soon(world, b);
  soon(world, c);
  ca_ready_remove(&b->timer.handle);
  run_out(world);
  assert_trace(world, "a c");
}

static void then_remove(struct world *world, struct callback *callback)
{
  (void)world;
  ca_ready_remove(callback->data);
}

static void a_handle_may_be_removed_from_the_batch_that_runs(void **state)
{
  struct world *world = *state;
  struct callback *c = callback(world, "c"), *b = callback(world, "b");
  struct callback *a = callback_then(world, "a", then_remove, &b->timer.handle);
  soon(world, a);
  soon(world, b);
  soon(world, c);
  run_out(world);
  assert_trace(world, "a c");
}

static void a_removed_handle_may_be_queued_again(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  soon(world, a);
  soon(world, b);
  ca_ready_remove(&a->timer.handle);
  soon(world, a);
  run_out(world);
  assert_trace(world, "b a");
}

static void note_run(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)handle;
  note(world_of(loop), "run");
}

static void note_queued(struct casync_loop *loop, struct casync_handle *handle)
{
  note(world_of(loop), handle->flags & CASYNC_HANDLE_QUEUED ? "hold" : "early");
}

static const struct casync_handle_type held_type = {note_run, note_queued};

static void the_owner_is_told_when_the_queue_begins_to_refer_to_a_handle(void **state)
{
  struct world *world = *state;
  struct casync_handle *handle = keep(world, sizeof *handle);
  handle->type = &held_type;
  casync_loop_call_soon(world->loop, handle);
  assert_trace(world, "hold");
}

static void the_owner_is_told_when_a_timer_becomes_due(void **state)
{
  struct world *world = *state;
  struct casync_timer *timer = keep(world, sizeof *timer);
  timer->handle.type = &held_type;
  casync_loop_call_at(world->loop, timer, 1);
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "hold run");
}

static void the_owner_is_told_when_an_awaited_future_is_done(void **state)
{
  struct world *world = *state;
  struct casync_handle *handle = keep(world, sizeof *handle);
  handle->type = &held_type;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, handle);
  assert_trace(world, "");
  casync_future_complete(future, CASYNC_RESULT);
  assert_trace(world, "hold");
}

static void a_dropped_handle_is_not_marked_any_more(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  ca_ready_drop_all(world->loop);
  assert_false(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void dropped_handles_never_run(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  ca_ready_drop_all(world->loop);
  run_out(world);
  assert_trace(world, "");
}

static const struct CMUnitTest tests[] = {
    it(handles_run_in_the_order_of_their_queueing),
    it(a_queued_handle_is_marked),
    it(a_handle_that_ran_is_not_marked_any_more),
    it(a_handle_that_runs_is_off_the_queue),
    it(a_handle_may_queue_itself_again),
    it(a_removed_handle_does_not_run),
    it(a_handle_may_be_removed_from_the_batch_that_runs),
    it(a_removed_handle_may_be_queued_again),
    it(the_owner_is_told_when_the_queue_begins_to_refer_to_a_handle),
    it(the_owner_is_told_when_a_timer_becomes_due),
    it(the_owner_is_told_when_an_awaited_future_is_done),
    it(a_dropped_handle_is_not_marked_any_more),
    it(dropped_handles_never_run),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
