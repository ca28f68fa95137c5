/* SPDX-License-Identifier: MIT
 *
 * runtime/net/sock.c: sockets before they are transports, on the loopback.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/net.h"
#include "support.h"

static struct casync_address ip(int family, const char *host, uint16_t port)
{
  struct casync_address address;
  assert_int_equal(casync_address_set_ip(&address, family, host, port), 0);
  return address;
}

static int open_tcp(void)
{
  int fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  return fd;
}

/* Binds to a free port of the loopback and listens. */
static int open_listening(int backlog, struct casync_address *name)
{
  int fd = open_tcp();
  struct casync_address any = ip(AF_INET, "127.0.0.1", 0);
  assert_int_equal(casync_sock_bind(fd, &any), 0);
  assert_int_equal(casync_sock_listen(fd, backlog), 0);
  assert_int_equal(casync_sock_name(fd, name), 0);
  return fd;
}

static void assert_does_not_block_nor_pass_to_children(int fd)
{
  assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
  assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void sockets_do_not_block_and_do_not_pass_to_children(void **state)
{
  (void)state;
  struct casync_address name, peer, own;
  int listening = open_listening(5, &name), client = open_tcp();
  assert_does_not_block_nor_pass_to_children(client);
  assert_int_equal(casync_sock_accept(listening, NULL), -EAGAIN);
  assert_int_equal(casync_sock_connect(client, &name), -EINPROGRESS);
  int accepted = casync_sock_accept(listening, &peer);
  assert_true(accepted >= 0);
  assert_does_not_block_nor_pass_to_children(accepted);
  assert_int_equal(casync_sock_name(client, &own), 0);
  assert_int_equal(peer.size, own.size);
  assert_memory_equal(&peer.of, &own.of, own.size);
  assert_int_equal(casync_sock_peer(client, &peer), 0);
  assert_memory_equal(&peer.of, &name.of, name.size);
  assert_int_equal(casync_sock_error(client), 0);
  casync_sock_close(accepted);
  casync_sock_close(client);
  casync_sock_close(listening);
}

static void a_refused_connect_leaves_its_error_in_the_socket_once(void **state)
{
  (void)state;
  struct casync_address name;
  int client = open_tcp();
  casync_sock_close(open_listening(1, &name));
  assert_int_equal(casync_sock_connect(client, &name), -EINPROGRESS);
  assert_int_equal(casync_sock_error(client), -ECONNREFUSED);
  assert_int_equal(casync_sock_error(client), 0);
  casync_sock_close(client);
}

static void options_are_set_and_read(void **state)
{
  (void)state;
  int fd = open_tcp(), on = 1, value = 0;
  unsigned size = sizeof value;
  assert_int_equal(casync_sock_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
  assert_int_equal(casync_sock_get_option(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
  assert_int_equal(value, 1);
  assert_int_equal(size, sizeof value);
  casync_sock_close(fd);
}

static void a_bound_port_is_in_use(void **state)
{
  (void)state;
  struct casync_address name;
  int listening = open_listening(1, &name), second = open_tcp();
  assert_int_equal(casync_sock_bind(second, &name), -EADDRINUSE);
  casync_sock_close(second);
  casync_sock_close(listening);
}

static void what_is_no_socket_is_refused_by_all(void **state)
{
  (void)state;
  struct casync_address address = ip(AF_INET, "127.0.0.1", 0);
  int value = 0;
  unsigned size = sizeof value;
  assert_int_equal(casync_sock_bind(-1, &address), -EBADF);
  assert_int_equal(casync_sock_listen(-1, 1), -EBADF);
  assert_int_equal(casync_sock_accept(-1, NULL), -EBADF);
  assert_int_equal(casync_sock_connect(-1, &address), -EBADF);
  assert_int_equal(casync_sock_error(-1), -EBADF);
  assert_int_equal(casync_sock_name(-1, &address), -EBADF);
  assert_int_equal(address.size, 0);
  assert_int_equal(casync_sock_peer(-1, &address), -EBADF);
  assert_int_equal(casync_sock_get_option(-1, SOL_SOCKET, SO_TYPE, &value, &size), -EBADF);
  assert_int_equal(casync_sock_set_option(-1, SOL_SOCKET, SO_TYPE, &value, size), -EBADF);
  assert_int_equal(casync_sock_open(12345, SOCK_STREAM, 0), -EAFNOSUPPORT);
}

static void calls_can_be_made_to_fail(void **state)
{
  (void)state;
  struct casync_address name;
  ca_sock_fail_at(1, EMFILE);
  assert_int_equal(casync_sock_open(AF_INET, SOCK_STREAM, 0), -EMFILE);
  int listening = open_listening(1, &name);
  ca_sock_fail_at(1, ECONNABORTED);
  assert_int_equal(casync_sock_accept(listening, NULL), -ECONNABORTED);
  ca_sock_fail_at(1, EINTR); /* it is made again */
  assert_int_equal(casync_sock_accept(listening, NULL), -EAGAIN);
  int client = open_tcp();
  ca_sock_fail_at(1, EINTR); /* it goes on by itself */
  assert_int_equal(casync_sock_connect(client, &name), -EINPROGRESS);
  casync_sock_close(client);
  casync_sock_close(listening);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      it(sockets_do_not_block_and_do_not_pass_to_children),
      it(a_refused_connect_leaves_its_error_in_the_socket_once),
      it(options_are_set_and_read),
      it(a_bound_port_is_in_use),
      it(what_is_no_socket_is_refused_by_all),
      it(calls_can_be_made_to_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
