/* SPDX-License-Identifier: MIT
 *
 * runtime/net/outbox.c, through the stream's write(): what is sent at once, what is kept, what is
 * sent later; water marks.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "connection.h"
#include "net/net.h"

static size_t kept(const struct connection *connection)
{
  return casync_stream_write_buffer_size(&connection->stream);
}

static int write_parts(struct connection *connection, const struct iovec *parts, int count)
{
  return casync_stream_write(&connection->stream, parts, count);
}

static void turn(struct connection *connection)
{
  run_turns(connection->world->loop, 1);
}

/* Sending */

static void a_write_is_sent_at_once(void **state) /* P8 */
{
  struct connection *connection = *state;
  write_text(connection, "abc");
  assert_int_equal(kept(connection), 0);
  assert_far_reads(connection, "abc");
}

static void parts_are_sent_in_order(void **state) /* P8 */
{
  struct connection *connection = *state;
  struct iovec parts[] = {part("ab"), part(""), part("cd")};
  assert_int_equal(write_parts(connection, parts, 3), 0);
  assert_far_reads(connection, "abcd");
}

static void only_the_rest_is_kept(void **state) /* P8 */
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcde");
  assert_int_equal(kept(connection), 3);
  assert_far_reads(connection, "ab");
}

static void the_rest_of_several_parts_is_kept(void **state)
{
  struct connection *connection = *state;
  struct iovec parts[] = {part("abc"), part(""), part("def"), part("g")};
  ca_sock_limit(2);
  assert_int_equal(write_parts(connection, parts, 4), 0);
  assert_int_equal(kept(connection), 5);
  ca_sock_limit(0);
  turn(connection);
  assert_far_reads(connection, "abcdefg");
}

static void what_is_kept_is_sent_when_there_is_room(void **state)
{
  struct connection *connection = *state;
  size_t before = fill(connection);
  write_many(connection, 100);
  assert_int_equal(kept(connection), 100);
  turn(connection);
  assert_int_equal(kept(connection), 100);
  assert_int_equal(far_reads(connection), before);
  turn(connection);
  assert_int_equal(kept(connection), 0);
  assert_int_equal(far_reads(connection), 100);
}

static void a_write_behind_kept_bytes_is_kept(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(1);
  write_text(connection, "abc");
  write_text(connection, "d");
  assert_int_equal(kept(connection), 3);
  ca_sock_limit(0);
  turn(connection);
  assert_far_reads(connection, "abcd");
}

static void one_turn_sends_once(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(1);
  write_text(connection, "abcd");
  turn(connection);
  assert_int_equal(kept(connection), 2);
  turn(connection);
  assert_int_equal(kept(connection), 1);
}

static void more_parts_than_the_system_takes_all_arrive(void **state)
{
  struct connection *connection = *state;
  enum { COUNT = 3 * IOV_MAX + 1 };
  struct iovec *parts = keep(connection->world, COUNT * sizeof *parts);
  for (int i = 0; i < COUNT; i++) parts[i] = part("xy");
  assert_int_equal(write_parts(connection, parts, COUNT), 0);
  size_t all = 0;
  for (int i = 0; i < 10; i++) {
    all += far_reads(connection);
    turn(connection);
  }
  assert_int_equal(all, 2 * COUNT);
  assert_int_equal(kept(connection), 0);
}

static void every_byte_of_a_large_write_arrives_in_order(void **state)
{
  struct connection *connection = *state;
  enum { SIZE = 1000 * 1000 };
  unsigned char *bytes = keep(connection->world, SIZE), block[4096];
  for (int i = 0; i < SIZE; i++) bytes[i] = (unsigned char)(i % 251);
  struct iovec only = {bytes, SIZE};
  assert_int_equal(write_parts(connection, &only, 1), 0);
  memset(bytes, 0, SIZE); /* what was kept is a copy */
  int read_so_far = 0;
  while (read_so_far < SIZE) {
    ssize_t n = read(connection->far, block, sizeof block);
    for (ssize_t i = 0; i < n; i++) assert_int_equal(block[i], read_so_far++ % 251);
    turn(connection);
  }
  assert_int_equal(kept(connection), 0);
}

/* Nothing to send */

static void no_bytes_are_ignored(void **state) /* P8 */
{
  struct connection *connection = *state;
  struct iovec parts[] = {part(""), part("")};
  ca_sock_fail_at(1, EPIPE);
  write_text(connection, "");
  assert_int_equal(write_parts(connection, parts, 2), 0);
  assert_int_equal(write_parts(connection, NULL, 0), 0);
  assert_false(casync_stream_is_closing(&connection->stream));
}

static void no_bytes_are_no_lost_write(void **state) /* P8, P13 */
{
  struct connection *connection = *state;
  do_abort(connection);
  write_text(connection, "");
  assert_int_equal(casync_stream_lost_writes(&connection->stream), 0);
  write_text(connection, "a");
  assert_int_equal(casync_stream_lost_writes(&connection->stream), 1);
}

/* Failures */

static void a_full_kernel_is_no_failure(void **state)
{
  struct connection *connection = *state;
  ca_sock_fail_at(1, EAGAIN);
  write_text(connection, "abc");
  assert_int_equal(kept(connection), 3);
  ca_sock_fail_at(1, EAGAIN);
  turn(connection);
  assert_int_equal(kept(connection), 3);
  turn(connection);
  assert_far_reads(connection, "abc");
}

static void a_write_that_fails_loses_the_connection(void **state) /* P5, P7 */
{
  struct connection *connection = *state;
  ca_sock_fail_at(1, ECONNRESET);
  write_text(connection, "abc");
  assert_true(casync_stream_is_closing(&connection->stream));
  assert_trace(connection->world, "");
  turn(connection);
  assert_trace(connection->world, "lost:Connection reset by peer released");
}

static void a_later_write_that_fails_loses_the_connection(void **state) /* P7 */
{
  struct connection *connection = *state;
  fill(connection);
  write_text(connection, "abc");
  far_reads(connection);
  ca_sock_fail_at(1, EPIPE);
  turn(connection);
  assert_int_equal(kept(connection), 0);
  assert_trace(connection->world, "");
  turn(connection);
  assert_trace(connection->world, "lost:Broken pipe released");
}

static void without_memory_a_write_that_sent_nothing_changes_nothing(void **state)
{
  struct connection *connection = *state;
  struct iovec only = part("abc");
  fill(connection);
  ca_alloc_fail_at(1);
  assert_int_equal(write_parts(connection, &only, 1), CASYNC_EMEMORY);
  assert_int_equal(kept(connection), 0);
  assert_false(casync_stream_is_closing(&connection->stream));
  write_text(connection, "def");
  far_reads(connection);
  turn(connection);
  assert_far_reads(connection, "def");
}

static void without_memory_for_a_later_part_none_is_kept(void **state)
{
  struct connection *connection = *state;
  char *bytes = keep(connection->world, 4096);
  struct iovec parts[] = {{bytes, 10}, {bytes, 4096}};
  fill(connection);
  write_text(connection, "abc");
  ca_alloc_fail_at(1);
  assert_int_equal(write_parts(connection, parts, 2), CASYNC_EMEMORY);
  assert_int_equal(kept(connection), 3);
}

static void without_memory_a_write_that_sent_a_part_loses_the_connection(void **state)
{
  struct connection *connection = *state;
  struct iovec only = part("abc");
  ca_sock_limit(1);
  ca_alloc_fail_at(1);
  assert_int_equal(write_parts(connection, &only, 1), CASYNC_EMEMORY);
  turn(connection);
  assert_trace(connection->world, "lost:not enough memory released");
}

static void without_memory_to_watch_a_write_loses_the_connection(void **state)
{
  struct connection *connection = *state;
  casync_stream_pause_reading(&connection->stream);
  ca_sock_limit(1);
  ca_alloc_fail_at(2);
  write_text(connection, "abc");
  turn(connection);
  assert_trace(connection->world, "lost:not enough memory released");
}

/* Water marks */

static void at_the_high_mark_the_protocol_is_not_paused(void **state) /* P9, Z5 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 10, 5);
  fill(connection);
  write_many(connection, 10);
  assert_trace(connection->world, "");
}

static void above_the_high_mark_the_protocol_is_paused_inside_write(void **state) /* P9 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 10, 5);
  fill(connection);
  write_many(connection, 11);
  assert_trace(connection->world, "pause");
}

static void the_protocol_is_paused_once(void **state) /* P9 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 10, 5);
  fill(connection);
  write_many(connection, 11);
  write_many(connection, 11);
  assert_trace(connection->world, "pause");
}

static void what_is_sent_at_once_does_not_count(void **state) /* P8, P9 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 0, 0);
  write_text(connection, "abc");
  assert_trace(connection->world, "");
}

/* Writes `above` the low mark of 5; a turn then sends one byte. */
static void send_one_of(struct connection *connection, size_t above)
{
  casync_stream_set_limits(&connection->stream, 5, 5);
  fill(connection);
  write_many(connection, 5 + above);
  take_trace(connection->world);
  far_reads(connection);
  ca_sock_limit(1);
  turn(connection);
}

static void above_the_low_mark_the_protocol_is_not_resumed(void **state) /* P9 */
{
  struct connection *connection = *state;
  send_one_of(connection, 2);
  assert_trace(connection->world, "");
}

static void at_the_low_mark_the_protocol_is_resumed(void **state) /* P9 */
{
  struct connection *connection = *state;
  send_one_of(connection, 1);
  assert_trace(connection->world, "resume");
}

static void the_protocol_is_resumed_once(void **state) /* P9 */
{
  struct connection *connection = *state;
  send_one_of(connection, 1);
  run_turns(connection->world->loop, 10);
  assert_trace(connection->world, "resume");
}

static void the_marks_are_64_and_16_kib_at_first(void **state) /* P10 */
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, (size_t)64 * 1024);
  assert_trace(connection->world, "");
  write_many(connection, 1);
  assert_trace(connection->world, "pause");
  far_reads(connection);
  ca_sock_limit((size_t)48 * 1024);
  while (kept(connection) > (size_t)16 * 1024) {
    assert_trace(connection->world, "");
    turn(connection);
    far_reads(connection);
  }
  assert_trace(connection->world, "resume");
}

static void lower_marks_pause_at_once(void **state) /* P9 */
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, 10);
  casync_stream_set_limits(&connection->stream, 9, 1);
  assert_trace(connection->world, "pause");
}

static void higher_marks_resume_with_the_next_bytes_sent(void **state) /* P9 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 1, 1);
  fill(connection);
  write_many(connection, 10);
  casync_stream_set_limits(&connection->stream, 100, 50);
  assert_trace(connection->world, "pause");
  far_reads(connection);
  turn(connection);
  assert_trace(connection->world, "resume");
}

static void the_protocol_may_write_while_it_is_paused(void **state)
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 0, 0);
  connection->on[CALL_PAUSE] = do_write;
  fill(connection);
  write_many(connection, 5);
  assert_int_equal(kept(connection), 6);
  far_reads(connection);
  turn(connection);
  assert_int_equal(far_reads(connection), 6);
  assert_trace(connection->world, "pause resume");
}

static void write_once(struct connection *connection)
{
  if (connection->calls[CALL_RESUME] == 1) do_write(connection);
}

/* It is above the mark again and paused again; the next turn sends what was written. */
static void the_protocol_may_write_when_it_is_resumed(void **state)
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 1, 1);
  connection->on[CALL_RESUME] = write_once;
  fill(connection);
  write_many(connection, 3);
  far_reads(connection);
  ca_sock_limit(2);
  turn(connection);
  assert_int_equal(kept(connection), 2);
  assert_trace(connection->world, "pause resume pause");
  turn(connection);
  assert_trace(connection->world, "resume");
  assert_int_equal(far_reads(connection), 4);
}

static const struct CMUnitTest tests[] = {
    it_streams(a_write_is_sent_at_once),
    it_streams(parts_are_sent_in_order),
    it_streams(only_the_rest_is_kept),
    it_streams(the_rest_of_several_parts_is_kept),
    it_streams(what_is_kept_is_sent_when_there_is_room),
    it_streams(a_write_behind_kept_bytes_is_kept),
    it_streams(one_turn_sends_once),
    it_streams(more_parts_than_the_system_takes_all_arrive),
    it_streams(every_byte_of_a_large_write_arrives_in_order),
    it_streams(no_bytes_are_ignored),
    it_streams(no_bytes_are_no_lost_write),
    it_streams(a_full_kernel_is_no_failure),
    it_streams(a_write_that_fails_loses_the_connection),
    it_streams(a_later_write_that_fails_loses_the_connection),
    it_streams(without_memory_a_write_that_sent_nothing_changes_nothing),
    it_streams(without_memory_for_a_later_part_none_is_kept),
    it_streams(without_memory_a_write_that_sent_a_part_loses_the_connection),
    it_streams(without_memory_to_watch_a_write_loses_the_connection),
    it_streams(at_the_high_mark_the_protocol_is_not_paused),
    it_streams(above_the_high_mark_the_protocol_is_paused_inside_write),
    it_streams(the_protocol_is_paused_once),
    it_streams(what_is_sent_at_once_does_not_count),
    it_streams(above_the_low_mark_the_protocol_is_not_resumed),
    it_streams(at_the_low_mark_the_protocol_is_resumed),
    it_streams(the_protocol_is_resumed_once),
    it_streams(the_marks_are_64_and_16_kib_at_first),
    it_streams(lower_marks_pause_at_once),
    it_streams(higher_marks_resume_with_the_next_bytes_sent),
    it_streams(the_protocol_may_write_while_it_is_paused),
    it_streams(the_protocol_may_write_when_it_is_resumed),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
