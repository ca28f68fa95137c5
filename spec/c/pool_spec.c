/* SPDX-License-Identifier: MIT
 *
 * runtime/work/pool.c: jobs in threads, and what becomes of both.  Run under TSan.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "support.h"
#include "work/work.h"

/* Where jobs report, and where those that are to last wait.  It outlives every world, since threads
 * may. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool is_open;                    /* jobs that wait may go on */
  int begun, running, most, ended; /* jobs that ran */
  int freed;
  bool has_signals; /* a job found a signal that is not blocked */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct work {
  struct casync_job job;
  struct world *world;
  const char *name;
  bool waits; /* until the gate is open */
};

static void open_gate(void)
{
  pthread_mutex_lock(&gate.lock);
  gate.is_open = true;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

/* Waits until `*counter` has reached `wanted`; fails after some seconds. */
static void await_count(const int *counter, int wanted)
{
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 20;
  int status = 0;
  pthread_mutex_lock(&gate.lock);
  while (*counter < wanted && status == 0)
    status = pthread_cond_timedwait(&gate.changed, &gate.lock, &deadline);
  int count = *counter;
  pthread_mutex_unlock(&gate.lock);
  assert_int_equal(count, wanted);
}

static int read_count(const int *counter)
{
  pthread_mutex_lock(&gate.lock);
  int count = *counter;
  pthread_mutex_unlock(&gate.lock);
  return count;
}

static void note_signals(void)
{
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  gate.has_signals = gate.has_signals || !sigismember(&blocked, SIGINT) ||
                     !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGCHLD);
}

static void run(struct casync_job *job)
{
  const struct work *work = ca_container_of(job, struct work, job);
  pthread_mutex_lock(&gate.lock);
  note_signals();
  gate.begun++;
  if (++gate.running > gate.most) gate.most = gate.running;
  pthread_cond_broadcast(&gate.changed);
  while (work->waits && !gate.is_open) pthread_cond_wait(&gate.changed, &gate.lock);
  gate.running--;
  gate.ended++;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static void on_done(struct casync_loop *loop, struct casync_job *job)
{
  note(world_of(loop), "%s", ca_container_of(job, struct work, job)->name);
}

static void free_work(struct casync_job *job)
{
  ca_free(ca_container_of(job, struct work, job));
  pthread_mutex_lock(&gate.lock);
  gate.freed++;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static const struct casync_job_type type = {run, on_done, free_work};

static struct casync_job *new_job(struct world *world, const char *name, bool waits)
{
  struct work *work = ca_alloc_zero(sizeof *work);
  assert_non_null(work);
  *work = (struct work){.job.type = &type, .world = world, .name = name, .waits = waits};
  return &work->job;
}

static struct casync_job *submit(struct world *world, const char *name, bool waits)
{
  struct casync_job *job = new_job(world, name, waits);
  assert_int_equal(casync_work_submit(world->loop, job), 0);
  return job;
}

static int set_up(void **state)
{
  gate.is_open = false;
  gate.has_signals = false;
  gate.begun = gate.running = gate.most = gate.ended = gate.freed = 0;
  return world_open(state);
}

static int tear_down(void **state)
{
  open_gate();
  return world_close(state);
}

#define it_works(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void limit_threads(struct world *world, int most)
{
  ca_pool_of(world->loop)->most = most;
}

/* Running jobs */

static void a_job_runs_and_comes_back_to_the_loop(void **state)
{
  struct world *world = *state;
  submit(world, "a", false);
  run_out(world);
  assert_trace(world, "a");
  assert_int_equal(gate.freed, 1);
}

static void jobs_of_one_thread_run_in_order(void **state)
{
  struct world *world = *state;
  limit_threads(world, 1);
  submit(world, "a", false);
  submit(world, "b", false);
  submit(world, "c", false);
  run_out(world);
  assert_trace(world, "a b c");
  assert_int_equal(gate.most, 1);
}

static void jobs_run_at_the_same_time(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 4; i++) submit(world, "x", true);
  await_count(&gate.begun, 4);
  assert_int_equal(casync_work_threads(world->loop), 4);
  open_gate();
  run_out(world);
  assert_trace(world, "x x x x");
}

static bool has_finished(struct ca_pool *pool)
{
  pthread_mutex_lock(&pool->lock);
  bool result = !ca_list_is_empty(&pool->finished);
  pthread_mutex_unlock(&pool->lock);
  return result;
}

static void submit_next(struct world *world, const char *name);

/* While the loop picks up a job the next one begins and finishes. */
static void on_done_slowly(struct casync_loop *loop, struct casync_job *job)
{
  const char *name = ca_container_of(job, struct work, job)->name;
  on_done(loop, job);
  if (name[1] == '\0') return;
  submit_next(world_of(loop), name + 1);
  for (int i = 0; !has_finished(loop->pool) && i < 100000; i++) usleep(50);
}

static const struct casync_job_type slow_type = {run, on_done_slowly, free_work};

static void submit_next(struct world *world, const char *name)
{
  struct casync_job *job = new_job(world, name, false);
  job->type = &slow_type;
  assert_int_equal(casync_work_submit(world->loop, job), 0);
}

static void jobs_may_finish_while_others_are_picked_up(void **state)
{
  struct world *world = *state;
  submit_next(world, "abc");
  run_out(world);
  assert_trace(world, "abc bc c");
}

static void there_are_no_more_threads_than_allowed(void **state)
{
  struct world *world = *state;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  int most = processors + 4 < 32 ? (int)processors + 4 : 32;
  for (int i = 0; i < 200; i++) submit(world, "x", true);
  assert_int_equal(casync_work_threads(world->loop), most);
  await_count(&gate.begun, most);
  open_gate();
  run_out(world);
  assert_int_equal(gate.freed, 200);
  assert_int_equal(gate.most, most);
}

static void a_thread_that_is_idle_is_used_again(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 50; i++) {
    submit(world, "x", false);
    run_out(world);
    while (__atomic_load_n(&world->loop->pool->idle, __ATOMIC_RELAXED) == 0) usleep(50);
  }
  assert_int_equal(casync_work_threads(world->loop), 1);
}

static void no_thread_is_made_without_work(void **state)
{
  struct world *world = *state;
  run_turns(world->loop, 3);
  assert_int_equal(casync_work_threads(world->loop), 0);
}

static void idle_threads_end(void **state)
{
  struct world *world = *state;
  ca_pool_of(world->loop)->idle_time = 1;
  submit(world, "a", false);
  run_out(world);
  for (int i = 0; i < 4000 && casync_work_threads(world->loop) > 0; i++) usleep(1000);
  assert_int_equal(casync_work_threads(world->loop), 0);
  submit(world, "b", false);
  run_out(world);
  assert_trace(world, "a b");
}

static void signals_are_blocked_in_jobs_only(void **state)
{
  struct world *world = *state;
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  submit(world, "a", false);
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  run_out(world);
  assert_false(gate.has_signals);
  assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

static void an_owned_loop_is_woken_by_a_job(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  struct casync_job *job = new_job(world, "a", true);
  assert_int_equal(casync_work_submit(loop, job), 0);
  await_count(&gate.begun, 1);
  open_gate();
  while (read_count(&gate.freed) == 0) assert_int_equal(loop->poller->wait(loop, 10), 0);
  assert_trace(world, "a");
  casync_loop_free(loop);
}

/* Cancelling */

static void a_job_that_waits_is_dropped_by_a_cancel(void **state)
{
  struct world *world = *state;
  limit_threads(world, 1);
  submit(world, "first", true);
  await_count(&gate.begun, 1);
  assert_true(casync_work_cancel(world->loop, submit(world, "second", false)));
  assert_int_equal(read_count(&gate.freed), 1);
  open_gate();
  run_out(world);
  assert_trace(world, "first");
  assert_int_equal(gate.begun, 1);
}

static void the_result_of_a_job_that_runs_is_thrown_away(void **state)
{
  struct world *world = *state;
  struct casync_job *job = submit(world, "a", true);
  await_count(&gate.begun, 1);
  assert_false(casync_work_cancel(world->loop, job));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK); /* nobody waits for it */
  open_gate();
  await_count(&gate.freed, 1);
  run_out(world);
  assert_trace(world, "");
}

static void the_result_of_a_job_that_ran_is_thrown_away(void **state)
{
  struct world *world = *state;
  limit_threads(world, 1);
  struct casync_job *job = submit(world, "a", false);
  submit(world, "b", true);
  await_count(&gate.begun, 2);
  assert_false(casync_work_cancel(world->loop, job));
  assert_int_equal(read_count(&gate.freed), 1);
  open_gate();
  run_out(world);
  assert_trace(world, "b");
}

/* Closing */

static void a_closed_loop_refuses_jobs(void **state)
{
  struct world *world = *state;
  struct casync_job *job = new_job(world, "a", false);
  casync_loop_close(world->loop);
  assert_int_equal(casync_work_submit(world->loop, job), CASYNC_ECLOSED);
  free_work(job);
}

static void closing_drops_what_waits_and_what_was_not_picked_up(void **state)
{
  struct world *world = *state;
  limit_threads(world, 1);
  submit(world, "ran", false);
  submit(world, "runs", true);
  submit(world, "waits", false);
  await_count(&gate.begun, 2);
  casync_loop_close(world->loop);
  assert_int_equal(read_count(&gate.freed), 2);
  open_gate();
  await_count(&gate.freed, 3);
  assert_int_equal(gate.begun, 2);
  assert_trace(world, "");
}

static void closing_does_not_wait_for_a_job(void **state)
{
  struct world *world = *state;
  submit(world, "a", true);
  await_count(&gate.begun, 1);
  casync_loop_close(world->loop);
  assert_int_equal(read_count(&gate.ended), 0);
  assert_int_equal(casync_work_threads(world->loop), 0); /* none that is the loop's */
  open_gate();
  await_count(&gate.freed, 1);
}

static void closing_ends_idle_threads(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 4; i++) submit(world, "x", false);
  run_out(world);
  casync_loop_close(world->loop); /* world_close() counts them */
  assert_trace(world, "x x x x");
}

static void a_job_may_outlive_its_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  assert_int_equal(casync_work_submit(loop, new_job(world, "a", true)), 0);
  await_count(&gate.begun, 1);
  casync_loop_close(loop);
  casync_loop_free(loop);
  open_gate();
  await_count(&gate.freed, 1);
  assert_trace(world, "");
}

static void *open_gate_later(void *data)
{
  usleep(20000);
  open_gate();
  return data;
}

static void freeing_a_loop_that_is_open_waits_for_its_jobs_a_while(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  pthread_t opener;
  assert_int_equal(casync_work_submit(loop, new_job(world, "a", true)), 0);
  await_count(&gate.begun, 1);
  assert_int_equal(pthread_create(&opener, NULL, open_gate_later, NULL), 0);
  casync_loop_free(loop);
  assert_int_equal(read_count(&gate.freed), 1);
  pthread_join(opener, NULL);
}

static void freeing_a_loop_that_is_open_gives_up_after_a_second(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  assert_int_equal(casync_work_submit(loop, new_job(world, "a", true)), 0);
  await_count(&gate.begun, 1);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  casync_loop_free(loop);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double took = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
  assert_true(took > 0.9 && took < 10);
  assert_int_equal(read_count(&gate.freed), 0);
  open_gate();
  await_count(&gate.freed, 1);
}

static void a_loop_may_be_closed_while_jobs_come_back(void **state)
{
  struct world *world = *state;
  for (int round = 0; round < 50; round++) {
    struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_OWNED);
    for (int i = 0; i < 8; i++)
      assert_int_equal(casync_work_submit(loop, new_job(world, "x", false)), 0);
    if (round % 2 == 0) run_turns(loop, 1);
    casync_loop_close(loop);
    casync_loop_free(loop);
    take_trace(world);
  }
  await_count(&gate.freed, 400);
}

/* The virtual clock */

static void the_clock_stands_still_while_a_job_runs(void **state)
{
  struct world *world = *state;
  at(world, 3600, callback(world, "timer"));
  submit(world, "job", true);
  pthread_t opener;
  assert_int_equal(pthread_create(&opener, NULL, open_gate_later, NULL), 0);
  run_out(world);
  pthread_join(opener, NULL);
  assert_trace(world, "job timer");
}

/* Memory */

static void without_memory_a_job_is_refused(void **state)
{
  struct world *world = *state;
  struct casync_job *job = new_job(world, "a", false);
  ca_alloc_fail_at(1);
  assert_int_equal(casync_work_submit(world->loop, job), CASYNC_EMEMORY);
  ca_alloc_fail_at(0);
  assert_int_equal(casync_work_submit(world->loop, job), 0);
  run_out(world);
  assert_trace(world, "a");
}

static const struct CMUnitTest tests[] = {
    it_works(a_job_runs_and_comes_back_to_the_loop),
    it_works(jobs_of_one_thread_run_in_order),
    it_works(jobs_run_at_the_same_time),
    it_works(jobs_may_finish_while_others_are_picked_up),
    it_works(there_are_no_more_threads_than_allowed),
    it_works(a_thread_that_is_idle_is_used_again),
    it_works(no_thread_is_made_without_work),
    it_works(idle_threads_end),
    it_works(signals_are_blocked_in_jobs_only),
    it_works(an_owned_loop_is_woken_by_a_job),
    it_works(a_job_that_waits_is_dropped_by_a_cancel),
    it_works(the_result_of_a_job_that_runs_is_thrown_away),
    it_works(the_result_of_a_job_that_ran_is_thrown_away),
    it_works(a_closed_loop_refuses_jobs),
    it_works(closing_drops_what_waits_and_what_was_not_picked_up),
    it_works(closing_does_not_wait_for_a_job),
    it_works(closing_ends_idle_threads),
    it_works(a_job_may_outlive_its_loop),
    it_works(freeing_a_loop_that_is_open_waits_for_its_jobs_a_while),
    it_works(freeing_a_loop_that_is_open_gives_up_after_a_second),
    it_works(a_loop_may_be_closed_while_jobs_come_back),
    it_works(the_clock_stands_still_while_a_job_runs),
    it_works(without_memory_a_job_is_refused),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
