/* SPDX-License-Identifier: MIT
 *
 * What waits at a queue: get, put, join, and the iterator `for item in queue:items() do`.  The
 * first three are native coroutines; the iterator has the queue itself at index 1 of its frame and
 * makes no object.
 *
 * A task that was woken looks again.  If it was cancelled between its waking and its next step, it
 * wakes the next in line instead: the item, or the room, is still there.
 */
#include "sync/queue.h"

enum { OP_QUEUE = 1, OP_ITEM }; /* user values of an op */

/* ---- what waits have in common ---- */

/* Pushes the queue that the frame is about, itself or in an op at index 1, and returns where. */
static int push_queue(lua_State *L)
{
  if (cal_test_op(L, 1) != NULL)
    lua_getiuservalue(L, 1, OP_QUEUE);
  else
    lua_pushvalue(L, 1);
  return lua_gettop(L);
}

CAL_APART static void bind_loop(lua_State *L, int index, int value, const struct cal_loop **loop,
                                const struct cal_loop *running)
{
  if (*loop != NULL) {
    luaL_tolstring(L, index, NULL);
    cal_raise(L, "RuntimeError", "%s is bound to a different event loop", lua_tostring(L, -1));
  }
  cal_push_value(L, CAL_STATE_RUNNING);
  lua_setiuservalue(L, index, value);
  *loop = running;
}

/* The task that is to wait in the running loop, which the queue at `index` belongs to from now on;
 * NULL: it is driven by hand. */
static inline struct casync_task *may_wait(lua_State *L, struct cal_state *state, int index,
                                           int value, const struct cal_loop **loop)
{
  if (state->running != NULL && *loop != state->running)
    bind_loop(L, index, value, loop, state->running);
  return cal_may_wait_loosely(L, state);
}

/* Whether the task that has come back raises although it was woken. */
static inline bool wastes_wake_up(const struct cal_state *state)
{
  if (!state->throwing && state->how != CASYNC_RESUME_CANCEL) return false;
  return !(casync_loop_current_task(state->running->loop)->flags & CASYNC_TASK_OP_CANCELLED);
}

static struct cal_op *new_op(lua_State *L, const struct cal_native_type *type,
                             struct cal_queue *self, int values)
{
  struct cal_op *op = cal_native_new(L, type, values);
  op->of.native.object = self;
  return op;
}

/* ---- get ---- */

static int back_from_get(lua_State *L, int status, lua_KContext context);

static bool is_ours(const struct cal_op *op);
/* Whether the frame is one of the iterator, or of an op for it. */
static bool is_iterator(lua_State *L);
static int wait_by_hand(lua_State *L, struct cal_state *state, struct cal_queue *self);

/* Of the queue that the frame is about. */
static int get_on(lua_State *L, struct cal_state *state, struct cal_queue *self)
{
  int index = push_queue(L);
  if (!cal_queue_is_empty(L, index, self)) {
    cal_queue_get_now(L, index, self);
    return 1;
  }
  if (self->queue.is_shutdown) {
    if (is_iterator(L)) return 0;
    cal_raise(L, "QueueShutDown", "%s", "");
  }
  struct casync_task *task = may_wait(L, state, index, CAL_QUEUE_LOOP, &self->loop);
  lua_settop(L, 1);
  if (task == NULL) return wait_by_hand(L, state, self);
  casync_queue_wait_get(&self->queue, task);
  return cal_wait(L, state, back_from_get);
}

/* The queue that a frame is about which has waited.  The debug library can exchange what is there:
 * what waited then waits no more. */
static struct cal_queue *queue_of_frame(lua_State *L)
{
  struct cal_op *op = lua_touserdata(L, 1);
  const struct cal_object *object = cal_object_of(L, 1, op != NULL ? &op->object : NULL);
  if (object != NULL && object->kind->id == CAL_OP && is_ours(op)) return op->of.native.object;
  if (object != NULL && object->kind->id == CAL_QUEUE) return (struct cal_queue *)object;
  cal_raise(L, "RuntimeError", "the queue that was waited for is gone");
}

static int back_from_get(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, back_from_get);
  struct cal_queue *self = queue_of_frame(L);
  if (wastes_wake_up(state)) {
    if (!cal_queue_is_empty(L, push_queue(L), self)) casync_queue_wake_get(&self->queue);
    lua_remove(L, -1);
  }
  cal_come_back(L, state);
  return get_on(L, state, self);
}

static int get_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_queue *self = op->of.native.object;
  if (self->count == 0 || self->is_subclass) return get_on(L, state, self);
  lua_getiuservalue(L, 1, OP_QUEUE);
  cal_queue_get_now(L, 2, self);
  return 1;
}

static const struct cal_native_type get_type = {{"Queue.get", NULL, NULL}, get_body};

/* Queue:get() -> an item, in its turn; QueueShutDown */
static int queue_get(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 1);
  new_op(L, &get_type, self, 1);
  return 1;
}

/* ---- put ---- */

static int back_from_put(lua_State *L, int status, lua_KContext context);

static int put_on(lua_State *L, struct cal_state *state, struct cal_queue *self)
{
  lua_getiuservalue(L, 1, OP_QUEUE);
  if (!cal_queue_is_full(L, 2, self)) {
    lua_getiuservalue(L, 1, OP_ITEM);
    cal_queue_put_now(L, 2, self);
    return 0;
  }
  if (self->queue.is_shutdown) cal_raise(L, "QueueShutDown", "%s", "");
  struct casync_task *task = may_wait(L, state, 2, CAL_QUEUE_LOOP, &self->loop);
  lua_settop(L, 1);
  casync_queue_wait_put(&self->queue, task);
  return cal_wait(L, state, back_from_put);
}

static int back_from_put(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, back_from_put);
  struct cal_queue *self = queue_of_frame(L);
  if (cal_test_op(L, 1) == NULL) return cal_raise(L, "RuntimeError", "not a put");
  if (wastes_wake_up(state)) {
    if (!cal_queue_is_full(L, push_queue(L), self)) casync_queue_wake_put(&self->queue);
    lua_remove(L, -1);
  }
  cal_come_back(L, state);
  return put_on(L, state, self);
}

static int put_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  return put_on(L, state, op->of.native.object);
}

static const struct cal_native_type put_type = {{"Queue.put", NULL, NULL}, put_body};

/* Queue:put(item): adds it when there is room; QueueShutDown */
static int queue_put(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 2);
  new_op(L, &put_type, self, 2);
  return 1;
}

/* ---- join ---- */

static int back_from_join(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, back_from_join);
  cal_come_back(L, state);
  return 0;
}

static int join_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_queue *self = op->of.native.object;
  if (self->queue.unfinished == 0) return 0;
  struct casync_task *task =
      may_wait(L, state, push_queue(L), CAL_QUEUE_JOIN_LOOP, &self->join_loop);
  lua_settop(L, 1);
  casync_queue_wait_join(&self->queue, task);
  return cal_wait(L, state, back_from_join);
}

static const struct cal_native_type join_type = {{"Queue.join", NULL, NULL}, join_body};

/* Queue:join(): waits until every item that was put has had its task_done() */
static int queue_join(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 1);
  new_op(L, &join_type, self, 1);
  return 1;
}

/* ---- the iterator ---- */

/* What stands for a step of the iterator where only an op can wait. */
static const struct cal_native_type step_type = {{"Queue.items", NULL, NULL}, get_body};

static bool is_iterator(lua_State *L)
{
  const struct cal_op *op = cal_test_op(L, 1);
  return op == NULL || op->of.op.type == &step_type.op;
}

static int wait_by_hand(lua_State *L, struct cal_state *state, struct cal_queue *self)
{
  return cal_await_op(L, state, new_op(L, &step_type, self, 1));
}

static bool is_ours(const struct cal_op *op)
{
  const struct casync_op_type *type = op->of.op.type;
  return type == &get_type.op || type == &put_type.op || type == &join_type.op ||
         type == &step_type.op;
}

int cal_queue_step(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 1);
  new_op(L, &step_type, self, 1);
  return 1;
}

enum { NEXT_ITEM = 2 }; /* upvalue of items() */

static int next_item(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 1);
  return get_on(L, cal_state(L), self);
}

/* Queue:items() -> iterator, queue */
static int queue_items(lua_State *L)
{
  cal_check_queue(L);
  lua_pushvalue(L, lua_upvalueindex(NEXT_ITEM));
  lua_pushvalue(L, 1);
  return 2;
}

void cal_open_queue_waits(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"get", queue_get}, {"join", queue_join}, {"put", queue_put}, {NULL, NULL}};
  cal_set_functions(L, methods);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, next_item, 1);
  lua_pushcclosure(L, queue_items, 2);
  lua_setfield(L, -2, "items");
}
