/* SPDX-License-Identifier: MIT
 *
 * runtime/net/: what holds whatever happens.  An exchange goes through every stage of a stream;
 * it is repeated with each thing done in each call, with each allocation and each socket call
 * failing, cut off at each turn, and at random.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "connection.h"
#include "net/net.h"

enum {
  TURNS = 60,  /* an exchange is over by then, or is aborted */
  SENT = 20000 /* bytes; more than the kernel keeps */
};

typedef void (*action)(struct connection *connection);

static const action actions[] = {
    do_close, do_abort,     do_abandon,    do_pause_reading, do_resume_reading,
    do_write, do_write_eof, do_set_limits, do_set_protocol,
};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

static const struct casync_protocol *const protocols[] = {&noting, &noting_buffered};

static void turn(struct connection *connection)
{
  if (casync_loop_is_closed(connection->world->loop)) return;
  run_turns(connection->world->loop, 1);
  casync_loop_verify(connection->world->loop);
}

/* The stream may be gone already. */
static void far_says_hello(struct connection *connection)
{
  (void)!send(connection->far, "hello", 5, MSG_NOSIGNAL);
}

/* What happens before turn `n`; the far end reads all the time. */
static void step(struct connection *connection, int n)
{
  static const char bytes[SENT];
  struct iovec parts[] = {part("abc"), {(void *)bytes, SENT - 3}};
  if (n == 0) casync_stream_set_limits(&connection->stream, 100, 50);
  if (n == 1) far_says_hello(connection);
  if (n == 2) (void)casync_stream_write(&connection->stream, parts, 2);
  if (n == 15) shutdown(connection->far, SHUT_WR);
  if (n == 20) do_write_eof(connection);
  if (n == 25) do_close(connection);
}

/* Returns how many bytes came to the far end. */
static size_t exchange(struct connection *connection, int turns)
{
  size_t all = 0;
  connection->keeps_open = true;
  for (int n = 0; n < turns; n++) {
    step(connection, n);
    turn(connection);
    all += far_reads(connection);
  }
  return all;
}

static void finish(struct connection *connection)
{
  do_abort(connection);
  turn(connection);
}

static void check_order(const char *trace, const char *earlier, const char *later)
{
  const char *first = strstr(trace, earlier), *second = strstr(trace, later);
  assert_non_null(first);
  assert_true(second == NULL || first < second);
}

/* Only pause_writing() may come before the beginning; the end is lost, released. */
static void check_calls(struct connection *connection)
{
  const int *calls = connection->calls;
  const char *trace = take_trace(connection->world);
  assert_int_equal(casync_stream_fd(&connection->stream), -1);
  assert_int_equal(calls[CALL_MADE], 1);
  assert_int_equal(calls[CALL_OPENED], 1);
  assert_int_equal(calls[CALL_LOST], 1);
  assert_int_equal(calls[CALL_RELEASED], 1);
  check_order(trace, "made", "opened");
  check_order(trace, "opened", "data");
  check_order(trace, "opened", "get");
  check_order(trace, "opened", "resume");
  check_order(trace, "opened", "lost");
  check_order(trace, "lost", "released");
  assert_string_equal(strstr(trace, " released"), " released");
  assert_in_range(calls[CALL_PAUSE] - calls[CALL_RESUME], 0, 1);
}

static void check_abandoned(struct connection *connection)
{
  int lost = connection->calls[CALL_LOST], released = connection->calls[CALL_RELEASED];
  assert_int_equal(casync_stream_fd(&connection->stream), -1);
  assert_in_range(lost, 0, 1);
  assert_in_range(released, 0, lost);
  take_trace(connection->world);
  turn(connection);
  assert_trace(connection->world, "");
}

/* The exchange */

static void an_exchange_goes_through_every_stage(void **state)
{
  struct connection *connection = *state;
  assert_int_equal(exchange(connection, TURNS), SENT);
  assert_trace(connection->world, "made opened data:hello pause resume eof lost released");
}

static void byte_by_byte_the_same_happens(void **state)
{
  struct connection *connection = *state;
  size_t all = 0;
  ca_sock_limit(1);
  for (int n = 0; n < SENT + TURNS; n++) {
    step(connection, n == SENT ? 25 : n == 25 ? TURNS : n);
    turn(connection);
    all += far_reads(connection);
  }
  assert_int_equal(all, SENT);
  assert_trace(connection->world,
               "made opened data:h pause data:e data:l data:l data:o eof resume lost released");
}

/* Things done inside calls */

static void do_in_a_call(struct connection *connection, const struct casync_protocol *protocol,
                         enum call call, action act)
{
  connect_again(connection, protocol);
  connection->on[call] = act;
  exchange(connection, TURNS);
  finish(connection);
  if (act == do_abandon && connection->calls[call] > 0)
    check_abandoned(connection);
  else
    check_calls(connection);
}

static void anything_may_be_done_in_any_call(void **state)
{
  for (int protocol = 0; protocol < 2; protocol++)
    for (enum call call = CALL_MADE; call < CALLS; call++)
      for (int i = 0; i < ACTIONS; i++) do_in_a_call(*state, protocols[protocol], call, actions[i]);
}

static void anything_may_be_done_between_two_turns(void **state)
{
  struct connection *connection = *state;
  for (int turns = 0; turns < 30; turns++)
    for (int i = 0; i < ACTIONS; i++) {
      connect_again(connection, protocols[turns % 2]);
      exchange(connection, turns);
      bool is_over = connection->calls[CALL_RELEASED] > 0;
      actions[i](connection);
      turn(connection);
      finish(connection);
      if (actions[i] == do_abandon && !is_over)
        check_abandoned(connection);
      else if (turns > 0)
        check_calls(connection);
    }
}

/* Failures */

static void no_allocation_that_fails_does_harm(void **state)
{
  struct connection *connection = *state;
  for (unsigned long n = 1; n < 30; n++) {
    ca_alloc_fail_at(0);
    connect_again(connection, protocols[n % 2]);
    ca_alloc_fail_at(n);
    exchange(connection, TURNS);
    finish(connection);
    ca_alloc_fail_at(0);
    check_calls(connection);
  }
}

static void fail_each_socket_call(struct connection *connection, int error)
{
  for (unsigned long n = 1; n < 40; n++) {
    connect_again(connection, protocols[n % 2]);
    ca_sock_fail_at(n, error);
    exchange(connection, TURNS);
    finish(connection);
    ca_sock_fail_at(0, 0);
    check_calls(connection);
  }
}

static void no_socket_call_that_fails_does_harm(void **state)
{
  fail_each_socket_call(*state, ECONNRESET);
  fail_each_socket_call(*state, EPIPE);
  fail_each_socket_call(*state, ENOTCONN);
}

static void no_socket_call_that_is_put_off_loses_a_byte(void **state)
{
  struct connection *connection = *state;
  for (unsigned long n = 1; n < 20; n++) {
    connect_again(connection, &noting);
    ca_sock_fail_at(n, n % 2 == 0 ? EINTR : EAGAIN);
    assert_int_equal(exchange(connection, TURNS), SENT);
    ca_sock_fail_at(0, 0);
    assert_int_equal(connection->received, 5);
    check_calls(connection);
  }
}

/* The loop goes */

static void a_loop_may_be_closed_at_any_turn(void **state)
{
  for (int turns = 0; turns < 30; turns++) {
    struct connection *connection;
    world_open(state);
    connection = keep(*state, sizeof *connection);
    connection->world = *state;
    connection->far = -1;
    connection->stream.fd = -1;
    connect_again(connection, &noting);
    exchange(connection, turns);
    take_trace(connection->world);
    assert_int_equal(casync_loop_close(connection->world->loop), 0);
    do_abandon(connection);
    assert_trace(connection->world, "");
    far_closes(connection);
    assert_int_equal(world_close(state), 0);
  }
}

/* At random */

static void act_at_random(struct connection *connection)
{
  static uint32_t random = 12345;
  uint32_t number = next_random(&random) % 64;
  struct iovec parts[] = {part("some"), part(""), part("more")};
  if (number < 24) (void)casync_stream_write(&connection->stream, parts, 3);
  if (number >= 24 && number < 40) do_resume_reading(connection);
  if (number >= 40 && number < 48) do_pause_reading(connection);
  if (number >= 48 && number < 54)
    casync_stream_set_protocol(&connection->stream, protocols[number % 2]);
  if (number >= 54 && number < 60)
    casync_stream_set_limits(&connection->stream, (size_t)number % 6 * 40, (size_t)number % 6 * 10);
  if (number == 60) do_write_eof(connection);
  if (number == 61) do_close(connection);
  if (number == 62 && next_random(&random) % 4 == 0) do_abort(connection);
  ca_sock_limit(number % 8 == 0 ? number : 0);
  if (number % 8 == 1) ca_sock_fail_at(1 + number / 8, number % 16 == 1 ? EAGAIN : EINTR);
}

static void live_at_random(struct connection *connection, int round)
{
  connect_again(connection, protocols[round % 2]);
  for (enum call call = CALL_MADE; call < CALLS; call++) connection->on[call] = act_at_random;
  connection->keeps_open = round % 3 == 0;
  for (int n = 0; n < 50; n++) {
    if (n % 3 == 0 && n < 40) far_says_hello(connection);
    if (n == 40) shutdown(connection->far, SHUT_WR);
    act_at_random(connection);
    turn(connection);
    if (n % 2 == 0) far_reads(connection);
  }
  finish(connection);
  check_calls(connection);
}

static void any_mix_is_survived(void **state)
{
  struct connection *connection = *state;
  for (int round = 0; round < 400; round++) live_at_random(connection, round);
}

static const struct CMUnitTest tests[] = {
    it_opens(an_exchange_goes_through_every_stage),
    it_opens(byte_by_byte_the_same_happens),
    it_opens(anything_may_be_done_in_any_call),
    it_opens(anything_may_be_done_between_two_turns),
    it_opens(no_allocation_that_fails_does_harm),
    it_opens(no_socket_call_that_fails_does_harm),
    it_opens(no_socket_call_that_is_put_off_loses_a_byte),
    cmocka_unit_test(a_loop_may_be_closed_at_any_turn),
    it_opens(any_mix_is_survived),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
