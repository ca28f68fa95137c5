/* SPDX-License-Identifier: MIT
 *
 * runtime/core/verify.c: a sound loop passes everywhere; a broken one ends a hard build.  What is
 * broken is broken in a child process.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script.h"

#if defined(CA_HARD) && !defined(NDEBUG)
enum { IS_HARD = 1 };
#else
enum { IS_HARD = 0 };
#endif

static void an_empty_loop_is_sound(void **state)
{
  struct world *world = *state;
  casync_loop_verify(world->loop);
}

static void a_loop_full_of_things_is_sound(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  for (int i = 0; i < 30; i++) at(world, 30 - i % 7, callback(world, "timer"));
  for (int i = 0; i < 5; i++) soon(world, callback(world, "ready"));
  script_start(world, SCRIPT(SLEEP(9)));
  script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  soon(world, callback(world, "more"));
  casync_loop_verify(world->loop);
}

static void then_verify(struct world *world, struct callback *callback_)
{
  (void)callback_;
  casync_loop_verify(world->loop);
}

static void a_loop_that_was_left_is_sound(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, callback(world, "b"));
  casync_loop_run(world->loop);
  casync_loop_verify(world->loop);
}

static void a_closed_loop_is_sound(void **state)
{
  struct world *world = *state;
  soon(world, callback(world, "a"));
  at(world, 1, callback(world, "b"));
  casync_loop_close(world->loop);
  casync_loop_verify(world->loop);
}

static void a_loop_can_be_verified_from_its_last_callback(void **state)
{
  struct world *world = *state;
  soon(world, callback(world, "a"));
  soon(world, callback_then(world, "b", then_verify, NULL));
  run_out(world);
}

/* The signal that ends a child in which `damage` was done before the check; 0 if none. */
static int signal_after(struct world *world, void (*damage)(struct world *world))
{
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    damage(world);
    casync_loop_verify(world->loop);
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void assert_noticed(struct world *world, void (*damage)(struct world *world))
{
  assert_int_equal(signal_after(world, damage), IS_HARD ? SIGABRT : 0);
}

static struct callback *queued(struct world *world)
{
  struct callback *callback_ = callback(world, "a");
  soon(world, callback_);
  return callback_;
}

static void forget_mark(struct world *world)
{
  queued(world)->timer.handle.flags = 0;
}

static void a_queued_handle_without_mark_is_noticed(void **state)
{
  assert_noticed(*state, forget_mark);
}

static void mark_waiting(struct world *world)
{
  queued(world)->timer.handle.flags |= CASYNC_HANDLE_WAITING;
}

static void a_handle_in_two_places_is_noticed(void **state)
{
  assert_noticed(*state, mark_waiting);
}

static void break_chain(struct world *world)
{
  struct callback *first = queued(world);
  queued(world);
  queued(world);
  first->timer.handle.node.next->prev = &world->loop->ready.queue;
}

static void a_broken_queue_is_noticed(void **state)
{
  assert_noticed(*state, break_chain);
}

static void leave_in_batch(struct world *world)
{
  queued(world);
  ca_list_append(&world->loop->ready.batch, &world->loop->ready.queue);
}

static void a_handle_left_in_the_batch_is_noticed(void **state)
{
  assert_noticed(*state, leave_in_batch);
}

static void fill_heap(struct world *world)
{
  for (int i = 0; i < 10; i++) at(world, i, callback(world, "timer"));
}

static void misplace_timer(struct world *world)
{
  fill_heap(world);
  world->loop->timers.heap[3].timer->handle.heap_index = 4;
}

static void a_timer_that_knows_a_wrong_place_is_noticed(void **state)
{
  assert_noticed(*state, misplace_timer);
}

static void disorder_heap(struct world *world)
{
  fill_heap(world);
  world->loop->timers.heap[1].when = 99;
}

static void a_heap_out_of_order_is_noticed(void **state)
{
  assert_noticed(*state, disorder_heap);
}

static void disorder_equals(struct world *world)
{
  for (int i = 0; i < 3; i++) at(world, 1, callback(world, "timer"));
  world->loop->timers.heap[1].timer->sequence = 2;
  world->loop->timers.heap[3].timer->sequence = 0;
}

static void equal_deadlines_out_of_order_are_noticed(void **state)
{
  assert_noticed(*state, disorder_equals);
}

static const struct CMUnitTest tests[] = {
    it(an_empty_loop_is_sound),
    it(a_loop_full_of_things_is_sound),
    it(a_loop_that_was_left_is_sound),
    it(a_closed_loop_is_sound),
    it(a_loop_can_be_verified_from_its_last_callback),
    it(a_queued_handle_without_mark_is_noticed),
    it(a_handle_in_two_places_is_noticed),
    it(a_broken_queue_is_noticed),
    it(a_handle_left_in_the_batch_is_noticed),
    it(a_timer_that_knows_a_wrong_place_is_noticed),
    it(a_heap_out_of_order_is_noticed),
    it(equal_deadlines_out_of_order_are_noticed),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
