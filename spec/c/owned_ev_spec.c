/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/owned_ev.c: a loop on the real poller, and several of them in one process.  A few
 * milliseconds of the wall clock pass here.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "drive.h"
#include "script.h"

static double monotonic(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void the_clock_is_the_monotonic_one(void **state) /* L22 */
{
  struct world *world = *state;
  double before = monotonic(), now = casync_loop_time(world->loop), after = monotonic();
  assert_true(before <= now && now <= after);
}

static void the_clock_goes_on_inside_an_iteration(void **state)
{
  struct world *world = *state;
  double before = casync_loop_time(world->loop);
  usleep(1000);
  assert_true(casync_loop_time(world->loop) >= before + 0.001);
}

static void note_early(struct world *world, struct callback *callback_)
{
  const double *deadline = callback_->data;
  if (casync_loop_time(world->loop) + CA_CLOCK_RESOLUTION < *deadline) note(world, "early");
  casync_loop_stop(world->loop);
}

static void a_timer_is_never_early(void **state) /* L4 */
{
  struct world *world = *state;
  for (int i = 0; i < 20; i++) {
    double deadline = casync_loop_time(world->loop) + i * 1e-4;
    at(world, deadline, callback_then(world, "timer", note_early, &deadline));
    assert_int_equal(run_loop(world->loop), 0);
    assert_trace(world, "timer");
  }
}

static void a_wait_for_a_timer_takes_few_iterations(void **state)
{
  struct world *world = *state;
  at(world, casync_loop_time(world->loop) + 0.003, callback_then(world, "timer", then_stop, NULL));
  run_loop(world->loop);
  assert_true(casync_loop_iterations(world->loop) < 10);
}

static void a_timer_runs_while_a_callback_keeps_the_loop_busy(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "", then_soon, NULL);
  busy->data = busy;
  soon(world, busy);
  at(world, casync_loop_time(world->loop) + 0.002, callback_then(world, "", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
}

static void *write_later(void *data)
{
  const int *ends = data;
  usleep(2000);
  return write(ends[1], "x", 1) == 1 ? data : NULL;
}

static void a_descriptor_ends_a_wait_without_end(void **state)
{
  struct world *world = *state;
  struct callback *reader = callback_then(world, "read", then_stop, NULL);
  pthread_t writer;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle);
  assert_int_equal(pthread_create(&writer, NULL, write_later, ends), 0);
  assert_int_equal(run_loop(world->loop), 0);
  pthread_join(writer, NULL);
  assert_trace(world, "read");
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void a_descriptor_comes_before_a_later_timer(void **state)
{
  struct world *world = *state;
  struct callback *reader = callback_then(world, "read", then_stop, NULL);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "x", 1), 1);
  casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle);
  at(world, casync_loop_time(world->loop) + 60, callback(world, "timer"));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "read");
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void a_wait_that_ended_early_does_not_lengthen_the_next(void **state)
{
  struct world *world = *state;
  at(world, casync_loop_time(world->loop) + 60, callback(world, "never"));
  casync_loop_wake(world->loop);
  world->loop->poller->wait(world->loop, 60);
  at(world, casync_loop_time(world->loop) + 0.002, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "timer");
}

/* What opening a loop gives in a process that may not open another descriptor. */
static int open_without_descriptors(enum casync_loop_kind kind)
{
  struct casync_loop *loop = NULL;
  struct rlimit limit = {0, 0};
  setrlimit(RLIMIT_CORE, &limit);
  int lowest = dup(STDIN_FILENO);
  close(lowest);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = (rlim_t)lowest;
  setrlimit(RLIMIT_NOFILE, &limit);
  return casync_loop_open(&loop, kind, NULL, NULL);
}

static void assert_refused_without_descriptors(enum casync_loop_kind kind)
{
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    _exit(open_without_descriptors(kind) == -EMFILE ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void a_loop_without_descriptors_is_refused(void **state)
{
  (void)state;
  assert_refused_without_descriptors(CASYNC_LOOP_OWNED);
}

static void a_virtual_loop_without_descriptors_is_refused(void **state)
{
  (void)state;
  assert_refused_without_descriptors(CASYNC_LOOP_VIRTUAL);
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
  struct world *world = *state;
  double now = casync_loop_time(world->loop);
  at(world, now + 0.003, callback_then(world, "c", then_stop, NULL));
  at(world, now + 0.001, callback(world, "a"));
  at(world, now + 0.002, callback(world, "b"));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "a b c");
}

/* Several loops in one thread */

static void queue_on(struct casync_loop *loop, struct callback *callback_)
{
  casync_loop_call_soon(loop, &callback_->timer.handle);
}

static void then_queue_itself(struct world *world, struct callback *callback_)
{
  (void)world;
  queue_on(callback_->data, callback_);
}

static void two_loops_take_turns(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_OWNED);
  queue_on(world->loop, callback_then(world, "a", then_queue_itself, world->loop));
  queue_on(other, callback_then(world, "b", then_queue_itself, other));
  for (int i = 0; i < 3; i++) {
    run_turns(world->loop, 1);
    run_turns(other, 1);
  }
  assert_trace(world, "a b a b a b");
  casync_loop_free(other);
}

static void then_run_other(struct world *world, struct callback *callback_)
{
  struct casync_loop *other = callback_->data;
  casync_loop_stop(other);
  assert_int_equal(run_loop(other), 0);
  note(world, casync_loop_is_running(world->loop) ? "outer" : "none");
}

static void a_callback_of_one_loop_may_run_another(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_OWNED);
  queue_on(other, callback(world, "inner"));
  soon(world, callback_then(world, "a", then_run_other, other));
  soon(world, callback(world, "b"));
  run_turns(world->loop, 1);
  assert_trace(world, "a inner outer b");
  casync_loop_free(other);
}

static void stopping_one_loop_does_not_stop_another(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  casync_loop_stop(world->loop);
  assert_int_equal(run_loop(other), CASYNC_EDEADLOCK);
  casync_loop_free(other);
}

static void loops_may_be_freed_in_any_order(void **state)
{
  struct world *world = *state;
  struct casync_loop *loops[8];
  for (int i = 0; i < 8; i++) loops[i] = world_add_loop(world, CASYNC_LOOP_OWNED);
  for (int i = 0; i < 8; i++) run_turns(loops[i], 1);
  for (int i = 0; i < 8; i++) casync_loop_free(loops[(i * 3) % 8]);
}

static void a_task_may_await_a_future_of_its_loop_that_another_loop_completes(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_OWNED);
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(AWAIT(future), SAY("woken")));
  queue_on(other, callback_then(world, "complete", then_complete, future));
  run_turns(world->loop, 1);
  run_turns(other, 1);
  run_turns(world->loop, 1);
  assert_trace(world, "complete woken");
  casync_loop_free(other);
}

/* One loop a thread */

enum { THREADS = 4, ROUNDS = 20 };

struct thread {
  pthread_t id;
  char trace[64];
};

/* Two tasks that pass a ball, a cancelled sleeper, one who waits for it and sleeps, and the end. */
static void run_program(struct world *world)
{
  struct casync_future *ping = new_future(world), *pong = new_future(world);
  struct script *cancelled = script_start(world, SCRIPT(SLEEP(60), CATCH, SAY("ce"), RERAISE));
  struct script *sleeper =
      script_start(world, SCRIPT(AWAIT_TASK(cancelled), CATCH, SLEEP(0.001), SAY("slept")));
  script_start(world, SCRIPT(AWAIT(ping), SAY("ping"), COMPLETE(pong)));
  script_start(world, SCRIPT(COMPLETE(ping), AWAIT(pong), SAY("pong"), CANCEL_TASK(cancelled)));
  casync_future_wait(&sleeper->task.future,
                     &callback_then(world, "end", then_stop, NULL)->timer.handle);
  run_loop(world->loop);
}

static void *run_alone(void *data)
{
  struct thread *thread = data;
  for (int i = 0; i < ROUNDS; i++) {
    struct world *world = world_new(CASYNC_LOOP_OWNED);
    run_program(world);
    snprintf(thread->trace, sizeof thread->trace, "%s", take_trace(world));
    world_free(world);
  }
  return NULL;
}

static void every_thread_may_have_a_loop(void **state)
{
  (void)state;
  struct thread threads[THREADS];
  for (int t = 0; t < THREADS; t++)
    assert_int_equal(pthread_create(&threads[t].id, NULL, run_alone, &threads[t]), 0);
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t].id, NULL);
  for (int t = 0; t < THREADS; t++)
    assert_string_equal(threads[t].trace, "ping pong true ce slept end");
}

static void *run_given(void *data)
{
  run_program(data);
  return NULL;
}

static void a_loop_may_be_opened_in_one_thread_and_run_in_another(void **state)
{
  struct world *world = *state;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, run_given, world), 0);
  pthread_join(thread, NULL);
  assert_trace(world, "ping pong true ce slept end");
}

static const struct CMUnitTest tests[] = {
    it_owned(the_clock_is_the_monotonic_one),
    it_owned(the_clock_goes_on_inside_an_iteration),
    it_owned(a_timer_is_never_early),
    it_owned(a_wait_for_a_timer_takes_few_iterations),
    it_owned(a_timer_runs_while_a_callback_keeps_the_loop_busy),
    it_owned(a_descriptor_ends_a_wait_without_end),
    it_owned(a_descriptor_comes_before_a_later_timer),
    it_owned(a_wait_that_ended_early_does_not_lengthen_the_next),
    it_owned(a_loop_without_descriptors_is_refused),
    it_owned(a_virtual_loop_without_descriptors_is_refused),
    it_owned(timers_fire_in_the_order_of_their_deadlines),
    it_owned(two_loops_take_turns),
    it_owned(a_callback_of_one_loop_may_run_another),
    it_owned(stopping_one_loop_does_not_stop_another),
    it_owned(loops_may_be_freed_in_any_order),
    it_owned(a_task_may_await_a_future_of_its_loop_that_another_loop_completes),
    it_owned(every_thread_may_have_a_loop),
    it_owned(a_loop_may_be_opened_in_one_thread_and_run_in_another),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
