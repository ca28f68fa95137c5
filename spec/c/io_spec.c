/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/io.c, on real pipes and sockets.  Iterations are stopped ones: none of them waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "drive.h"

static int watch(struct world *world, int fd, enum casync_direction direction,
                 struct callback *callback_)
{
  return casync_loop_watch(world->loop, fd, direction, &callback_->timer.handle);
}

static struct callback *watch_reading(struct world *world, int fd, const char *name)
{
  struct callback *reader = callback(world, name);
  assert_int_equal(watch(world, fd, CASYNC_READ, reader), 0);
  return reader;
}

static struct callback *watch_writing(struct world *world, int fd, const char *name)
{
  struct callback *writer = callback(world, name);
  assert_int_equal(watch(world, fd, CASYNC_WRITE, writer), 0);
  return writer;
}

/* Two ends, [0] to read and [1] to write; both directions for a socket pair. */
static void open_pipe(int ends[2])
{
  assert_int_equal(pipe(ends), 0);
}

static void open_pair(int ends[2])
{
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void put(int fd)
{
  assert_int_equal(write(fd, "x", 1), 1);
}

static void take(int fd)
{
  char byte;
  assert_int_equal(read(fd, &byte, 1), 1);
}

/* Unwatches both ends and closes them. */
static void close_ends(struct world *world, const int ends[2])
{
  for (int i = 0; i < 2; i++) {
    casync_loop_unwatch(world->loop, ends[i], CASYNC_READ);
    casync_loop_unwatch(world->loop, ends[i], CASYNC_WRITE);
    close(ends[i]);
  }
}

/* Readiness */

static void a_reader_runs_when_there_is_something_to_read(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  run_turns(world->loop, 1);
  assert_trace(world, "");
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "read");
  close_ends(world, ends);
}

static void a_reader_runs_in_every_iteration_while_something_is_left(void **state) /* L24 */
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  run_turns(world->loop, 3);
  assert_trace(world, "read read read");
  take(ends[0]);
  run_turns(world->loop, 1);
  assert_trace(world, "");
  close_ends(world, ends);
}

static void a_writer_runs_while_there_is_room(void **state) /* L24 */
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_writing(world, ends[1], "write");
  run_turns(world->loop, 2);
  assert_trace(world, "write write");
  close_ends(world, ends);
}

static void a_writer_does_not_run_without_room(void **state)
{
  struct world *world = *state;
  int ends[2];
  char block[4096] = {0};
  open_pipe(ends);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  while (write(ends[1], block, sizeof block) > 0) continue;
  watch_writing(world, ends[1], "write");
  run_turns(world->loop, 2);
  assert_trace(world, "");
  close_ends(world, ends);
}

static void the_end_of_the_data_makes_readable(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_reading(world, ends[0], "read");
  assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
  run_turns(world->loop, 1);
  assert_trace(world, "read");
  close_ends(world, ends);
}

static void a_peer_that_goes_away_makes_readable_and_writable(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_reading(world, ends[0], "read");
  watch_writing(world, ends[0], "write");
  close(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "read write");
  ends[1] = -1;
  close_ends(world, ends);
}

static void a_reader_that_goes_away_wakes_the_writer(void **state)
{
  struct world *world = *state;
  int ends[2];
  char block[4096] = {0};
  open_pipe(ends);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  while (write(ends[1], block, sizeof block) > 0) continue;
  watch_writing(world, ends[1], "write");
  close(ends[0]);
  run_turns(world->loop, 1);
  assert_trace(world, "write");
  ends[0] = -1;
  close_ends(world, ends);
}

/* Order */

static void both_directions_of_one_descriptor_run_reader_first(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_writing(world, ends[0], "write");
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "read write");
  close_ends(world, ends);
}

enum { PIPES = 4 };

static void open_watched_pipes(struct world *world, int pipes[PIPES][2])
{
  static const char *const names[PIPES] = {"0", "1", "2", "3"};
  for (int i = 0; i < PIPES; i++) {
    open_pipe(pipes[i]);
    watch_reading(world, pipes[i][0], names[i]);
  }
  run_turns(world->loop, 1);
}

static void close_pipes(struct world *world, int pipes[PIPES][2])
{
  for (int i = 0; i < PIPES; i++) close_ends(world, pipes[i]);
}

static void descriptors_run_in_the_order_they_became_ready(void **state) /* DESIGN 1.1, fact 1 */
{
  struct world *world = *state;
  int pipes[PIPES][2];
  open_watched_pipes(world, pipes);
  put(pipes[2][1]);
  put(pipes[0][1]);
  put(pipes[3][1]);
  put(pipes[1][1]);
  run_turns(world->loop, 1);
  assert_trace(world, "2 0 3 1");
  close_pipes(world, pipes);
}

static void io_runs_behind_what_was_ready(void **state) /* L2 */
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  soon(world, callback(world, "ready"));
  run_turns(world->loop, 1);
  assert_trace(world, "ready read");
  close_ends(world, ends);
}

/* Watching */

static void a_second_reader_is_refused(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "first");
  assert_int_equal(watch(world, ends[0], CASYNC_READ, callback(world, "second")), CASYNC_EBUSY);
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "first");
  close_ends(world, ends);
}

static void a_reader_does_not_stand_in_the_way_of_a_writer(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_reading(world, ends[0], "read");
  watch_writing(world, ends[0], "write");
  run_turns(world->loop, 1);
  assert_trace(world, "write");
  close_ends(world, ends);
}

static void unwatching_returns_the_handle_that_watched(void **state) /* L23 */
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  struct callback *reader = watch_reading(world, ends[0], "read");
  assert_ptr_equal(casync_loop_unwatch(world->loop, ends[0], CASYNC_READ), &reader->timer.handle);
  close_ends(world, ends);
}

static void unwatching_twice_returns_nothing(void **state) /* L23 */
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  assert_null(casync_loop_unwatch(world->loop, ends[0], CASYNC_READ));
  close_ends(world, ends);
}

static void unwatching_the_other_direction_returns_nothing(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_reading(world, ends[0], "read");
  assert_null(casync_loop_unwatch(world->loop, ends[0], CASYNC_WRITE));
  close_ends(world, ends);
}

static void unwatching_what_nobody_watches_returns_nothing(void **state)
{
  struct world *world = *state;
  assert_null(casync_loop_unwatch(world->loop, 0, CASYNC_READ));
  assert_null(casync_loop_unwatch(world->loop, 100000, CASYNC_READ));
  assert_null(casync_loop_unwatch(world->loop, -1, CASYNC_READ));
}

static void an_unwatched_reader_does_not_run(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  run_turns(world->loop, 1);
  assert_trace(world, "");
  close_ends(world, ends);
}

static void unwatching_the_reader_leaves_the_writer(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pair(ends);
  watch_reading(world, ends[0], "read");
  watch_writing(world, ends[0], "write");
  put(ends[1]);
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  run_turns(world->loop, 1);
  assert_trace(world, "write");
  close_ends(world, ends);
}

static void a_descriptor_can_be_watched_again(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "first");
  run_turns(world->loop, 1);
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  watch_reading(world, ends[0], "second");
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "second");
  close_ends(world, ends);
}

static void then_unwatch(struct world *world, struct callback *callback_)
{
  const int *fd = callback_->data;
  struct casync_handle *handle = casync_loop_unwatch(world->loop, *fd, CASYNC_READ);
  note(world, handle->flags & CASYNC_HANDLE_QUEUED ? "queued" : "free");
}

static void a_reader_unwatched_in_its_iteration_is_still_queued(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  soon(world, callback_then(world, "unwatch", then_unwatch, &ends[0]));
  run_turns(world->loop, 2);
  assert_trace(world, "unwatch queued read");
  close_ends(world, ends);
}

static void a_reader_may_unwatch_itself(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  struct callback *reader = watch_reading(world, ends[0], "read");
  reader->then = then_unwatch;
  reader->data = &ends[0];
  put(ends[1]);
  run_turns(world->loop, 3);
  assert_trace(world, "read free");
  close_ends(world, ends);
}

static void a_number_that_is_used_again_is_a_new_descriptor(void **state)
{
  struct world *world = *state;
  int old[2], new[2];
  open_pipe(old);
  watch_reading(world, old[0], "old");
  run_turns(world->loop, 1);
  close_ends(world, old);
  open_pipe(new);
  assert_int_equal(new[0], old[0]);
  watch_reading(world, new[0], "new");
  put(new[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "new");
  close_ends(world, new);
}

static void a_number_closed_first_and_unwatched_later_can_be_used_again(void **state)
{
  struct world *world = *state;
  int old[2], new[2];
  open_pipe(old);
  watch_reading(world, old[0], "old");
  run_turns(world->loop, 1);
  close(old[0]);
  close(old[1]);
  open_pipe(new);
  assert_int_equal(new[0], old[0]);
  casync_loop_unwatch(world->loop, old[0], CASYNC_READ);
  watch_reading(world, new[0], "new");
  put(new[1]);
  run_turns(world->loop, 2);
  assert_trace(world, "new new");
  close_ends(world, new);
}

static void a_high_descriptor_can_be_watched(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  int high = fcntl(ends[0], F_DUPFD, 900);
  assert_true(high >= 900);
  watch_reading(world, high, "high");
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "high");
  casync_loop_unwatch(world->loop, high, CASYNC_READ);
  close(high);
  close_ends(world, ends);
}

/* What cannot be watched */

static void a_regular_file_is_refused(void **state) /* L25 */
{
  struct world *world = *state;
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(watch(world, fileno(file), CASYNC_READ, callback(world, "a")), -EPERM);
  fclose(file);
}

static void a_folder_is_refused(void **state)
{
  struct world *world = *state;
  int folder = open("/", O_RDONLY | O_DIRECTORY);
  assert_true(folder >= 0);
  assert_int_equal(watch(world, folder, CASYNC_READ, callback(world, "a")), -EPERM);
  close(folder);
}

static void a_closed_descriptor_is_refused(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  close(ends[0]);
  close(ends[1]);
  assert_int_equal(watch(world, ends[0], CASYNC_READ, callback(world, "a")), -EBADF);
}

static void a_negative_descriptor_is_refused(void **state)
{
  struct world *world = *state;
  assert_int_equal(watch(world, -1, CASYNC_READ, callback(world, "a")), -EBADF);
}

static void a_refused_descriptor_is_not_watched(void **state)
{
  struct world *world = *state;
  watch(world, -1, CASYNC_READ, callback(world, "a"));
  assert_int_equal(run_loop(world->loop), CASYNC_EDEADLOCK);
}

static void watching_without_memory_changes_nothing(void **state)
{
  struct world *world = *state;
  int ends[2], refused = 0;
  open_pipe(ends);
  for (unsigned long n = 1; n < 4; n++) {
    ca_alloc_fail_at(n);
    int status = watch(world, ends[0], CASYNC_READ, callback(world, "a"));
    ca_alloc_fail_at(0);
    if (status == 0) break;
    assert_int_equal(status, CASYNC_EMEMORY);
    assert_null(casync_loop_unwatch(world->loop, ends[0], CASYNC_READ));
    refused++;
  }
  assert_int_equal(refused, 2); /* the table, then the entry */
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_trace(world, "a");
  close_ends(world, ends);
}

/* The loop's life */

static void a_reader_kept_by_leaving_is_not_queued_twice(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "read");
  put(ends[1]);
  soon(world, callback_then(world, "leave", then_leave, NULL));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_trace(world, "leave");
  run_turns(world->loop, 2);
  assert_trace(world, "read read");
  close_ends(world, ends);
}

static void readers_kept_by_leaving_keep_their_place(void **state)
{
  struct world *world = *state;
  int first[2], second[2];
  open_pipe(first);
  open_pipe(second);
  watch_reading(world, first[0], "1");
  watch_reading(world, second[0], "2");
  run_turns(world->loop, 1);
  put(first[1]);
  put(second[1]);
  soon(world, callback_then(world, "leave", then_leave, NULL));
  run_loop(world->loop);
  soon(world, callback(world, "a"));
  run_turns(world->loop, 2);
  assert_trace(world, "leave 1 2 a 1 2");
  close_ends(world, first);
  close_ends(world, second);
}

static void closing_a_loop_forgets_what_it_watches(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "a");
  put(ends[1]);
  run_turns(world->loop, 1);
  assert_int_equal(casync_loop_close(world->loop), 0);
  close(ends[0]);
  close(ends[1]);
}

static void two_loops_can_watch_one_descriptor(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_OWNED);
  struct callback *b = callback(world, "b");
  int ends[2];
  open_pipe(ends);
  watch_reading(world, ends[0], "a");
  assert_int_equal(casync_loop_watch(other, ends[0], CASYNC_READ, &b->timer.handle), 0);
  put(ends[1]);
  run_turns(world->loop, 1);
  run_turns(other, 1);
  assert_trace(world, "a b");
  casync_loop_free(other);
  close_ends(world, ends);
}

static const struct CMUnitTest tests[] = {
    it(a_reader_runs_when_there_is_something_to_read),
    it(a_reader_runs_in_every_iteration_while_something_is_left),
    it(a_writer_runs_while_there_is_room),
    it(a_writer_does_not_run_without_room),
    it(the_end_of_the_data_makes_readable),
    it(a_peer_that_goes_away_makes_readable_and_writable),
    it(a_reader_that_goes_away_wakes_the_writer),
    it(both_directions_of_one_descriptor_run_reader_first),
    it(descriptors_run_in_the_order_they_became_ready),
    it(io_runs_behind_what_was_ready),
    it(a_second_reader_is_refused),
    it(a_reader_does_not_stand_in_the_way_of_a_writer),
    it(unwatching_returns_the_handle_that_watched),
    it(unwatching_twice_returns_nothing),
    it(unwatching_the_other_direction_returns_nothing),
    it(unwatching_what_nobody_watches_returns_nothing),
    it(an_unwatched_reader_does_not_run),
    it(unwatching_the_reader_leaves_the_writer),
    it(a_descriptor_can_be_watched_again),
    it(a_reader_unwatched_in_its_iteration_is_still_queued),
    it(a_reader_may_unwatch_itself),
    it(a_number_that_is_used_again_is_a_new_descriptor),
    it(a_number_closed_first_and_unwatched_later_can_be_used_again),
    it(a_high_descriptor_can_be_watched),
    it(a_regular_file_is_refused),
    it(a_folder_is_refused),
    it(a_closed_descriptor_is_refused),
    it(a_negative_descriptor_is_refused),
    it(a_refused_descriptor_is_not_watched),
    it(watching_without_memory_changes_nothing),
    it(a_reader_kept_by_leaving_is_not_queued_twice),
    it(readers_kept_by_leaving_keep_their_place),
    it(closing_a_loop_forgets_what_it_watches),
    it(two_loops_can_watch_one_descriptor),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
