/* SPDX-License-Identifier: MIT
 *
 * runtime/core/loop.c
 */
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "drive.h"

/* Opening */

static void a_new_loop_is_neither_running_nor_closed(void **state)
{
  struct world *world = *state;
  assert_false(casync_loop_is_running(world->loop));
  assert_false(casync_loop_is_closed(world->loop));
}

static void the_data_of_the_host_comes_back(void **state)
{
  struct world *world = *state;
  assert_ptr_equal(casync_loop_data(world->loop), world);
}

static void a_new_loop_has_made_no_iteration(void **state)
{
  struct world *world = *state;
  assert_int_equal(casync_loop_iterations(world->loop), 0);
}

static void an_unknown_kind_of_loop_is_refused(void **state)
{
  (void)state;
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open(&loop, (enum casync_loop_kind)99, NULL, NULL), CASYNC_ESTATE);
  assert_null(loop);
}

static void assert_open_survives_failing_allocations(enum casync_loop_kind kind)
{
  struct casync_loop *loop = NULL;
  int status = CASYNC_EMEMORY;
  for (unsigned long n = 1; status != 0; n++) {
    assert_true(n < 10);
    ca_alloc_fail_at(n);
    status = casync_loop_open(&loop, kind, NULL, NULL);
    ca_alloc_fail_at(0);
    if (status == 0) break;
    assert_int_equal(status, CASYNC_EMEMORY);
    assert_null(loop);
  }
  casync_loop_free(loop);
}

static void opening_without_memory_leaves_nothing_behind(void **state)
{
  (void)state;
  assert_open_survives_failing_allocations(CASYNC_LOOP_OWNED);
}

static void opening_a_virtual_loop_without_memory_leaves_nothing_behind(void **state)
{
  (void)state;
  assert_open_survives_failing_allocations(CASYNC_LOOP_VIRTUAL);
}

/* An iteration */

static void
a_callback_queued_while_callbacks_run_waits_for_the_next_iteration(void **state) /* L1 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b"), *c = callback(world, "c");
  struct callback *a = callback_then(world, "a", then_soon, c);
  soon(world, a);
  soon(world, b);
  run_turns(world->loop, 1);
  assert_trace(world, "a b");
  run_turns(world->loop, 1);
  assert_trace(world, "c");
}

static void a_callback_that_queues_itself_for_ever_does_not_hold_up_an_iteration(void **state)
{
  struct world *world = *state;
  struct callback *a = callback_then(world, "a", then_soon, NULL), *b = callback(world, "b");
  a->data = a;
  soon(world, a);
  soon(world, b);
  run_turns(world->loop, 2);
  assert_trace(world, "a b a");
}

static struct callback *readable(struct world *world, const char *name, int ends[2])
{
  struct callback *callback_ = callback(world, name);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "x", 1), 1);
  assert_int_equal(casync_loop_watch(world->loop, ends[0], CASYNC_READ, &callback_->timer.handle),
                   0);
  return callback_;
}

static void close_pipe(struct world *world, int ends[2])
{
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void an_iteration_runs_what_was_ready_then_io_then_due_timers(void **state) /* L2 */
{
  struct world *world = *state;
  int ends[2];
  at(world, 0, callback(world, "timer"));
  readable(world, "io", ends);
  soon(world, callback(world, "ready"));
  run_turns(world->loop, 1);
  assert_trace(world, "ready io timer");
  close_pipe(world, ends);
}

static void io_is_polled_in_every_iteration(void **state) /* L3 */
{
  struct world *world = *state;
  int ends[2];
  struct callback *a = callback_then(world, "a", then_soon, NULL);
  a->data = a;
  soon(world, a);
  readable(world, "io", ends);
  run_turns(world->loop, 3);
  assert_trace(world, "a io a io a io");
  close_pipe(world, ends);
}

static void iterations_are_counted(void **state)
{
  struct world *world = *state;
  run_turns(world->loop, 7);
  assert_int_equal(casync_loop_iterations(world->loop), 7);
}

/* stop() */

static void stop_lets_the_current_iteration_finish(void **state) /* L9 */
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_stop, NULL));
  soon(world, callback(world, "b"));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "a b");
}

static void stop_in_a_later_callback_ends_the_same_iteration(void **state) /* L9 */
{
  struct world *world = *state;
  struct callback *c = callback(world, "c");
  soon(world, callback_then(world, "a", then_soon, c));
  soon(world, callback_then(world, "b", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "a b");
}

static void what_was_queued_while_stopping_runs_at_the_next_run(void **state) /* L9 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  soon(world, callback_then(world, "stop", then_stop, NULL));
  soon(world, callback_then(world, "a", then_soon, b));
  run_loop(world->loop);
  assert_trace(world, "stop a");
  run_out(world);
  assert_trace(world, "b");
}

static void stop_before_run_gives_exactly_one_iteration(void **state) /* L10 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  soon(world, callback_then(world, "a", then_soon, b));
  casync_loop_stop(world->loop);
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "a");
  assert_int_equal(casync_loop_iterations(world->loop), 1);
}

static void the_stop_flag_is_cleared_on_exit(void **state) /* L10 */
{
  struct world *world = *state;
  casync_loop_stop(world->loop);
  run_loop(world->loop);
  soon(world, callback(world, "a"));
  at(world, 1, callback(world, "b"));
  run_out(world);
  assert_trace(world, "a b");
}

static void a_stopping_iteration_does_not_wait_for_a_timer(void **state) /* L3 */
{
  struct world *world = *state;
  at(world, 9, callback(world, "a"));
  run_turns(world->loop, 1);
  assert_true(casync_loop_time(world->loop) == 0);
}

/* Leaving at once (L16) */

static void leaving_keeps_what_did_not_run(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, callback(world, "b"));
  soon(world, callback(world, "c"));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_trace(world, "a");
  run_out(world);
  assert_trace(world, "b c");
}

static void what_did_not_run_comes_before_what_was_queued_meanwhile(void **state)
{
  struct world *world = *state;
  struct callback *d = callback(world, "d");
  soon(world, callback_then(world, "a", then_soon, d));
  soon(world, callback_then(world, "b", then_leave, NULL));
  soon(world, callback(world, "c"));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_trace(world, "a b");
  run_turns(world->loop, 1);
  assert_trace(world, "c d");
}

static void a_loop_that_was_left_is_not_running(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_leave, NULL));
  run_loop(world->loop);
  assert_false(casync_loop_is_running(world->loop));
}

static void a_loop_that_was_left_can_be_closed(void **state)
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, b);
  run_loop(world->loop);
  assert_int_equal(casync_loop_close(world->loop), 0);
  assert_false(b->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void leaving_wins_over_stopping(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_stop, NULL));
  soon(world, callback_then(world, "b", then_leave, NULL));
  soon(world, callback(world, "c"));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_trace(world, "a b");
}

static void a_handle_kept_by_leaving_can_be_cancelled(void **state)
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, b);
  run_loop(world->loop);
  casync_handle_cancel(world->loop, &b->timer.handle);
  run_out(world);
  assert_trace(world, "a");
}

/* Running and closing */

static void note_running(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, casync_loop_is_running(world->loop) ? "running" : "idle");
}

static void a_loop_is_running_while_it_runs(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", note_running, NULL));
  run_out(world);
  assert_trace(world, "a running");
}

static void then_run(struct world *world, struct callback *callback_)
{
  (void)callback_;
  assert_int_equal(run_loop(world->loop), CASYNC_ERUNNING);
}

static void a_running_loop_cannot_be_run(void **state) /* L13 */
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_run, NULL));
  soon(world, callback_then(world, "b", note_running, NULL));
  run_out(world);
  assert_trace(world, "a b running");
}

static void then_close(struct world *world, struct callback *callback_)
{
  (void)callback_;
  assert_int_equal(casync_loop_close(world->loop), CASYNC_ERUNNING);
}

static void a_running_loop_cannot_be_closed(void **state) /* L14 */
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_close, NULL));
  run_out(world);
  assert_false(casync_loop_is_closed(world->loop));
}

static void closing_twice_is_fine(void **state) /* L14 */
{
  struct world *world = *state;
  assert_int_equal(casync_loop_close(world->loop), 0);
  assert_int_equal(casync_loop_close(world->loop), 0);
  assert_true(casync_loop_is_closed(world->loop));
}

static void a_closed_loop_cannot_be_run(void **state) /* L14 */
{
  struct world *world = *state;
  casync_loop_close(world->loop);
  assert_int_equal(run_loop(world->loop), CASYNC_ECLOSED);
}

static void a_closed_loop_still_tells_its_time(void **state)
{
  struct world *world = *state;
  at(world, 3, callback(world, "a"));
  run_out(world);
  casync_loop_close(world->loop);
  assert_true(casync_loop_time(world->loop) == 3);
}

static void closing_drops_queued_callbacks(void **state) /* L14 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  casync_loop_close(world->loop);
  assert_trace(world, "");
  assert_false(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void closing_drops_timers(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 1, a);
  casync_loop_close(world->loop);
  assert_int_equal(a->timer.handle.heap_index, 0);
}

static void a_closed_loop_watches_nothing(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  casync_loop_close(world->loop);
  assert_int_equal(casync_loop_watch(world->loop, 0, CASYNC_READ, &a->timer.handle),
                   CASYNC_ECLOSED);
  assert_null(casync_loop_unwatch(world->loop, 0, CASYNC_READ));
}

static void freeing_a_closed_loop_forgets_what_was_queued_after_the_close(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  casync_loop_close(world->loop);
  soon(world, a);
  casync_loop_free(world->loop);
  world->loop = NULL;
  assert_false(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

/* The host's attention */

static void then_attend(struct world *world, struct callback *callback_)
{
  (void)callback_;
  casync_loop_attend(world->loop);
}

static void the_host_is_called_before_the_handles_of_the_next_iteration(void **state)
{
  struct world *world = *state;
  struct callback *c = callback(world, "c");
  soon(world, callback_then(world, "a", then_attend, NULL));
  soon(world, callback_then(world, "b", then_soon, c));
  run_out(world);
  assert_trace(world, "a b attend c");
}

static void the_host_is_called_once_for_several_requests(void **state)
{
  struct world *world = *state;
  casync_loop_attend(world->loop);
  casync_loop_attend(world->loop);
  run_turns(world->loop, 2);
  assert_trace(world, "attend");
}

static int ask_again(struct world *world)
{
  note(world, "again");
  casync_loop_attend(world->loop);
  return 0;
}

static void a_request_made_by_the_host_counts_for_the_next_iteration(void **state)
{
  struct world *world = *state;
  world->on_attend = ask_again;
  casync_loop_attend(world->loop);
  run_turns(world->loop, 3);
  assert_trace(world, "again again again");
}

static int refuse(struct world *world)
{
  note(world, "refuse");
  return -77;
}

static void the_host_can_leave_the_loop_with_a_code(void **state)
{
  struct world *world = *state;
  world->on_attend = refuse;
  casync_loop_attend(world->loop);
  assert_int_equal(run_loop(world->loop), -77);
}

static void handles_stay_queued_when_the_host_leaves(void **state)
{
  struct world *world = *state;
  world->on_attend = refuse;
  soon(world, callback(world, "a"));
  casync_loop_attend(world->loop);
  run_loop(world->loop);
  assert_trace(world, "refuse");
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void an_iteration_that_the_host_left_still_counts(void **state)
{
  struct world *world = *state;
  world->on_attend = refuse;
  casync_loop_attend(world->loop);
  run_loop(world->loop);
  assert_int_equal(casync_loop_iterations(world->loop), 1);
}

static void a_loop_without_host_ignores_requests(void **state)
{
  (void)state;
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open(&loop, CASYNC_LOOP_VIRTUAL, NULL, NULL), 0);
  casync_loop_attend(loop);
  run_turns(loop, 2);
  casync_loop_free(loop);
}

static void note_current(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, casync_loop_current_task(world->loop) == NULL ? "none" : "some");
}

static void no_task_is_current_in_a_callback(void **state) /* L19 */
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", note_current, NULL));
  run_out(world);
  assert_trace(world, "a none");
}

/* Those above core/ that have something to do at the close */

struct closing {
  struct ca_closer closer;
  const char *name;
};

static void note_close(struct casync_loop *loop, struct ca_closer *closer, double patience)
{
  const struct closing *closing = ca_container_of(closer, struct closing, closer);
  note(world_of(loop), patience > 0 ? "%s-patiently" : "%s", closing->name);
}

static void add_closer(struct world *world, struct casync_loop *loop, const char *name)
{
  struct closing *closing = keep(world, sizeof *closing);
  *closing = (struct closing){{NULL, note_close}, name};
  ca_loop_add_closer(loop, &closing->closer);
}

static void closers_are_called_once_last_made_first(void **state)
{
  struct world *world = *state;
  add_closer(world, world->loop, "a");
  add_closer(world, world->loop, "b");
  casync_loop_close(world->loop);
  casync_loop_close(world->loop);
  assert_trace(world, "b a");
}

static void only_freeing_a_loop_that_nobody_closed_may_take_time(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  add_closer(world, loop, "a");
  casync_loop_free(loop);
  loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  add_closer(world, loop, "b");
  casync_loop_close(loop);
  casync_loop_free(loop);
  assert_trace(world, "a-patiently b");
}

static const struct CMUnitTest tests[] = {
    it(closers_are_called_once_last_made_first),
    it(only_freeing_a_loop_that_nobody_closed_may_take_time),
    it(a_new_loop_is_neither_running_nor_closed),
    it(the_data_of_the_host_comes_back),
    it(a_new_loop_has_made_no_iteration),
    it(an_unknown_kind_of_loop_is_refused),
    it(opening_without_memory_leaves_nothing_behind),
    it(opening_a_virtual_loop_without_memory_leaves_nothing_behind),
    it(a_callback_queued_while_callbacks_run_waits_for_the_next_iteration),
    it(a_callback_that_queues_itself_for_ever_does_not_hold_up_an_iteration),
    it(an_iteration_runs_what_was_ready_then_io_then_due_timers),
    it(io_is_polled_in_every_iteration),
    it(iterations_are_counted),
    it(stop_lets_the_current_iteration_finish),
    it(stop_in_a_later_callback_ends_the_same_iteration),
    it(what_was_queued_while_stopping_runs_at_the_next_run),
    it(stop_before_run_gives_exactly_one_iteration),
    it(the_stop_flag_is_cleared_on_exit),
    it(a_stopping_iteration_does_not_wait_for_a_timer),
    it(leaving_keeps_what_did_not_run),
    it(what_did_not_run_comes_before_what_was_queued_meanwhile),
    it(a_loop_that_was_left_is_not_running),
    it(a_loop_that_was_left_can_be_closed),
    it(leaving_wins_over_stopping),
    it(a_handle_kept_by_leaving_can_be_cancelled),
    it(a_loop_is_running_while_it_runs),
    it(a_running_loop_cannot_be_run),
    it(a_running_loop_cannot_be_closed),
    it(closing_twice_is_fine),
    it(a_closed_loop_cannot_be_run),
    it(a_closed_loop_still_tells_its_time),
    it(closing_drops_queued_callbacks),
    it(closing_drops_timers),
    it(a_closed_loop_watches_nothing),
    it(freeing_a_closed_loop_forgets_what_was_queued_after_the_close),
    it(the_host_is_called_before_the_handles_of_the_next_iteration),
    it(the_host_is_called_once_for_several_requests),
    it(a_request_made_by_the_host_counts_for_the_next_iteration),
    it(the_host_can_leave_the_loop_with_a_code),
    it(handles_stay_queued_when_the_host_leaves),
    it(an_iteration_that_the_host_left_still_counts),
    it(a_loop_without_host_ignores_requests),
    it(no_task_is_current_in_a_callback),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
