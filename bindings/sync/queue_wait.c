/* SPDX-License-Identifier: MIT
 *
 * What waits at a queue: get, put, join, and the iterator `for item in queue:items() do`.  The
 * first three are native coroutines, with their op at index 1 of the frame; the iterator has the
 * queue there and makes no object.  At index 2 stands the queue in all of them.
 *
 * A task that was woken looks again.  If it was cancelled between its waking and its next step, it
 * wakes the next in line instead: the item, or the room, is still there.
 */
#include "sync/queue.h"

enum { OP_QUEUE = 1, OP_ITEM };              /* user values of an op */
enum { QUEUE = 2, ITEM, TOP_OF_PUT = ITEM }; /* places in a frame */

/* ---- what waits have in common ---- */

CAL_APART static void bind_loop(lua_State *L, int value, const struct cal_loop **loop,
                                const struct cal_loop *running)
{
  if (*loop != NULL) {
    luaL_tolstring(L, QUEUE, NULL);
    cal_raise(L, "RuntimeError", "%s is bound to a different event loop", lua_tostring(L, -1));
  }
  cal_push_value(L, CAL_STATE_RUNNING);
  lua_setiuservalue(L, QUEUE, value);
  *loop = running;
}

/* The task that is to wait in the running loop, which the frame's queue belongs to from now on;
 * NULL: it is driven by hand. */
static inline struct casync_task *may_wait(lua_State *L, struct cal_state *state, int value,
                                           const struct cal_loop **loop)
{
  if (state->running != NULL && *loop != state->running) bind_loop(L, value, loop, state->running);
  return cal_may_wait_loosely(L, state);
}

/* Whether the task that has come back raises although it was woken. */
static inline bool wastes_wake_up(const struct cal_state *state)
{
  if (!state->throwing && state->how != CASYNC_RESUME_CANCEL) return false;
  return !(casync_loop_current_task(state->running->loop)->flags & CASYNC_TASK_OP_CANCELLED);
}

/* The queue of a frame that has waited.  The debug library can exchange what is there: what waited
 * then waits no more. */
static inline struct cal_queue *queue_of_frame(lua_State *L)
{
  struct cal_queue *self = cal_test(L, QUEUE, CAL_QUEUE, sizeof *self);
  if (self == NULL) cal_raise(L, "RuntimeError", "the queue that was waited for is gone");
  return self;
}

/* ---- get ---- */

/* Whether the frame is one of the iterator, or of an op for it. */
static bool is_iterator(lua_State *L);
static int wait_by_hand(lua_State *L, struct cal_state *state);

static int get_on(lua_State *L, struct cal_state *state, struct cal_queue *self, lua_KFunction back)
{
  if (!cal_queue_is_empty(L, QUEUE, self)) {
    cal_queue_get_now(L, QUEUE, self);
    return 1;
  }
  if (self->queue.is_shutdown) {
    if (is_iterator(L)) return 0;
    cal_raise(L, "QueueShutDown", "%s", "");
  }
  struct casync_task *task = may_wait(L, state, CAL_QUEUE_LOOP, &self->loop);
  if (task == NULL) return wait_by_hand(L, state);
  casync_queue_wait_get(&self->queue, task);
  return cal_wait(L, state, back);
}

static inline int come_back_to_get(lua_State *L, lua_KContext context, lua_KFunction back)
{
  struct cal_state *state = cal_context_state(context);
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, QUEUE, back);
  struct cal_queue *self = queue_of_frame(L);
  if (wastes_wake_up(state) && !cal_queue_is_empty(L, QUEUE, self))
    casync_queue_wake_get(&self->queue);
  cal_come_back(L, state);
  return get_on(L, state, self, back);
}

static int back_from_get(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  int n = come_back_to_get(L, context, back_from_get);
  cal_native_over(lua_touserdata(L, 1));
  return n;
}

static int get_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  lua_getiuservalue(L, 1, OP_QUEUE);
  int n = get_on(L, state, op->of.native.object, back_from_get);
  cal_native_over(op);
  return n;
}

static const struct cal_native_type get_type = {{"Queue.get", NULL, NULL}, get_body};

/* Queue:get() -> an item, in its turn; QueueShutDown */
static int queue_get(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (cal_native_again(L, &get_type, 1, CAL_QUEUE_GET, sizeof(struct cal_op)) != NULL) return 1;
  cal_native_about(L, &get_type, self, sizeof(struct cal_op));
  cal_native_keep(L, CAL_QUEUE_GET);
  return 1;
}

/* ---- put ---- */

static int back_from_put(lua_State *L, int status, lua_KContext context);

/* The item is the queue's now. */
static inline void let_go_of_item(lua_State *L)
{
  lua_pushnil(L);
  lua_setiuservalue(L, 1, OP_ITEM);
  cal_native_over(lua_touserdata(L, 1));
}

/* The item is on top. */
static int put_on(lua_State *L, struct cal_state *state, struct cal_queue *self)
{
  if (!cal_queue_is_full(L, QUEUE, self)) {
    cal_queue_put_now(L, QUEUE, self);
    let_go_of_item(L);
    return 0;
  }
  if (self->queue.is_shutdown) cal_raise(L, "QueueShutDown", "%s", "");
  struct casync_task *task = may_wait(L, state, CAL_QUEUE_LOOP, &self->loop);
  casync_queue_wait_put(&self->queue, task);
  return cal_wait(L, state, back_from_put);
}

static int back_from_put(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, TOP_OF_PUT, back_from_put);
  struct cal_queue *self = queue_of_frame(L);
  if (wastes_wake_up(state) && !cal_queue_is_full(L, QUEUE, self))
    casync_queue_wake_put(&self->queue);
  cal_come_back(L, state);
  return put_on(L, state, self);
}

static int put_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  lua_getiuservalue(L, 1, OP_QUEUE);
  lua_getiuservalue(L, 1, OP_ITEM);
  return put_on(L, state, op->of.native.object);
}

static const struct cal_native_type put_type = {{"Queue.put", NULL, NULL}, put_body};

/* Queue:put(item): adds it when there is room; QueueShutDown */
static int queue_put(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 2);
  if (cal_native_again(L, &put_type, 1, CAL_QUEUE_PUT, sizeof(struct cal_op)) != NULL) {
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, OP_ITEM);
    return 1;
  }
  cal_native_about_two(L, &put_type, self);
  cal_native_keep(L, CAL_QUEUE_PUT);
  return 1;
}

/* ---- join ---- */

static int back_from_join(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, QUEUE, back_from_join);
  cal_come_back(L, state);
  return 0;
}

static int join_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_queue *self = op->of.native.object;
  if (self->queue.unfinished == 0) return 0;
  lua_getiuservalue(L, 1, OP_QUEUE);
  struct casync_task *task = may_wait(L, state, CAL_QUEUE_JOIN_LOOP, &self->join_loop);
  casync_queue_wait_join(&self->queue, task);
  return cal_wait(L, state, back_from_join);
}

static const struct cal_native_type join_type = {{"Queue.join", NULL, NULL}, join_body};

/* Queue:join(): waits until every item that was put has had its task_done() */
static int queue_join(lua_State *L)
{
  cal_native_about(L, &join_type, cal_check_queue(L), sizeof(struct cal_op));
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

int cal_queue_step(lua_State *L)
{
  cal_native_about(L, &step_type, cal_check_queue(L), sizeof(struct cal_op));
  return 1;
}

static int wait_by_hand(lua_State *L, struct cal_state *state)
{
  cal_queue_step(L);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return cal_await_op(L, state, cal_test_op(L, 1));
}

enum { NEXT_ITEM = 2 }; /* upvalue of items() */

static int back_from_next(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  return come_back_to_get(L, context, back_from_next);
}

static int next_item(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  return get_on(L, cal_state(L), self, back_from_next);
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
