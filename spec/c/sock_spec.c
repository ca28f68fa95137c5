/* SPDX-License-Identifier: MIT
 *
 * runtime/net/sock.c
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "support.h"

struct pair {
  int near, far;
};

static int open_pair(void **state)
{
  static struct pair pair;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  pair = (struct pair){ends[0], ends[1]};
  *state = &pair;
  return 0;
}

static int close_pair(void **state)
{
  struct pair *pair = *state;
  ca_sock_fail_at(0, 0);
  ca_sock_limit(0);
  close(pair->near);
  close(pair->far);
  return 0;
}

static struct iovec part(const char *text)
{
  return (struct iovec){(void *)text, strlen(text)};
}

static ssize_t send_text(int fd, const char *text)
{
  struct iovec only = part(text);
  return ca_sock_send(fd, &only, 1);
}

static void assert_received(int fd, const char *expected)
{
  char bytes[64] = "";
  ssize_t n = read(fd, bytes, sizeof bytes - 1);
  assert_int_equal(n, strlen(expected));
  assert_string_equal(bytes, expected);
}

/* Receiving */

static void received_bytes_are_counted(void **state)
{
  struct pair *pair = *state;
  char bytes[8] = "";
  assert_int_equal(write(pair->far, "abc", 3), 3);
  assert_int_equal(ca_sock_recv(pair->near, bytes, sizeof bytes), 3);
  assert_string_equal(bytes, "abc");
}

static void nothing_to_receive_is_eagain(void **state)
{
  struct pair *pair = *state;
  char byte;
  assert_int_equal(ca_sock_recv(pair->near, &byte, 1), -EAGAIN);
}

static void the_end_is_received_as_0(void **state)
{
  struct pair *pair = *state;
  char byte;
  assert_int_equal(shutdown(pair->far, SHUT_WR), 0);
  assert_int_equal(ca_sock_recv(pair->near, &byte, 1), 0);
}

static void an_interrupted_receive_is_made_again(void **state)
{
  struct pair *pair = *state;
  char byte;
  assert_int_equal(write(pair->far, "a", 1), 1);
  ca_sock_fail_at(1, EINTR);
  assert_int_equal(ca_sock_recv(pair->near, &byte, 1), 1);
}

static void a_failed_receive_gives_its_error(void **state)
{
  struct pair *pair = *state;
  char byte;
  ca_sock_fail_at(1, ECONNRESET);
  assert_int_equal(ca_sock_recv(pair->near, &byte, 1), -ECONNRESET);
}

/* Sending */

static void one_part_is_sent(void **state)
{
  struct pair *pair = *state;
  assert_int_equal(send_text(pair->near, "abc"), 3);
  assert_received(pair->far, "abc");
}

static void several_parts_are_sent_in_order(void **state)
{
  struct pair *pair = *state;
  struct iovec parts[] = {part("ab"), part(""), part("cd")};
  assert_int_equal(ca_sock_send(pair->near, parts, 3), 4);
  assert_received(pair->far, "abcd");
}

static void of_too_many_parts_the_first_are_sent(void **state)
{
  struct pair *pair = *state;
  struct iovec parts[IOV_MAX + 1];
  for (int i = 0; i <= IOV_MAX; i++) parts[i] = part("x");
  assert_int_equal(ca_sock_send(pair->near, parts, IOV_MAX + 1), IOV_MAX);
}

static void a_full_socket_is_eagain(void **state)
{
  struct pair *pair = *state;
  char block[4096] = {0};
  while (write(pair->near, block, sizeof block) > 0) continue;
  assert_int_equal(send_text(pair->near, "a"), -EAGAIN);
}

static void a_peer_that_is_gone_is_epipe_and_no_signal(void **state)
{
  struct pair *pair = *state;
  assert_int_equal(shutdown(pair->near, SHUT_WR), 0);
  assert_int_equal(send_text(pair->near, "a"), -EPIPE);
}

static void an_interrupted_send_is_made_again(void **state)
{
  struct pair *pair = *state;
  ca_sock_fail_at(1, EINTR);
  assert_int_equal(send_text(pair->near, "abc"), 3);
  assert_received(pair->far, "abc");
}

/* Shutting down */

static void shutting_down_is_the_peers_end(void **state)
{
  struct pair *pair = *state;
  assert_int_equal(ca_sock_shutdown_writing(pair->near), 0);
  assert_received(pair->far, "");
}

static void a_failed_shutdown_gives_its_error(void **state)
{
  struct pair *pair = *state;
  ca_sock_fail_at(1, ENOTCONN);
  assert_int_equal(ca_sock_shutdown_writing(pair->near), -ENOTCONN);
}

/* What tests ask for */

static void the_nth_call_fails_once(void **state)
{
  struct pair *pair = *state;
  ca_sock_fail_at(2, EPIPE);
  assert_int_equal(send_text(pair->near, "a"), 1);
  assert_int_equal(send_text(pair->near, "b"), -EPIPE);
  assert_int_equal(send_text(pair->near, "c"), 1);
  assert_received(pair->far, "ac");
}

static void a_failing_call_is_not_made(void **state)
{
  struct pair *pair = *state;
  char byte;
  ca_sock_fail_at(1, EPIPE);
  assert_int_equal(send_text(pair->near, "a"), -EPIPE);
  assert_int_equal(ca_sock_recv(pair->far, &byte, 1), -EAGAIN);
}

static void a_limit_makes_calls_short(void **state)
{
  struct pair *pair = *state;
  struct iovec parts[] = {part("abc"), part("def")};
  char bytes[8] = "";
  ca_sock_limit(2);
  assert_int_equal(send_text(pair->near, "abc"), 2);
  assert_int_equal(ca_sock_send(pair->near, parts, 2), 2);
  assert_int_equal(ca_sock_recv(pair->far, bytes, sizeof bytes), 2);
}

#define it_sends(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

static const struct CMUnitTest tests[] = {
    it_sends(received_bytes_are_counted),
    it_sends(nothing_to_receive_is_eagain),
    it_sends(the_end_is_received_as_0),
    it_sends(an_interrupted_receive_is_made_again),
    it_sends(a_failed_receive_gives_its_error),
    it_sends(one_part_is_sent),
    it_sends(several_parts_are_sent_in_order),
    it_sends(of_too_many_parts_the_first_are_sent),
    it_sends(a_full_socket_is_eagain),
    it_sends(a_peer_that_is_gone_is_epipe_and_no_signal),
    it_sends(an_interrupted_send_is_made_again),
    it_sends(shutting_down_is_the_peers_end),
    it_sends(a_failed_shutdown_gives_its_error),
    it_sends(the_nth_call_fails_once),
    it_sends(a_failing_call_is_not_made),
    it_sends(a_limit_makes_calls_short),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
