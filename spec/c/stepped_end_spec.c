/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/stepped.c, epoll.c or kqueue.c: descriptors that were closed under it, costs,
 * failures.
 */
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "drive.h"

enum { MANY = 100 };

static void watch(struct world *world, int fd, struct callback *reader)
{
  assert_int_equal(casync_loop_watch(world->loop, fd, CASYNC_READ, &reader->timer.handle), 0);
}

static void open_pipe(struct world *world, int ends[2], const char *name)
{
  assert_int_equal(pipe(ends), 0);
  watch(world, ends[0], callback(world, name));
}

static void put(int fd)
{
  assert_int_equal(write(fd, "x", 1), 1);
}

static void close_pipe(struct world *world, const int ends[2])
{
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void step(struct world *world)
{
  assert_int_equal(casync_loop_step(world->loop), 0);
}

static bool is_readable(struct world *world)
{
  return drive_is_readable(world->loop);
}

/* ---- descriptors that go away ---- */

static void a_descriptor_that_was_closed_is_silent(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(world, ends, "read");
  put(ends[1]);
  close(ends[0]);
  assert_false(is_readable(world));
  step(world);
  assert_non_null(casync_loop_unwatch(world->loop, ends[0], CASYNC_READ));
  close(ends[1]);
  assert_trace(world, "");
}

static void the_number_of_a_closed_descriptor_can_be_watched_again(void **state)
{
  struct world *world = *state;
  int ends[2], again[2];
  open_pipe(world, ends, "old");
  close_pipe(world, ends);
  open_pipe(world, again, "new");
  put(again[1]);
  step(world);
  assert_trace(world, "new");
  close_pipe(world, again);
}

/* The kernel goes on reporting the old one, by the number that the new one has now. */
static void a_copy_of_a_closed_descriptor_is_not_taken_for_another(void **state)
{
  struct world *world = *state;
  int ends[2], again[2];
  open_pipe(world, ends, "old");
  int copy = dup(ends[0]);
  close(ends[0]);
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  put(ends[1]);
  open_pipe(world, again, "new");
  assert_int_equal(again[0], ends[0]);
  step(world);
  assert_trace(world, "");
  put(again[1]);
  step(world);
  assert_trace(world, "new");
  close(copy);
  close(ends[1]);
  close_pipe(world, again);
}

static void a_new_file_under_a_watched_number_is_watched_when_a_direction_is_added(void **state)
{
  struct world *world = *state;
  int ends[2], again[2];
  open_pipe(world, ends, "old");
  close(ends[0]);
  assert_int_equal(pipe(again), 0);
  assert_int_equal(again[0], ends[0]);
  struct callback *writer = callback(world, "write");
  casync_loop_watch(world->loop, again[0], CASYNC_WRITE, &writer->timer.handle);
  put(again[1]);
  step(world);
  assert_trace(world, "old");
  casync_loop_unwatch(world->loop, again[0], CASYNC_WRITE);
  close(ends[1]);
  close_pipe(world, again);
}

/* ---- costs and failures ---- */

static void an_idle_loop_wakes_nobody(void **state)
{
  struct world *world = *state;
  struct pollfd wanted = {.fd = casync_loop_fd(world->loop), .events = POLLIN};
  int ends[2];
  open_pipe(world, ends, "read");
  at(world, casync_loop_time(world->loop) + 60, callback(world, "never"));
  step(world);
  assert_int_equal(poll(&wanted, 1, 20), 0);
  assert_true(casync_loop_timeout(world->loop) > 50);
  close_pipe(world, ends);
}

static void opening_without_memory_leaves_nothing_behind(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = NULL;
  (void)world;
  for (int n = 1; n <= 3; n++) {
    ca_alloc_fail_at(n);
    int status = casync_loop_open(&loop, CASYNC_LOOP_STEPPED, NULL, NULL);
    ca_alloc_fail_at(0);
    assert_int_equal(status, CASYNC_EMEMORY);
  }
  assert_null(loop);
}

/* With room for `room` more descriptors. */
static int open_with_descriptors(int room)
{
  struct casync_loop *loop = NULL;
  struct rlimit limit, less;
  int lowest = dup(STDIN_FILENO);
  close(lowest);
  getrlimit(RLIMIT_NOFILE, &limit);
  less = limit;
  less.rlim_cur = (rlim_t)lowest + (rlim_t)room;
  setrlimit(RLIMIT_NOFILE, &less);
  int status = casync_loop_open(&loop, CASYNC_LOOP_STEPPED, NULL, NULL);
  setrlimit(RLIMIT_NOFILE, &limit);
  return status;
}

static void opening_without_descriptors_is_refused(void **state)
{
  (void)state;
  assert_int_equal(open_with_descriptors(0), -EMFILE);
  assert_int_equal(open_with_descriptors(1), -EMFILE);
}

/* There must be room for its event as well. */
static void watching_without_memory_changes_nothing(void **state)
{
  struct world *world = *state;
  int(*pipes)[2] = keep(world, MANY * sizeof *pipes), failures = 0;
  struct callback *reader = callback(world, "read");
  for (int i = 0; i < MANY; i++) {
    int status = CASYNC_EMEMORY;
    assert_int_equal(pipe(pipes[i]), 0);
    for (int n = 1; status == CASYNC_EMEMORY; n++, failures++) {
      ca_alloc_fail_at(n);
      status = casync_loop_watch(world->loop, pipes[i][0], CASYNC_READ, &reader->timer.handle);
      ca_alloc_fail_at(0);
      if (status < 0) assert_null(casync_loop_unwatch(world->loop, pipes[i][0], CASYNC_READ));
    }
    assert_int_equal(status, 0);
  }
  assert_true(failures > 2 * MANY);
  for (int i = 0; i < MANY; i++) close_pipe(world, pipes[i]);
}

static void two_stepped_loops_share_a_thread(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_STEPPED);
  soon(world, callback(world, "a"));
  casync_loop_call_soon(other, &callback(world, "b")->timer.handle);
  casync_loop_step(other);
  step(world);
  assert_trace(world, "b a");
  casync_loop_free(other);
}

static const struct CMUnitTest tests[] = {
    it_stepped(a_descriptor_that_was_closed_is_silent),
    it_stepped(the_number_of_a_closed_descriptor_can_be_watched_again),
    it_stepped(a_copy_of_a_closed_descriptor_is_not_taken_for_another),
    it_stepped(a_new_file_under_a_watched_number_is_watched_when_a_direction_is_added),
    it_stepped(an_idle_loop_wakes_nobody),
    it_stepped(opening_without_memory_leaves_nothing_behind),
    it_stepped(opening_without_descriptors_is_refused),
    it_stepped(watching_without_memory_changes_nothing),
    it_stepped(two_stepped_loops_share_a_thread),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
