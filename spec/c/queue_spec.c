/* SPDX-License-Identifier: MIT
 *
 * runtime/sync/queue.c
 */
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "casync/impl/sync.h"
#include "casync/sync.h"
#include "script.h"

/* A wait at a queue as an op; its undo is the queue's own. */
struct place {
  struct casync_op op;
  struct casync_queue *queue;
  void (*wait)(struct casync_queue *queue, struct casync_task *task);
};

static const struct casync_op_type *queue_type; /* what the last wait told the task */

static int start(struct casync_op *op, struct casync_task *task)
{
  struct place *place = ca_container_of(op, struct place, op);
  place->wait(place->queue, task);
  queue_type = task->op;
  return CASYNC_OP_WAITS;
}

static void undo(struct casync_task *task)
{
  queue_type->undo(task);
}

static const struct casync_op_type place_type = {"place", start, undo};

static struct casync_queue *new_queue(struct world *world)
{
  struct casync_queue *queue = keep(world, sizeof *queue);
  casync_queue_init(queue);
  return queue;
}

static struct script *in_line(struct world *world, struct casync_queue *queue,
                              void (*wait)(struct casync_queue *, struct casync_task *),
                              const char *name)
{
  struct place *place = keep(world, sizeof *place);
  *place = (struct place){{.type = &place_type}, queue, wait};
  const struct line lines[] = {OP(&place->op), TURNS(name), {.verb = VERB_END}};
  struct line *kept = keep(world, sizeof lines);
  memcpy(kept, lines, sizeof lines);
  return script_start(world, kept);
}

static void an_added_item_wakes_the_first_getter(void **state)
{
  struct world *world = *state;
  struct casync_queue *queue = new_queue(world);
  in_line(world, queue, casync_queue_wait_get, "a");
  in_line(world, queue, casync_queue_wait_get, "b");
  run_turns(world->loop, 1);
  assert_int_equal(casync_queue_getters(queue), 2);
  casync_queue_added(queue);
  assert_trace(world, "");
  run_turns(world->loop, 2);
  assert_trace(world, "a+1");
  assert_int_equal(casync_queue_getters(queue), 1);
  assert_int_equal(queue->unfinished, 1);
}

static void a_taken_item_wakes_the_first_putter(void **state)
{
  struct world *world = *state;
  struct casync_queue *queue = new_queue(world);
  in_line(world, queue, casync_queue_wait_get, "getter");
  in_line(world, queue, casync_queue_wait_put, "a");
  in_line(world, queue, casync_queue_wait_put, "b");
  run_turns(world->loop, 1);
  casync_queue_taken(queue);
  run_turns(world->loop, 2);
  assert_trace(world, "a+1");
  assert_int_equal(casync_queue_putters(queue), 1);
}

static void nobody_is_woken_when_nobody_waits(void **state)
{
  struct world *world = *state;
  struct casync_queue *queue = new_queue(world);
  casync_queue_added(queue);
  casync_queue_taken(queue);
  casync_queue_wake_get(queue);
  casync_queue_wake_put(queue);
  in_line(world, queue, casync_queue_wait_get, "late");
  run_turns(world->loop, 3);
  assert_trace(world, "");
}

static void a_cancelled_getter_leaves_the_line(void **state)
{
  struct world *world = *state;
  struct casync_queue *queue = new_queue(world);
  struct script *first = in_line(world, queue, casync_queue_wait_get, "a");
  in_line(world, queue, casync_queue_wait_get, "b");
  run_turns(world->loop, 1);
  casync_task_cancel(&first->task);
  assert_int_equal(casync_queue_getters(queue), 1);
  casync_queue_added(queue);
  run_turns(world->loop, 2);
  assert_trace(world, "b+1");
  assert_int_equal(first->task.future.state, CASYNC_CANCELLED);
}

static void all_who_joined_go_on_with_the_last_task_done(void **state)
{
  struct world *world = *state; /* Q4 */
  struct casync_queue *queue = new_queue(world);
  casync_queue_added(queue);
  casync_queue_added(queue);
  in_line(world, queue, casync_queue_wait_join, "a");
  in_line(world, queue, casync_queue_wait_join, "b");
  run_turns(world->loop, 1);
  assert_int_equal(casync_queue_task_done(queue), 0);
  run_turns(world->loop, 1);
  assert_trace(world, "");
  assert_int_equal(casync_queue_task_done(queue), 0);
  run_turns(world->loop, 1);
  assert_trace(world, "a+2 b+2");
  assert_int_equal(casync_queue_task_done(queue), CASYNC_ESTATE);
}

static void a_shutdown_wakes_all_but_those_who_joined(void **state)
{
  struct world *world = *state; /* Q6 */
  struct casync_queue *queue = new_queue(world);
  casync_queue_added(queue);
  in_line(world, queue, casync_queue_wait_put, "putter");
  in_line(world, queue, casync_queue_wait_join, "joined");
  in_line(world, queue, casync_queue_wait_get, "getter");
  run_turns(world->loop, 1);
  casync_queue_shutdown(queue);
  assert_true(queue->is_shutdown);
  run_turns(world->loop, 1);
  assert_trace(world, "getter+1 putter+1");
  casync_queue_dropped(queue);
  run_turns(world->loop, 1);
  assert_trace(world, "joined+2");
  casync_queue_dropped(queue); /* nothing is unfinished */
  assert_int_equal(queue->unfinished, 0);
}

static void whoever_waits_at_a_queue_that_goes_can_still_be_cancelled(void **state)
{
  struct world *world = *state;
  struct casync_queue *queue = new_queue(world);
  struct script *getter = in_line(world, queue, casync_queue_wait_get, "a");
  struct script *putter = in_line(world, queue, casync_queue_wait_put, "b");
  run_turns(world->loop, 1);
  casync_queue_abandon(queue);
  *queue = (struct casync_queue){.is_shutdown = false};
  casync_task_cancel(&getter->task);
  casync_task_cancel(&putter->task);
  run_turns(world->loop, 1);
  assert_int_equal(getter->task.future.state, CASYNC_CANCELLED);
  assert_int_equal(putter->task.future.state, CASYNC_CANCELLED);
}

static const struct CMUnitTest tests[] = {
    it(an_added_item_wakes_the_first_getter),
    it(a_taken_item_wakes_the_first_putter),
    it(nobody_is_woken_when_nobody_waits),
    it(a_cancelled_getter_leaves_the_line),
    it(all_who_joined_go_on_with_the_last_task_done),
    it(a_shutdown_wakes_all_but_those_who_joined),
    it(whoever_waits_at_a_queue_that_goes_can_still_be_cancelled),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
