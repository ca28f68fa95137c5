/* SPDX-License-Identifier: MIT
 *
 * runtime/net/connect.c, on the loopback.  A connect pends for long where the queue of a listening
 * socket is full.
 */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "net/net.h"
#include "script.h"

/* ---- peers ---- */

static int open_listening(struct casync_address *name)
{
  struct casync_address any;
  assert_int_equal(casync_address_set_ip(&any, AF_INET, "127.0.0.1", 0), 0);
  int fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(casync_sock_bind(fd, &any), 0);
  assert_int_equal(casync_sock_listen(fd, 0), 0);
  assert_int_equal(casync_sock_name(fd, name), 0);
  return fd;
}

static int begin(const struct casync_address *name)
{
  int fd = casync_sock_open(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(casync_sock_connect(fd, name), -EINPROGRESS);
  return fd;
}

/* ---- an op that connects ---- */

struct connecting {
  struct casync_op op;
  struct casync_connect connect;
  const struct casync_op_type *waits; /* what casync_connect_wait() made the task wait for */
  int fd;
};

static int start(struct casync_op *op, struct casync_task *task)
{
  struct connecting *self = ca_container_of(op, struct connecting, op);
  int status = casync_connect_wait(&self->connect, task, self->fd);
  self->waits = task->op;
  return status < 0 ? status : CASYNC_OP_WAITS;
}

/* An op stands in front of what its start waits for. */
static void undo(struct casync_task *task)
{
  ca_container_of(task->object, struct connecting, connect)->waits->undo(task);
}

static const struct casync_op_type type = {"connecting", start, undo};

static struct connecting *connecting(struct world *world, int fd)
{
  struct connecting *self = keep(world, sizeof *self);
  self->op.type = &type;
  self->fd = fd;
  return self;
}

static void assert_not_watched(struct world *world, int fd)
{
  assert_null(casync_loop_unwatch(world->loop, fd, CASYNC_WRITE));
}

/* ---- tests ---- */

static void a_task_comes_back_in_the_iteration_after_the_end(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  script_start(world, SCRIPT(OP(&self->op), TURNS("connected")));
  run_turns(world->loop, 3);
  assert_trace(world, "connected+2");
  assert_int_equal(self->connect.status, 0);
  assert_null(self->connect.task);
  assert_not_watched(world, self->fd);
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void a_refusal_is_a_status(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  casync_sock_close(open_listening(&name));
  struct connecting *self = connecting(world, begin(&name));
  script_start(world, SCRIPT(OP(&self->op), SAY("over")));
  run_turns(world->loop, 3);
  assert_trace(world, "over");
  assert_int_equal(self->connect.status, -ECONNREFUSED);
  assert_not_watched(world, self->fd);
  casync_sock_close(self->fd);
}

static void a_question_that_is_interrupted_is_asked_again(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  script_start(world, SCRIPT(OP(&self->op), SAY("over")));
  run_turns(world->loop, 1);
  ca_sock_fail_at(1, EINTR);
  run_turns(world->loop, 2);
  assert_trace(world, "");
  run_turns(world->loop, 1);
  assert_trace(world, "over");
  assert_int_equal(self->connect.status, 0);
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

/* Connects until the kernel lets the next one wait; returns how many descriptors that took. */
static int fill(const struct casync_address *name, int *fds)
{
  int n = 0;
  do {
    assert_in_range(n, 0, 7);
    fds[n] = begin(name);
    struct casync_address peer;
    if (casync_sock_peer(fds[n++], &peer) < 0) break;
  } while (true);
  return n;
}

static void a_cancelled_connect_is_not_watched_any_more(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int fds[8], listening = open_listening(&name), n = fill(&name, fds);
  struct connecting *self = connecting(world, fds[n - 1]);
  struct script *task = script_start(world, SCRIPT(OP(&self->op), CATCH, SAY("cancelled")));
  run_turns(world->loop, 3);
  assert_trace(world, "");
  assert_true(script_cancel(task));
  assert_null(self->connect.task);
  assert_not_watched(world, self->fd);
  run_turns(world->loop, 1);
  assert_trace(world, "cancelled");
  while (n > 0) casync_sock_close(fds[--n]);
  casync_sock_close(listening);
}

static void a_connect_cancelled_in_the_iteration_of_its_end_is_cancelled(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  struct script *task = script_start(world, SCRIPT(OP(&self->op), CATCH, SAY("cancelled")));
  run_turns(world->loop, 1);
  /* What was ready comes before what the poll finds: the socket's handle is queued behind it. */
  soon(world, callback_then(world, "cancel", then_cancel_script, task));
  run_turns(world->loop, 1);
  assert_trace(world, "cancel true");
  run_turns(world->loop, 1);
  assert_trace(world, "cancelled");
  assert_not_watched(world, self->fd);
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void a_connect_that_is_over_can_be_cancelled_before_its_task_steps(void **state) /* C11 */
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  struct script *task = script_start(world, SCRIPT(OP(&self->op), CATCH, SAY("cancelled")));
  run_turns(world->loop, 2);
  assert_null(self->connect.task);
  assert_true(script_cancel(task));
  run_turns(world->loop, 1);
  assert_trace(world, "cancelled");
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void a_descriptor_that_somebody_else_watches_is_refused(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  struct callback *other = callback(world, "other");
  assert_int_equal(casync_loop_watch(world->loop, self->fd, CASYNC_WRITE, &other->timer.handle), 0);
  script_start(world, SCRIPT(OP(&self->op), CATCH, SAY("refused")));
  run_turns(world->loop, 1);
  assert_non_null(casync_loop_unwatch(world->loop, self->fd, CASYNC_WRITE));
  assert_null(self->connect.task);
  take_trace(world);
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void an_abandoned_connect_leaves_its_task_alone(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  struct script *task = script_start(world, SCRIPT(OP(&self->op), SAY("never")));
  run_turns(world->loop, 1);
  casync_connect_abandon(&self->connect);
  casync_connect_abandon(&self->connect);
  assert_not_watched(world, self->fd);
  run_turns(world->loop, 2);
  casync_task_abandon(&task->task);
  assert_trace(world, "");
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void without_memory_nobody_waits(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  script_start(world, SCRIPT(OP(&self->op), CATCH, SAY("error")));
  ca_alloc_fail_at(1);
  run_turns(world->loop, 1);
  ca_alloc_fail_at(0);
  assert_trace(world, "refused error");
  assert_null(self->connect.task);
  assert_not_watched(world, self->fd);
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

static void a_virtual_clock_stands_still_until_the_end(void **state)
{
  struct world *world = *state;
  struct casync_address name;
  int listening = open_listening(&name);
  struct connecting *self = connecting(world, begin(&name));
  at(world, 1000, callback(world, "timer"));
  script_start(world, SCRIPT(OP(&self->op), TIME("connected")));
  run_out(world);
  assert_trace(world, "connected@0 timer");
  casync_sock_close(self->fd);
  casync_sock_close(listening);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      it_owned(a_task_comes_back_in_the_iteration_after_the_end),
      it_owned(a_refusal_is_a_status),
      it_owned(a_question_that_is_interrupted_is_asked_again),
      it_owned(a_cancelled_connect_is_not_watched_any_more),
      it_owned(a_connect_cancelled_in_the_iteration_of_its_end_is_cancelled),
      it_owned(a_connect_that_is_over_can_be_cancelled_before_its_task_steps),
      it_owned(a_descriptor_that_somebody_else_watches_is_refused),
      it_owned(an_abandoned_connect_leaves_its_task_alone),
      it_owned(without_memory_nobody_waits),
      it(a_virtual_clock_stands_still_until_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
