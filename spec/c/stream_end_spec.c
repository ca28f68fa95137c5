/* SPDX-License-Identifier: MIT
 *
 * runtime/net/stream.c: how a stream ends: write_eof(), close(), abort(), the peer, abandon().
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "net/net.h"

static void turn(struct connection *connection)
{
  run_turns(connection->world->loop, 1);
}

static void soon_(struct connection *connection, const char *name)
{
  soon(connection->world, callback(connection->world, name));
}

/* write_eof() */

static void write_eof_is_the_end_for_the_peer(void **state) /* P14 */
{
  struct connection *connection = *state;
  write_text(connection, "abc");
  assert_int_equal(casync_stream_write_eof(&connection->stream), 0);
  assert_far_reads(connection, "abc");
  assert_far_is_at_end(connection);
  far_writes(connection, "def");
  turn(connection);
  assert_trace(connection->world, "data:def");
}

static void write_eof_comes_behind_what_is_kept(void **state) /* P14 */
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  assert_int_equal(casync_stream_write_eof(&connection->stream), 0);
  assert_far_reads(connection, "ab");
  turn(connection);
  assert_far_reads(connection, "cd");
  assert_far_is_at_end(connection);
}

static void write_eof_twice_is_fine(void **state) /* P14 */
{
  struct connection *connection = *state;
  assert_int_equal(casync_stream_write_eof(&connection->stream), 0);
  ca_sock_fail_at(1, ENOTCONN);
  assert_int_equal(casync_stream_write_eof(&connection->stream), 0);
}

static void writing_behind_write_eof_is_refused(void **state) /* P14 */
{
  struct connection *connection = *state;
  struct iovec some = part("abc"), none = part("");
  do_write_eof(connection);
  assert_int_equal(casync_stream_write(&connection->stream, &some, 1), CASYNC_ESTATE);
  assert_int_equal(casync_stream_write(&connection->stream, &none, 1), CASYNC_ESTATE);
}

static void write_eof_of_a_closing_stream_does_nothing(void **state) /* P14 */
{
  struct connection *connection = *state;
  do_close(connection);
  ca_sock_fail_at(1, ENOTCONN);
  assert_int_equal(casync_stream_write_eof(&connection->stream), 0);
  write_text(connection, "abc");
}

static void a_failure_of_write_eof_is_told(void **state)
{
  struct connection *connection = *state;
  ca_sock_fail_at(1, ENOTCONN);
  assert_int_equal(casync_stream_write_eof(&connection->stream), -ENOTCONN);
}

static void a_late_failure_of_write_eof_is_passed_over(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(1);
  write_text(connection, "ab");
  do_write_eof(connection);
  ca_sock_fail_at(2, ENOTCONN);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "");
}

static void a_stream_with_both_ends_over_is_still_to_be_closed(void **state)
{
  struct connection *connection = *state;
  connection->keeps_open = true;
  do_write_eof(connection);
  far_closes(connection);
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "eof");
  do_close(connection);
  turn(connection);
  assert_trace(connection->world, "lost released");
}

/* close() */

static void connection_lost_is_not_called_inside_close(void **state) /* P5, P12 */
{
  struct connection *connection = *state;
  do_close(connection);
  assert_trace(connection->world, "");
  soon_(connection, "behind");
  turn(connection);
  assert_trace(connection->world, "lost released behind");
}

static void closing_twice_is_closing_once(void **state) /* P5 */
{
  struct connection *connection = *state;
  do_close(connection);
  do_close(connection);
  do_abort(connection);
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "lost released");
}

static void a_closed_stream_reads_no_more(void **state) /* P12 */
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, 10);
  do_close(connection);
  far_writes(connection, "abc");
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "");
}

static void then_close(struct world *world, struct callback *callback_)
{
  (void)world;
  do_close(callback_->data);
}

static void a_read_that_is_queued_does_not_happen_when_closed(void **state) /* P12 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  soon(connection->world, callback_then(connection->world, "close", then_close, connection));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "close lost released");
}

static void what_is_kept_is_sent_before_the_end(void **state) /* P12 */
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  do_close(connection);
  assert_far_reads(connection, "ab");
  assert_trace(connection->world, "");
  turn(connection);
  assert_trace(connection->world, "lost released");
  assert_far_reads(connection, "cd");
  assert_far_is_at_end(connection);
}

static void a_closing_stream_that_keeps_bytes_can_be_written_to(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "ab1");
  do_close(connection);
  write_text(connection, "2");
  turn(connection);
  assert_far_reads(connection, "ab12");
  assert_int_equal(casync_stream_lost_writes(&connection->stream), 0);
}

static void closing_with_write_eof_kept_closes(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  do_write_eof(connection);
  do_close(connection);
  turn(connection);
  assert_trace(connection->world, "lost released");
  assert_far_reads(connection, "abcd");
  assert_far_is_at_end(connection);
}

static void a_closing_stream_whose_peer_never_reads_can_be_aborted(void **state) /* P12 */
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, 100);
  do_close(connection);
  run_turns(connection->world->loop, 20);
  assert_trace(connection->world, "");
  do_abort(connection);
  turn(connection);
  assert_trace(connection->world, "lost released");
}

static void a_closing_stream_whose_peer_goes_away_is_lost(void **state)
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, 100);
  do_close(connection);
  far_closes(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost:Broken pipe released");
}

/* The write that empties the outbox is resumed first, and may close: lost comes later, once. */
static void closing_in_resume_writing_loses_once(void **state) /* P5 */
{
  struct connection *connection = *state;
  connection->on[CALL_RESUME] = do_close;
  casync_stream_set_limits(&connection->stream, 0, 0);
  ca_sock_limit(1);
  write_text(connection, "ab");
  turn(connection);
  assert_trace(connection->world, "pause resume");
  turn(connection);
  assert_trace(connection->world, "lost released");
}

static void writing_in_resume_writing_keeps_a_closing_stream(void **state) /* P12 */
{
  struct connection *connection = *state;
  connection->on[CALL_RESUME] = do_write;
  casync_stream_set_limits(&connection->stream, 1, 1);
  ca_sock_limit(1);
  write_text(connection, "abc");
  do_close(connection);
  turn(connection);
  assert_trace(connection->world, "pause resume pause");
  connection->on[CALL_RESUME] = NULL;
  assert_far_reads(connection, "ab");
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "resume lost released");
  assert_far_reads(connection, "cw");
}

/* abort() */

static void connection_lost_is_not_called_inside_abort(void **state) /* P5, P12 */
{
  struct connection *connection = *state;
  do_abort(connection);
  assert_true(casync_stream_is_closing(&connection->stream));
  assert_trace(connection->world, "");
  turn(connection);
  assert_trace(connection->world, "lost released");
}

static void aborting_drops_what_is_kept(void **state) /* P12 */
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  do_abort(connection);
  assert_int_equal(casync_stream_write_buffer_size(&connection->stream), 0);
  turn(connection);
  assert_far_reads(connection, "ab");
  assert_far_is_at_end(connection);
}

static void aborting_does_not_resume_the_protocol(void **state)
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 0, 0);
  ca_sock_limit(1);
  write_text(connection, "ab");
  do_abort(connection);
  turn(connection);
  assert_trace(connection->world, "pause lost released");
}

static void then_abort(struct world *world, struct callback *callback_)
{
  (void)world;
  do_abort(callback_->data);
}

static void a_write_that_is_queued_does_not_happen_when_aborted(void **state) /* P12 */
{
  struct connection *connection = *state;
  casync_stream_set_limits(&connection->stream, 0, 0);
  ca_sock_limit(1);
  write_text(connection, "ab");
  soon(connection->world, callback_then(connection->world, "abort", then_abort, connection));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "pause abort lost released");
}

static void only_the_first_error_counts(void **state)
{
  struct connection *connection = *state;
  casync_stream_abort(&connection->stream, -EPIPE);
  casync_stream_abort(&connection->stream, CASYNC_EHOST);
  turn(connection);
  assert_trace(connection->world, "lost:Broken pipe released");
}

static void writes_after_the_loss_are_counted_and_dropped(void **state) /* P13 */
{
  struct connection *connection = *state;
  do_abort(connection);
  for (int i = 0; i < 3; i++) write_text(connection, "abc");
  turn(connection);
  write_text(connection, "abc");
  assert_int_equal(casync_stream_lost_writes(&connection->stream), 4);
  assert_far_is_at_end(connection);
}

/* The peer */

static void a_peer_that_resets_loses_the_connection(void **state) /* P7 */
{
  struct connection *connection = *state;
  struct linger reset = {.l_onoff = 1};
  connect_over_tcp(connection);
  assert_int_equal(setsockopt(connection->far, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  far_closes(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost:Connection reset by peer released");
}

static void a_peer_that_is_gone_loses_a_writer_that_does_not_read(void **state)
{
  struct connection *connection = *state;
  do_pause_reading(connection);
  far_closes(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "");
  write_text(connection, "abc");
  turn(connection);
  assert_trace(connection->world, "lost:Broken pipe released");
}

/* Behind the end */

static void then_expect_open(struct connection *connection)
{
  char byte;
  ssize_t n = recv(connection->far, &byte, 1, MSG_PEEK);
  note(connection->world, n < 0 && errno == EAGAIN ? "open" : "closed");
}

static void the_descriptor_is_closed_behind_connection_lost(void **state)
{
  struct connection *connection = *state;
  connection->on[CALL_LOST] = then_expect_open;
  connection->on[CALL_RELEASED] = then_expect_open;
  do_close(connection);
  turn(connection);
  assert_trace(connection->world, "lost open released closed");
  assert_int_equal(casync_stream_fd(&connection->stream), -1);
}

/* The next descriptor to be opened gets the number of the one that was closed. */
static void the_descriptor_is_closed_once(void **state)
{
  struct connection *connection = *state;
  int fd = casync_stream_fd(&connection->stream);
  do_close(connection);
  turn(connection);
  assert_int_equal(dup2(connection->far, fd), fd);
  do_close(connection);
  do_abort(connection);
  do_abandon(connection);
  run_turns(connection->world->loop, 2);
  assert_int_equal(close(fd), 0);
}

static void poke(struct connection *connection)
{
  do_close(connection);
  do_abort(connection);
  do_write(connection);
  do_write_eof(connection);
  do_pause_reading(connection);
  do_resume_reading(connection);
  do_set_limits(connection);
}

static void nothing_is_called_behind_the_end(void **state) /* P5 */
{
  struct connection *connection = *state;
  connection->on[CALL_LOST] = poke;
  connection->on[CALL_RELEASED] = poke;
  far_writes(connection, "abc");
  do_close(connection);
  turn(connection);
  poke(connection);
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "lost released");
}

static void the_memory_may_go_when_released(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  do_close(connection);
  turn(connection);
  assert_trace(connection->world, "lost released");
  memset(&connection->stream, 0xff, sizeof connection->stream);
  connection->stream.fd = -1;
  run_turns(connection->world->loop, 3);
  casync_loop_verify(connection->world->loop);
}

/* abandon() */

static void abandon(struct connection *connection)
{
  do_abandon(connection);
  assert_int_equal(casync_stream_fd(&connection->stream), -1);
  memset(&connection->stream, 0xff, sizeof connection->stream);
  connection->stream.fd = -1;
  run_turns(connection->world->loop, 3);
  casync_loop_verify(connection->world->loop);
  assert_trace(connection->world, "");
}

static void an_abandoned_stream_never_begins(void **state)
{
  struct connection *connection = *state;
  abandon(connection);
  assert_far_is_at_end(connection);
}

static void an_abandoned_stream_does_not_read(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  abandon(connection);
}

static void an_abandoned_stream_does_not_send_what_it_keeps(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  abandon(connection);
  assert_far_reads(connection, "ab");
  assert_far_is_at_end(connection);
}

static void an_abandoned_stream_is_not_told_of_its_loss(void **state)
{
  struct connection *connection = *state;
  do_close(connection);
  abandon(connection);
}

static void then_abandon(struct world *world, struct callback *callback_)
{
  struct connection *connection = callback_->data;
  (void)world;
  do_abandon(connection);
  memset(&connection->stream, 0xff, sizeof connection->stream);
  connection->stream.fd = -1;
}

static void a_stream_may_be_abandoned_while_it_is_queued(void **state)
{
  struct connection *connection = *state;
  fill(connection);
  write_text(connection, "abc");
  far_reads(connection);
  far_writes(connection, "abc");
  soon(connection->world, callback_then(connection->world, "abandon", then_abandon, connection));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "abandon");
}

static void a_stream_abandoned_in_connection_made_is_not_opened(void **state)
{
  struct connection *connection = *state;
  connection->on[CALL_MADE] = do_abandon;
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made");
}

static void a_stream_abandoned_in_connection_lost_is_not_released(void **state)
{
  struct connection *connection = *state;
  connection->on[CALL_LOST] = do_abandon;
  do_close(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost");
}

static void a_stream_of_a_closed_loop_is_abandoned(void **state)
{
  struct connection *connection = *state;
  ca_sock_limit(2);
  write_text(connection, "abcd");
  assert_int_equal(casync_loop_close(connection->world->loop), 0);
  do_abandon(connection);
  assert_int_equal(casync_stream_fd(&connection->stream), -1);
  assert_far_reads(connection, "ab");
  assert_far_is_at_end(connection);
}

static void a_stream_of_a_closed_loop_is_never_called(void **state)
{
  struct connection *connection = *state;
  fill(connection);
  write_text(connection, "abc");
  assert_int_equal(casync_loop_close(connection->world->loop), 0);
  poke(connection);
  assert_trace(connection->world, "");
}

static void a_left_iteration_goes_on_where_it_was(void **state)
{
  struct connection *connection = *state;
  struct world *world = connection->world;
  far_writes(connection, "abc");
  soon(world, callback_then(world, "leave", then_leave, NULL));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_ELEFT);
  assert_trace(world, "leave");
  turn(connection);
  assert_trace(world, "data:abc");
}

static const struct CMUnitTest tests[] = {
    it_streams(write_eof_is_the_end_for_the_peer),
    it_streams(write_eof_comes_behind_what_is_kept),
    it_streams(write_eof_twice_is_fine),
    it_streams(writing_behind_write_eof_is_refused),
    it_streams(write_eof_of_a_closing_stream_does_nothing),
    it_streams(a_failure_of_write_eof_is_told),
    it_streams(a_late_failure_of_write_eof_is_passed_over),
    it_streams(a_stream_with_both_ends_over_is_still_to_be_closed),
    it_streams(connection_lost_is_not_called_inside_close),
    it_streams(closing_twice_is_closing_once),
    it_streams(a_closed_stream_reads_no_more),
    it_streams(a_read_that_is_queued_does_not_happen_when_closed),
    it_streams(what_is_kept_is_sent_before_the_end),
    it_streams(a_closing_stream_that_keeps_bytes_can_be_written_to),
    it_streams(closing_with_write_eof_kept_closes),
    it_streams(a_closing_stream_whose_peer_never_reads_can_be_aborted),
    it_streams(a_closing_stream_whose_peer_goes_away_is_lost),
    it_streams(closing_in_resume_writing_loses_once),
    it_streams(writing_in_resume_writing_keeps_a_closing_stream),
    it_streams(connection_lost_is_not_called_inside_abort),
    it_streams(aborting_drops_what_is_kept),
    it_streams(aborting_does_not_resume_the_protocol),
    it_streams(a_write_that_is_queued_does_not_happen_when_aborted),
    it_streams(only_the_first_error_counts),
    it_streams(writes_after_the_loss_are_counted_and_dropped),
    it_streams(a_peer_that_resets_loses_the_connection),
    it_streams(a_peer_that_is_gone_loses_a_writer_that_does_not_read),
    it_streams(the_descriptor_is_closed_behind_connection_lost),
    it_streams(the_descriptor_is_closed_once),
    it_streams(nothing_is_called_behind_the_end),
    it_streams(the_memory_may_go_when_released),
    it_opens(an_abandoned_stream_never_begins),
    it_streams(an_abandoned_stream_does_not_read),
    it_streams(an_abandoned_stream_does_not_send_what_it_keeps),
    it_streams(an_abandoned_stream_is_not_told_of_its_loss),
    it_streams(a_stream_may_be_abandoned_while_it_is_queued),
    it_opens(a_stream_abandoned_in_connection_made_is_not_opened),
    it_streams(a_stream_abandoned_in_connection_lost_is_not_released),
    it_streams(a_stream_of_a_closed_loop_is_abandoned),
    it_streams(a_stream_of_a_closed_loop_is_never_called),
    it_streams(a_left_iteration_goes_on_where_it_was),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
