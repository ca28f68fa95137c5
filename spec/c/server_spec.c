/* SPDX-License-Identifier: MIT
 *
 * runtime/net/server.c, on the loopback, with the virtual clock for its pauses.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "net/net.h"
#include "support.h"

struct server {
  struct casync_listener listener;
  struct casync_address name;
  struct world *world;
  int fd;
  int clients[16];
  int count;       /* of clients */
  int stops_after; /* connections, then it stops itself; 0: never */
  bool goes_on;    /* what accepted() answers */
};

static struct server *server_of(struct casync_listener *listener)
{
  return ca_container_of(listener, struct server, listener);
}

static bool accepted(struct casync_listener *listener, int fd, const struct casync_address *peer)
{
  struct server *server = server_of(listener);
  struct casync_address real;
  assert_int_equal(casync_sock_peer(fd, &real), 0);
  assert_memory_equal(&real.of, &peer->of, real.size);
  casync_sock_close(fd);
  note(server->world, "accepted");
  if (server->stops_after > 0 && --server->stops_after == 0) casync_listener_stop(listener);
  return server->goes_on;
}

static void failed(struct casync_listener *listener, int error, bool pauses)
{
  note(server_of(listener)->world, pauses ? "pause:%d" : "failed:%d", -error);
}

static const struct casync_listener_type type = {accepted, failed};

static struct server *open_server(struct world *world, int backlog)
{
  struct server *server = keep(world, sizeof *server);
  struct casync_address any;
  server->world = world;
  server->goes_on = true;
  assert_int_equal(casync_address_set_ip(&any, AF_INET, "127.0.0.1", 0), 0);
  server->fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(casync_sock_bind(server->fd, &any), 0);
  assert_int_equal(
      casync_listener_start(&server->listener, world->loop, server->fd, backlog, &type), 0);
  assert_int_equal(casync_sock_name(server->fd, &server->name), 0);
  return server;
}

static void knock(struct server *server, int times)
{
  while (times-- > 0) {
    int fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(casync_sock_connect(fd, &server->name), -EINPROGRESS);
    server->clients[server->count++] = fd;
  }
}

static void close_server(struct server *server)
{
  casync_listener_stop(&server->listener);
  assert_null(casync_loop_unwatch(server->world->loop, server->fd, CASYNC_READ));
  casync_sock_close(server->fd);
  while (server->count > 0) casync_sock_close(server->clients[--server->count]);
}

static void connections_are_handed_over(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  run_turns(world->loop, 1);
  assert_trace(world, "");
  knock(server, 2);
  run_turns(world->loop, 1);
  assert_trace(world, "accepted accepted");
  close_server(server);
}

static void an_iteration_accepts_one_more_than_the_backlog(void **state) /* V6 */
{
  struct world *world = *state;
  struct server *server = open_server(world, 1);
  casync_sock_listen(server->fd, 10); /* so that more than the backlog can wait */
  knock(server, 3);
  run_turns(world->loop, 1);
  assert_trace(world, "accepted accepted");
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void the_embedder_may_end_an_iteration(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  server->goes_on = false;
  knock(server, 2);
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void a_listener_may_be_stopped_by_what_it_hands_over(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  server->stops_after = 1;
  knock(server, 2);
  run_turns(world->loop, 2);
  assert_trace(world, "accepted");
  close_server(server);
}

static void a_connection_that_was_aborted_is_skipped(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  knock(server, 1);
  ca_sock_fail_at(1, ECONNABORTED);
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void pauses_for_a_second(struct world *world, int error)
{
  struct server *server = open_server(world, 5);
  char expected[32];
  snprintf(expected, sizeof expected, "pause:%d", error);
  knock(server, 1);
  ca_sock_fail_at(1, error);
  run_turns(world->loop, 1);
  assert_trace(world, expected);
  double paused = casync_loop_time(world->loop);
  run_turns(world->loop, 3);
  assert_trace(world, "");
  at(world, paused + 0.999, callback_then(world, "before", then_stop, NULL));
  assert_int_equal(casync_loop_run(world->loop), 0);
  assert_trace(world, "before");
  at(world, paused + 1, callback_then(world, "second", then_stop, NULL));
  assert_int_equal(casync_loop_run(world->loop), 0);
  assert_trace(world, "second");
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void without_descriptors_or_memory_it_pauses_for_a_second(void **state) /* V6 */
{
  pauses_for_a_second(*state, EMFILE);
  pauses_for_a_second(*state, ENFILE);
  pauses_for_a_second(*state, ENOBUFS);
  pauses_for_a_second(*state, ENOMEM);
}

static void another_failure_is_told_and_does_not_pause(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  knock(server, 1);
  ca_sock_fail_at(1, EPERM);
  run_turns(world->loop, 1);
  assert_trace(world, "failed:1");
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void a_pause_for_which_there_is_no_memory_is_none(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  knock(server, 1);
  run_turns(world->loop, 0);
  ca_sock_fail_at(1, EMFILE);
  ca_alloc_fail_at(1); /* the timer heap */
  run_turns(world->loop, 1);
  ca_alloc_fail_at(0);
  assert_trace(world, "pause:24");
  run_turns(world->loop, 1);
  assert_trace(world, "accepted");
  close_server(server);
}

static void a_pause_goes_on_when_the_socket_cannot_be_watched_again(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  knock(server, 1);
  ca_sock_fail_at(1, EMFILE);
  run_turns(world->loop, 1);
  at(world, casync_loop_time(world->loop) + 1, callback_then(world, "second", then_stop, NULL));
  ca_alloc_fail_at(1);
  assert_int_equal(casync_loop_run(world->loop), 0);
  ca_alloc_fail_at(0);
  assert_trace(world, "pause:24 pause:10001 second");
  at(world, casync_loop_time(world->loop) + 1, callback_then(world, "third", then_stop, NULL));
  assert_int_equal(casync_loop_run(world->loop), 0);
  run_turns(world->loop, 1);
  assert_trace(world, "third accepted");
  close_server(server);
}

static void a_listener_can_be_stopped_while_it_pauses(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  knock(server, 1);
  ca_sock_fail_at(1, EMFILE);
  run_turns(world->loop, 1);
  casync_listener_stop(&server->listener);
  casync_listener_stop(&server->listener);
  run_out(world); /* no timer is left */
  assert_trace(world, "pause:24");
  close_server(server);
}

static void a_stopped_listener_is_not_called_for_what_was_queued(void **state)
{
  struct world *world = *state;
  struct server *server = open_server(world, 5);
  server->stops_after = 1;
  knock(server, 1);
  run_turns(world->loop, 1);
  assert_int_equal(casync_listener_start(&server->listener, world->loop, server->fd, 5, &type), 0);
  knock(server, 1);
  casync_loop_call_soon(world->loop, &server->listener.readable);
  casync_listener_stop(&server->listener);
  run_turns(world->loop, 2);
  assert_trace(world, "accepted");
  close_server(server);
}

static void a_listener_that_cannot_start_is_not_started(void **state)
{
  struct world *world = *state;
  struct casync_listener *listener = keep(world, sizeof *listener);
  casync_listener_stop(listener); /* zeroed */
  assert_int_equal(casync_listener_start(listener, world->loop, -1, 5, &type), -EBADF);
  casync_listener_stop(listener);
  int fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
  ca_alloc_fail_at(1);
  assert_int_equal(casync_listener_start(listener, world->loop, fd, 5, &type), CASYNC_EMEMORY);
  ca_alloc_fail_at(0);
  casync_listener_stop(listener);
  casync_sock_close(fd);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      it(connections_are_handed_over),
      it(an_iteration_accepts_one_more_than_the_backlog),
      it(the_embedder_may_end_an_iteration),
      it(a_listener_may_be_stopped_by_what_it_hands_over),
      it(a_connection_that_was_aborted_is_skipped),
      it(without_descriptors_or_memory_it_pauses_for_a_second),
      it(another_failure_is_told_and_does_not_pause),
      it(a_pause_for_which_there_is_no_memory_is_none),
      it(a_pause_goes_on_when_the_socket_cannot_be_watched_again),
      it(a_listener_can_be_stopped_while_it_pauses),
      it(a_stopped_listener_is_not_called_for_what_was_queued),
      it(a_listener_that_cannot_start_is_not_started),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
