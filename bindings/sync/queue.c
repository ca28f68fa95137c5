/* SPDX-License-Identifier: MIT
 *
 * The classes Queue, PriorityQueue and LifoQueue: what needs no waiting.  Each method is asyncio's
 * of the same name (queues.py), which says what is asked in which order.
 */
#include "sync/queue.h"

struct cal_queue *cal_check_queue(lua_State *L)
{
  struct cal_queue *self = cal_check(L, 1, CAL_QUEUE, sizeof *self);
  if (!self->is_open) cal_raise(L, "RuntimeError", "Queue.init() has not been called");
  return self;
}

/* ---- steps ---- */

/* Calls a method without arguments of the queue at `index`; its result is pushed. */
static void call_method(lua_State *L, int index, const char *name)
{
  lua_getfield(L, index, name);
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
}

static bool ask_method(lua_State *L, int index, const char *name)
{
  call_method(L, index, name);
  bool answer = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return answer;
}

/* How many items there are: also of those that a class below keeps in its field `_queue`. */
static lua_Integer own_size(lua_State *L, int index, const struct cal_queue *self)
{
  if (!self->is_subclass || lua_getiuservalue(L, index, CAL_QUEUE_FIELDS) != LUA_TTABLE) {
    if (self->is_subclass) lua_pop(L, 1);
    return (lua_Integer)self->count;
  }
  lua_Integer size = (lua_Integer)self->count;
  if (lua_getfield(L, -1, "_queue") != LUA_TNIL) size = luaL_len(L, -1);
  lua_pop(L, 2);
  return size;
}

bool cal_queue_is_empty(lua_State *L, int index, struct cal_queue *self)
{
  return self->is_subclass ? ask_method(L, index, "empty") : self->count == 0;
}

bool cal_queue_is_full(lua_State *L, int index, struct cal_queue *self)
{
  if (self->is_subclass) return ask_method(L, index, "full");
  return self->maxsize > 0 && self->count >= (size_t)self->maxsize;
}

static void take(lua_State *L, int index, struct cal_queue *self)
{
  if (self->is_subclass)
    call_method(L, index, "_get");
  else
    cal_items_take(L, index, self);
}

CAL_NORETURN static void raise_empty(lua_State *L, const struct cal_queue *self)
{
  cal_raise(L, self->queue.is_shutdown ? "QueueShutDown" : "QueueEmpty", "%s", "");
}

CAL_NORETURN static void raise_full(lua_State *L, const struct cal_queue *self)
{
  cal_raise(L, self->queue.is_shutdown ? "QueueShutDown" : "QueueFull", "%s", "");
}

static inline void get_now(lua_State *L, int index, struct cal_queue *self)
{
  if (cal_queue_is_empty(L, index, self)) raise_empty(L, self);
  take(L, index, self);
  casync_queue_taken(&self->queue);
}

/* The item is on top (popped). */
static inline void put_now(lua_State *L, int index, struct cal_queue *self)
{
  if (self->queue.is_shutdown || cal_queue_is_full(L, index, self)) raise_full(L, self);
  if (self->is_subclass) {
    lua_getfield(L, index, "_put");
    lua_pushvalue(L, index);
    lua_rotate(L, -3, -1);
    lua_call(L, 2, 0);
  } else {
    cal_items_put(L, index, self);
  }
  casync_queue_added(&self->queue);
}

void cal_queue_get_now(lua_State *L, int index, struct cal_queue *self)
{
  if (self->is_subclass)
    call_method(L, index, "get_nowait");
  else
    get_now(L, index, self);
}

void cal_queue_put_now(lua_State *L, int index, struct cal_queue *self)
{
  if (!self->is_subclass) {
    put_now(L, index, self);
    return;
  }
  lua_getfield(L, index, "put_nowait");
  lua_pushvalue(L, index);
  lua_rotate(L, -3, -1);
  lua_call(L, 2, 0);
}

/* Whether any task waits at the queue. */
static inline bool has_waiting(const struct cal_queue *self)
{
  const struct casync_queue *queue = &self->queue;
  return queue->getters.next != &queue->getters || queue->putters.next != &queue->putters ||
         queue->joiners.next != &queue->joiners;
}

/* ---- methods ---- */

/* Queue:get_nowait() -> an item; QueueEmpty, QueueShutDown */
static int get_nowait(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (has_waiting(self)) cal_check_waking(L, cal_state(L));
  get_now(L, 1, self);
  return 1;
}

/* Queue:put_nowait(item); QueueFull, QueueShutDown */
static int put_nowait(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (has_waiting(self)) cal_check_waking(L, cal_state(L));
  lua_settop(L, 2);
  put_now(L, 1, self);
  return 0;
}

/* Queue:qsize() -> how many items there are */
static int qsize(lua_State *L)
{
  const struct cal_queue *self = cal_check_queue(L);
  lua_pushinteger(L, own_size(L, 1, self));
  return 1;
}

/* Queue:empty() */
static int empty(lua_State *L)
{
  const struct cal_queue *self = cal_check_queue(L);
  lua_pushboolean(L, own_size(L, 1, self) == 0);
  return 1;
}

/* Queue:full(): whether `maxsize` items are there; never without one */
static int full(lua_State *L)
{
  const struct cal_queue *self = cal_check_queue(L);
  if (self->maxsize <= 0) {
    lua_pushboolean(L, 0);
    return 1;
  }
  lua_settop(L, 1);
  if (self->is_subclass)
    call_method(L, 1, "qsize");
  else
    lua_pushinteger(L, (lua_Integer)self->count);
  lua_pushinteger(L, self->maxsize);
  lua_pushboolean(L, lua_compare(L, -1, -2, LUA_OPLE));
  return 1;
}

/* Queue:task_done(): the work on an item is over; ValueError when called too often */
static int task_done(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (has_waiting(self)) cal_check_waking(L, cal_state(L));
  if (casync_queue_task_done(&self->queue) < 0)
    return cal_raise(L, "ValueError", "task_done() called too many times");
  return 0;
}

/* Queue:shutdown([immediate]) */
static int shutdown(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (has_waiting(self)) cal_check_waking(L, cal_state(L));
  bool immediate = lua_toboolean(L, 2);
  lua_settop(L, 1);
  self->queue.is_shutdown = true;
  while (immediate && !cal_queue_is_empty(L, 1, self)) {
    take(L, 1, self);
    lua_settop(L, 1);
    casync_queue_dropped(&self->queue);
  }
  casync_queue_shutdown(&self->queue);
  return 0;
}

/* ---- hooks, as they are here ---- */

static int hook_init(lua_State *L)
{
  cal_items_clear(L, 1, cal_check_queue(L));
  return 0;
}

static int hook_get(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  if (self->count == 0) return cal_raise(L, "IndexError", "get from an empty queue");
  cal_items_take(L, 1, self);
  return 1;
}

static int hook_put(lua_State *L)
{
  struct cal_queue *self = cal_check_queue(L);
  lua_settop(L, 2);
  cal_items_put(L, 1, self);
  return 0;
}

/* ---- birth ---- */

static void queue_new(lua_State *L, enum cal_queue_order order)
{
  struct cal_queue *self = cal_new_of_class(L, CAL_QUEUE, sizeof *self, CAL_QUEUE_VALUES);
  casync_queue_init(&self->queue); /* before anything can fail: it has a finalizer */
  self->order = (uint8_t)order;
  lua_pushliteral(L, "__userdata");
  self->is_subclass = lua_rawget(L, 1) == LUA_TNIL;
  lua_pop(L, 1);
}

static int fifo_new(lua_State *L)
{
  queue_new(L, CAL_QUEUE_FIFO);
  return 1;
}

static int priority_new(lua_State *L)
{
  queue_new(L, CAL_QUEUE_PRIORITY);
  return 1;
}

static int lifo_new(lua_State *L)
{
  queue_new(L, CAL_QUEUE_LIFO);
  return 1;
}

/* init(queue, maxsize[, metatable]): what the constructors do; again it is refused.  The metatable
 * is the one of queues of this class and size. */
static int queue_init(lua_State *L)
{
  struct cal_queue *self = cal_check(L, 1, CAL_QUEUE, sizeof *self);
  lua_Integer maxsize = luaL_optinteger(L, 2, 0);
  if (self->is_open) return cal_raise(L, "RuntimeError", "Queue.init() called twice");
  self->maxsize = maxsize;
  self->is_open = true;
  if (!self->is_subclass) {
    lua_settop(L, 3);
    if (lua_istable(L, 3)) lua_setmetatable(L, 1);
    return 0;
  }
  lua_getfield(L, 1, "_init");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, maxsize);
  lua_call(L, 2, 0);
  return 0;
}

/* ---- the classes ---- */

/* Tasks that wait at a queue which nobody refers to any more wait on, for nothing. */
static int queue_gc(lua_State *L)
{
  struct cal_queue *self = cal_test(L, 1, CAL_QUEUE, sizeof *self);
  if (self == NULL || lua_gc(L, LUA_GCISRUNNING) >= 0) return 0; /* called from Lua */
  casync_queue_abandon(&self->queue);
  return 0;
}

/* queue_info(queue) -> maxsize, items, getters, putters, unfinished, is_shutdown */
static int queue_info(lua_State *L)
{
  const struct cal_queue *self = cal_check(L, 1, CAL_QUEUE, sizeof *self);
  lua_pushinteger(L, self->maxsize);
  lua_pushinteger(L, (lua_Integer)self->count);
  lua_pushinteger(L, (lua_Integer)casync_queue_getters(&self->queue));
  lua_pushinteger(L, (lua_Integer)casync_queue_putters(&self->queue));
  lua_pushinteger(L, (lua_Integer)self->queue.unfinished);
  lua_pushboolean(L, self->queue.is_shutdown);
  return 6;
}

/* queue_item(queue, n) -> item `n` of those that are kept */
static int queue_item(lua_State *L)
{
  const struct cal_queue *self = cal_check(L, 1, CAL_QUEUE, sizeof *self);
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 1 && (size_t)n <= self->count, 2, "no such item");
  cal_items_peek(L, 1, self, (size_t)n);
  return 1;
}

static void set_name(lua_State *L, const char *name)
{
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
}

/* Pushes the class of an order.  The first has the methods, and becomes the parent of the others.
 */
static void make_class(lua_State *L, enum cal_queue_order order)
{
  static const luaL_Reg methods[] = {
      {"_get", hook_get},     {"_init", hook_init},     {"_put", hook_put},
      {"empty", empty},       {"full", full},           {"get_nowait", get_nowait},
      {"init", queue_init},   {"qsize", qsize},         {"put_nowait", put_nowait},
      {"shutdown", shutdown}, {"task_done", task_done}, {NULL, NULL},
  };
  static const lua_CFunction news[CAL_QUEUE_ORDERS] = {fifo_new, priority_new, lifo_new};
  static const char *const names[CAL_QUEUE_ORDERS] = {"Queue", "PriorityQueue", "LifoQueue"};
  static const luaL_Reg metamethods[] = {{"__gc", queue_gc}, {NULL, NULL}};
  static const luaL_Reg none[] = {{NULL, NULL}};
  const struct cal_class class = {CAL_QUEUE, order == CAL_QUEUE_FIFO ? methods : none, metamethods};
  cal_class_make(L, &class);
  set_name(L, names[order]);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, news[order], 1);
  lua_setfield(L, -2, "__new");
  if (order == CAL_QUEUE_FIFO) cal_open_queue_waits(L);
  lua_getfield(L, -1, "__meta");
  set_name(L, names[order]);
  lua_pop(L, 1);
}

/* queue_classes() -> Queue, PriorityQueue, LifoQueue, queue_info, queue_item, queue_step */
static int queue_classes(lua_State *L)
{
  for (int order = 0; order < CAL_QUEUE_ORDERS; order++) make_class(L, (enum cal_queue_order)order);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, queue_info, 1);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, queue_item, 1);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, cal_queue_step, 1);
  return CAL_QUEUE_ORDERS + 3;
}

void cal_open_queue(lua_State *L)
{
  static const luaL_Reg functions[] = {{"queue_classes", queue_classes}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
