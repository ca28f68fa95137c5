/* SPDX-License-Identifier: MIT
 *
 * runtime/net/stream.c: how a stream begins and reads.  How it writes is in outbox_spec.c, how it
 * ends in stream_end_spec.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
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

/* The beginning */

static void a_protocol_is_not_called_inside_open(void **state) /* P1 */
{
  struct connection *connection = *state;
  assert_trace(connection->world, "");
}

static void connection_made_comes_before_reading_and_opening(void **state) /* P1 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  soon_(connection, "behind");
  turn(connection);
  assert_trace(connection->world, "made opened behind");
  turn(connection);
  assert_trace(connection->world, "data:abc");
}

static void what_connection_made_queues_comes_behind_the_opening(void **state) /* P1 */
{
  struct connection *connection = *state;
  connection->on[CALL_MADE] = do_close;
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made opened lost released");
}

static void a_stream_may_be_closed_before_it_begins(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  do_close(connection);
  assert_true(casync_stream_is_closing(&connection->stream));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made opened lost released");
}

static void a_stream_that_is_paused_before_it_begins_does_not_read(void **state) /* P15 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  do_pause_reading(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made opened");
  do_resume_reading(connection);
  turn(connection);
  assert_trace(connection->world, "data:abc");
}

static void connection_made_may_pause_reading(void **state) /* P15 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  connection->on[CALL_MADE] = do_pause_reading;
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made opened");
}

static void a_stream_may_be_written_to_before_it_begins(void **state)
{
  struct connection *connection = *state;
  write_text(connection, "abc");
  assert_trace(connection->world, "");
  assert_far_reads(connection, "abc");
}

static void a_stream_on_a_closed_loop_is_refused(void **state)
{
  struct connection *connection = *state;
  struct casync_stream other;
  assert_int_equal(casync_loop_close(connection->world->loop), 0);
  assert_int_equal(casync_stream_open(&other, connection->world->loop, connection->far, &noting),
                   CASYNC_ECLOSED);
  far_writes(connection, "abc"); /* the descriptor is still the caller's */
}

static void without_memory_to_read_the_stream_is_lost(void **state)
{
  struct connection *connection = *state;
  ca_alloc_fail_at(1);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "made opened lost:not enough memory released");
}

static void tcp_streams_send_small_writes_at_once(void **state) /* P17 */
{
  struct connection *connection = *state;
  int is_set = 0;
  socklen_t size = sizeof is_set;
  connect_over_tcp(connection);
  assert_int_equal(getsockopt(connection->stream.fd, IPPROTO_TCP, TCP_NODELAY, &is_set, &size), 0);
  assert_true(is_set);
}

/* Reading */

static void one_turn_reads_once(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_sock_limit(1);
  turn(connection);
  assert_trace(connection->world, "data:a");
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "data:b data:c");
}

static void one_read_is_at_most_256_kib(void **state) /* P17 */
{
  struct connection *connection = *state;
  enum { SIZE = 1024 * 1024 };
  int size = SIZE;
  char *bytes = keep(connection->world, SIZE);
  assert_int_equal(setsockopt(connection->far, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  assert_true(write(connection->far, bytes, SIZE) > 262144);
  turn(connection);
  assert_trace(connection->world, "data+262144");
}

static void a_readiness_that_was_none_is_passed_over(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_sock_fail_at(1, EAGAIN);
  turn(connection);
  assert_trace(connection->world, "");
  turn(connection);
  assert_trace(connection->world, "data:abc");
}

static void a_read_that_fails_loses_the_connection(void **state) /* P7 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_sock_fail_at(1, ECONNRESET);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost:Connection reset by peer released");
}

static void without_memory_for_the_first_read_the_connection_is_lost(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_alloc_fail_at(1);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost:not enough memory released");
}

static void a_paused_stream_does_not_read(void **state) /* P15 */
{
  struct connection *connection = *state;
  do_pause_reading(connection);
  far_writes(connection, "abc");
  assert_false(casync_stream_is_reading(&connection->stream));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "");
}

static void a_resumed_stream_reads(void **state) /* P15 */
{
  struct connection *connection = *state;
  do_pause_reading(connection);
  do_pause_reading(connection);
  far_writes(connection, "abc");
  do_resume_reading(connection);
  do_resume_reading(connection);
  assert_true(casync_stream_is_reading(&connection->stream));
  turn(connection);
  assert_trace(connection->world, "data:abc");
}

static void pausing_in_data_received_ends_the_reading(void **state) /* P15 */
{
  struct connection *connection = *state;
  connection->on[CALL_DATA] = do_pause_reading;
  ca_sock_limit(1);
  far_writes(connection, "abc");
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "data:a");
}

static void then_pause(struct world *world, struct callback *callback_)
{
  (void)world;
  do_pause_reading(callback_->data);
}

static void then_pause_and_resume(struct world *world, struct callback *callback_)
{
  (void)world;
  do_pause_reading(callback_->data);
  do_resume_reading(callback_->data);
}

static void a_read_that_is_queued_does_not_happen_when_paused(void **state) /* P15 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  soon(connection->world, callback_then(connection->world, "pause", then_pause, connection));
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "pause");
}

/* As asyncio, which cancels the handle that is queued and makes another. */
static void a_read_that_is_queued_waits_for_the_next_poll_when_paused_and_resumed(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  soon(connection->world,
       callback_then(connection->world, "both", then_pause_and_resume, connection));
  turn(connection);
  assert_trace(connection->world, "both");
  turn(connection);
  assert_trace(connection->world, "data:abc");
}

static void pausing_and_resuming_do_nothing_when_closing(void **state) /* P15 */
{
  struct connection *connection = *state;
  do_pause_reading(connection);
  do_close(connection);
  do_resume_reading(connection);
  assert_false(casync_stream_is_reading(&connection->stream));
  far_writes(connection, "abc");
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "lost released");
}

static void data_goes_to_the_protocol_that_was_set(void **state) /* P16 */
{
  struct connection *connection = *state;
  casync_stream_set_protocol(&connection->stream, &noting_buffered);
  assert_trace(connection->world, "");
  far_writes(connection, "abc");
  turn(connection);
  assert_trace(connection->world, "get updated:abc");
}

/* Reading into the protocol's buffer */

static void bytes_come_into_the_protocols_buffer(void **state) /* P18 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  turn(connection);
  assert_trace(connection->world, "get updated:abc");
}

static void not_more_comes_than_the_buffer_holds(void **state) /* P18 */
{
  struct connection *connection = *state;
  connection->room = 2;
  far_writes(connection, "abc");
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "get updated:ab get updated:c");
}

static void at_the_end_the_buffer_is_not_updated(void **state) /* P18 */
{
  struct connection *connection = *state;
  connection->keeps_open = true;
  far_shuts_down(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "get eof");
}

static void a_protocol_without_buffer_loses_the_connection(void **state) /* P18 */
{
  struct connection *connection = *state;
  connection->room = 0;
  far_writes(connection, "abc");
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "get lost:host released");
}

static void a_failed_read_into_the_buffer_loses_the_connection(void **state) /* P7 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_sock_fail_at(1, ECONNRESET);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "get lost:Connection reset by peer released");
}

static void a_readiness_that_was_none_updates_no_buffer(void **state) /* P18 */
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  ca_sock_fail_at(1, EAGAIN);
  turn(connection);
  assert_trace(connection->world, "get");
}

static void the_buffer_belongs_to_the_protocol_that_gave_it(void **state)
{
  struct connection *connection = *state;
  connection->on[CALL_GET] = do_set_protocol;
  far_writes(connection, "abc");
  turn(connection);
  assert_trace(connection->world, "get updated:abc");
  far_writes(connection, "def");
  turn(connection);
  assert_trace(connection->world, "data:def");
}

/* The end of the data */

static void at_the_end_the_stream_closes(void **state) /* P6 */
{
  struct connection *connection = *state;
  far_shuts_down(connection);
  turn(connection);
  assert_trace(connection->world, "eof");
  assert_true(casync_stream_is_closing(&connection->stream));
  turn(connection);
  assert_trace(connection->world, "lost released");
}

static void a_stream_that_is_kept_open_stops_reading_and_can_write(void **state) /* P6 */
{
  struct connection *connection = *state;
  connection->keeps_open = true;
  far_shuts_down(connection);
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "eof");
  assert_true(casync_stream_is_reading(&connection->stream));
  write_text(connection, "abc");
  assert_far_reads(connection, "abc");
}

static void resuming_behind_the_end_reads_nothing_more(void **state) /* P15 */
{
  struct connection *connection = *state;
  connection->keeps_open = true;
  far_shuts_down(connection);
  turn(connection);
  do_resume_reading(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "eof");
}

static void the_end_comes_behind_the_data(void **state)
{
  struct connection *connection = *state;
  far_writes(connection, "abc");
  far_closes(connection);
  run_turns(connection->world->loop, 3);
  assert_trace(connection->world, "data:abc eof lost released");
}

static void closing_at_the_end_sends_what_is_kept(void **state) /* P6, P12 */
{
  struct connection *connection = *state;
  fill(connection);
  write_many(connection, 100);
  far_shuts_down(connection);
  run_turns(connection->world->loop, 2);
  assert_trace(connection->world, "eof");
  far_reads(connection);
  turn(connection);
  assert_trace(connection->world, "lost released");
  assert_int_equal(far_reads(connection), 100);
}

static const struct CMUnitTest tests[] = {
    it_opens(a_protocol_is_not_called_inside_open),
    it_opens(connection_made_comes_before_reading_and_opening),
    it_opens(what_connection_made_queues_comes_behind_the_opening),
    it_opens(a_stream_may_be_closed_before_it_begins),
    it_opens(a_stream_that_is_paused_before_it_begins_does_not_read),
    it_opens(connection_made_may_pause_reading),
    it_opens(a_stream_may_be_written_to_before_it_begins),
    it_streams(a_stream_on_a_closed_loop_is_refused),
    it_opens(without_memory_to_read_the_stream_is_lost),
    it_streams(tcp_streams_send_small_writes_at_once),
    it_streams(one_turn_reads_once),
    it_streams(one_read_is_at_most_256_kib),
    it_streams(a_readiness_that_was_none_is_passed_over),
    it_streams(a_read_that_fails_loses_the_connection),
    it_streams(without_memory_for_the_first_read_the_connection_is_lost),
    it_streams(a_paused_stream_does_not_read),
    it_streams(a_resumed_stream_reads),
    it_streams(pausing_in_data_received_ends_the_reading),
    it_streams(a_read_that_is_queued_does_not_happen_when_paused),
    it_streams(a_read_that_is_queued_waits_for_the_next_poll_when_paused_and_resumed),
    it_streams(pausing_and_resuming_do_nothing_when_closing),
    it_streams(data_goes_to_the_protocol_that_was_set),
    it_buffers(bytes_come_into_the_protocols_buffer),
    it_buffers(not_more_comes_than_the_buffer_holds),
    it_buffers(at_the_end_the_buffer_is_not_updated),
    it_buffers(a_protocol_without_buffer_loses_the_connection),
    it_buffers(a_failed_read_into_the_buffer_loses_the_connection),
    it_buffers(a_readiness_that_was_none_updates_no_buffer),
    it_buffers(the_buffer_belongs_to_the_protocol_that_gave_it),
    it_streams(at_the_end_the_stream_closes),
    it_streams(a_stream_that_is_kept_open_stops_reading_and_can_write),
    it_streams(resuming_behind_the_end_reads_nothing_more),
    it_streams(the_end_comes_behind_the_data),
    it_streams(closing_at_the_end_sends_what_is_kept),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
