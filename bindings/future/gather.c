/* SPDX-License-Identifier: MIT
 *
 * GatheringFuture: what asyncio.gather returns.  The runtime counts; here the values of the
 * children, which are in a table (the future's value while it is pending), become the result.
 */
#include "bind.h"

struct cal_gather {
  struct cal_object object;
  struct casync_gather gather;
  uint64_t maker;      /* serial of the task that called gather(), for the call graph; 0: none */
  uint32_t maker_slot; /* where it is held while it is pending */
  struct casync_gather_child children[];
};

_Static_assert(offsetof(struct cal_gather, gather) == offsetof(struct cal_future, future),
               "a gather is a future");

enum { CHILDREN = CAL_FUTURE_CORO }; /* user value: array of the children, field n */

static struct cal_loop *loop_of(struct casync_gather *gather)
{
  return casync_loop_data(gather->future.loop);
}

/* ---- collecting ---- */

/* Pushes the error that a failed or cancelled child, which is on top, contributes. */
static void push_error(lua_State *L, struct cal_future *child)
{
  if (child->future.state == CASYNC_CANCELLED && !(child->future.flags & CAL_FUTURE_MESSAGE))
    lua_pushnil(L);
  else
    lua_getiuservalue(L, -1, CAL_FUTURE_VALUE);
  if (child->future.state == CASYNC_CANCELLED) cal_make_cancelled(L);
}

/* Pushes the first result of the child on top. */
static void push_result(lua_State *L, const struct cal_future *child)
{
  lua_getiuservalue(L, -1, CAL_FUTURE_VALUE);
  if (!(child->future.flags & CAL_FUTURE_MULTI)) return;
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
}

/* All children have ended: whatever their errors are, the gather has seen them. */
static void mark_all_read(lua_State *L, struct casync_gather *gather)
{
  for (uint32_t i = 0; i < gather->length; i++)
    cal_mark_read(L, cal_future_of(gather->children[i].future));
}

/* Puts what child `i` contributes in its place in the table at 2. */
static void store_result(lua_State *L, struct casync_gather *gather, uint32_t i)
{
  struct cal_future *child = cal_future_of(gather->children[i].future);
  lua_rawgeti(L, 2, (lua_Integer)i + 1);
  if (child->future.state == CASYNC_RESULT) {
    push_result(L, child);
    lua_rawseti(L, 2, (lua_Integer)i + 1);
  } else {
    push_error(L, child);
    lua_rawseti(L, 2, (lua_Integer)i + 1);
    lua_pushboolean(L, 1);
    lua_rawseti(L, 3, (lua_Integer)i + 1);
  }
  lua_pop(L, 1);
}

/* Arguments: gather, children.  The list of children, which is the gather's own, becomes that of
 * their results, and the gather's value. */
static void store_results(lua_State *L, struct casync_gather *gather)
{
  if (gather->return_exceptions) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, "failed");
  }
  lua_pushinteger(L, gather->length);
  lua_setfield(L, 2, "n");
  for (uint32_t i = 0; i < gather->length; i++) store_result(L, gather, i);
  lua_settop(L, 2);
  lua_setiuservalue(L, 1, CAL_FUTURE_VALUE);
}

/* Stores the error of the future on top as the gather's. */
static void store_child_error(lua_State *L)
{
  int child = lua_gettop(L);
  struct cal_future *future = cal_test_future(L, child);
  if (future->future.state == CASYNC_CANCELLED) {
    cal_push_cancelled(L, child);
  } else {
    cal_push_failure(L, child);
  }
  cal_future_store_error(L, 1);
}

/* Pushes the cancellation error of the future at `index`, whether it was cancelled or not. */
static void push_cancelled_anyway(lua_State *L, int index)
{
  struct cal_future *future = cal_test_future(L, index);
  if (future->future.state == CASYNC_CANCELLED) {
    cal_push_cancelled(L, index);
  } else {
    lua_pushnil(L);
    cal_make_cancelled(L);
  }
}

struct collecting {
  struct casync_gather *gather;
  struct casync_gather_child *child; /* whose error ends it, or NULL */
  enum casync_future_state state;
};

/* Arguments: collecting (light), gather. */
static int collect(lua_State *L)
{
  struct collecting *collecting = lua_touserdata(L, 1);
  struct casync_gather *gather = collecting->gather;
  struct casync_gather_child *child = collecting->child;
  if (child == NULL && gather->cancel_requested) child = &gather->children[gather->length - 1];
  lua_remove(L, 1);
  lua_getiuservalue(L, 1, CHILDREN);
  if (collecting->child == NULL) mark_all_read(L, gather);
  if (child == NULL) {
    store_results(L, gather);
    collecting->state = CASYNC_RESULT;
    return 0;
  }
  lua_settop(L, 2);
  lua_rawgeti(L, 2, child - gather->children + 1);
  if (collecting->child == NULL) {
    /* It was cancelled: whatever the children did meanwhile, that is how it ends. */
    push_cancelled_anyway(L, 3);
    cal_future_store_error(L, 1);
  } else {
    store_child_error(L);
  }
  collecting->state = CASYNC_ERROR;
  return 0;
}

static void push_gather(lua_State *L, struct casync_gather *gather)
{
  cal_push_held(L, loop_of(gather), gather->future.slot);
}

static enum casync_future_state on_collect(struct casync_gather *gather,
                                           struct casync_gather_child *child)
{
  lua_State *L = loop_of(gather)->state->L;
  struct collecting collecting = {gather, child, CASYNC_ERROR};
  push_gather(L, gather);
  lua_pushcfunction(L, collect);
  lua_pushlightuserdata(L, &collecting);
  lua_pushvalue(L, -3);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    lua_setiuservalue(L, -2, CAL_FUTURE_VALUE); /* no memory: that is the gather's error */
    collecting.state = CASYNC_ERROR;
  }
  cal_drop_callbacks(L, lua_gettop(L));
  lua_pop(L, 1);
  return collecting.state;
}

static void on_late(struct casync_gather *gather, struct casync_gather_child *child)
{
  cal_mark_read(loop_of(gather)->state->L, cal_future_of(child->future));
}

static void on_released(struct casync_gather *gather)
{
  struct cal_loop *loop = loop_of(gather);
  lua_State *L = loop->state->L;
  if (gather->future.slot == 0) return;
  push_gather(L, gather);
  lua_pushnil(L);
  lua_setiuservalue(L, -2, CHILDREN);
  lua_pop(L, 1);
  cal_unhold(L, loop, gather->future.slot);
  gather->future.slot = 0;
}

/* ---- cancelling ---- */

/* Gathers of gathers cancel each other recursively, and tasks and gathers can wait in a circle. */
enum { DEEPEST = 2000 };

bool cal_gather_cancel(lua_State *L, int index)
{
  struct cal_gather *self = lua_touserdata(L, index);
  struct cal_state *state = cal_state_of(&self->gather.future);
  bool accepted = false;
  if (state->cancel_depth >= DEEPEST || !lua_checkstack(L, LUA_MINSTACK)) state->too_deep = true;
  if (state->too_deep) return false;
  state->cancel_depth++;
  lua_getiuservalue(L, index, CHILDREN);
  for (uint32_t i = 0; i < self->gather.length && !state->too_deep; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    if (cal_cancel_top(L)) accepted = true;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  state->cancel_depth--;
  if (accepted) self->gather.cancel_requested = true;
  return accepted;
}

/* ---- looking ---- */

enum { MOST_SHOWN = 10 };

int cal_push_gather_children(lua_State *L, int index)
{
  const struct cal_gather *self = lua_touserdata(L, index);
  int n = 0;
  if (self->gather.future.state != CASYNC_PENDING) return 0;
  lua_getiuservalue(L, index, CHILDREN);
  int list = lua_gettop(L);
  for (uint32_t i = 0; i < self->gather.length && n < MOST_SHOWN; i++) {
    if (self->children[i].future->state != CASYNC_PENDING) continue;
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    n++;
  }
  lua_remove(L, list);
  return n;
}

/* ---- making ---- */

static const struct casync_gather_type gather_type = {
    {cal_cancel_virtual}, on_late, on_collect, on_released};

static void clear_marks(struct cal_gather *self, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) self->children[i].future->flags &= (uint8_t)~CAL_FUTURE_SEEN;
}

/* What makes a gather stands at these places, the gather above them. */
enum { OWN_LIST = 1, GIVEN_LIST, RETURN_EXCEPTIONS, LOOP, SELF };

/* Names the children in the table at `list`, which the gather's own list then has too; a future
 * that stands at an earlier place too has its mark by then.  False if one of them is no future of
 * the loop. */
static bool set_children(lua_State *L, int list, struct cal_gather *self,
                         const struct cal_loop *loop)
{
  uint32_t n = self->gather.length, i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    struct cal_future *child = cal_test_future(L, -1);
    if (child == NULL || child->future.loop != loop->loop) break;
    casync_gather_set(&self->gather, i, &child->future, child->future.flags & CAL_FUTURE_SEEN,
                      false);
    child->future.flags |= CAL_FUTURE_SEEN;
    if (list == OWN_LIST)
      lua_pop(L, 1);
    else
      lua_rawseti(L, OWN_LIST, (lua_Integer)i + 1);
  }
  clear_marks(self, i);
  return i == n;
}

/* Notes which task awaits the children from now on, as asyncio sees it. */
static void note_maker(struct cal_gather *self, const struct cal_loop *loop)
{
  const struct casync_task *task = casync_loop_current_task(loop->loop);
  if (task == NULL) return;
  self->maker = cal_task_of(task)->serial;
  self->maker_slot = task->future.slot;
}

static struct cal_gather *new_gather(lua_State *L, const struct cal_loop *loop, lua_Integer n)
{
  struct cal_gather *self =
      cal_new(L, CAL_GATHER, sizeof *self + (size_t)n * sizeof *self->children, CAL_FUTURE_VALUES);
  casync_gather_init(&self->gather, loop->loop, &gather_type, self->children, (uint32_t)n,
                     lua_toboolean(L, RETURN_EXCEPTIONS));
  self->gather.future.flags = CAL_FUTURE_OPEN;
  return self;
}

static void hold(lua_State *L, struct cal_gather *self, struct cal_loop *loop)
{
  lua_pushvalue(L, OWN_LIST);
  lua_setiuservalue(L, SELF, CHILDREN);
  lua_pushvalue(L, LOOP);
  lua_setiuservalue(L, SELF, CAL_FUTURE_VALUE);
  if (loop->debug) cal_tell(L, "made", SELF);
  self->gather.future.slot = cal_hold(L, loop, SELF);
  note_maker(self, loop);
}

static void start(lua_State *L, struct cal_gather *self)
{
  struct cal_state *state = cal_state_of(&self->gather.future);
  lua_State *outer = cal_enter(state, L);
  casync_gather_start(&self->gather);
  cal_leave(state, outer);
}

static int make(lua_State *L, int list, lua_Integer n)
{
  struct cal_loop *loop = cal_check_open_loop(L, LOOP);
  struct cal_gather *self = new_gather(L, loop, n);
  if (!set_children(L, list, self, loop)) return 0;
  hold(L, self, loop);
  start(L, self);
  return 1;
}

enum { MOST_CHILDREN = 0xffffff };

/* The number of children at 2, above the gather's own list. */
static lua_Integer check_length(lua_State *L)
{
  lua_settop(L, LOOP);
  luaL_checktype(L, OWN_LIST, LUA_TTABLE);
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0 && n <= MOST_CHILDREN, 2, "1 to 16777215 children");
  return n;
}

/* gather(children, n, return_exceptions, loop) -> GatheringFuture; nil unless the list, which is
 * the gather's own from now on, has n futures of the loop, n > 0 */
static int gather(lua_State *L)
{
  return make(L, OWN_LIST, check_length(L));
}

/* gather_list(children, loop) -> GatheringFuture; nil unless the table has futures of the loop and
 * nothing else.  The usual case, without a copy made by Lua. */
static int gather_list(lua_State *L)
{
  lua_settop(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  if (n == 0 || n > MOST_CHILDREN) return 0;
  lua_pushinteger(L, n);
  if (lua_next(L, 1) != 0) return 0;
  lua_createtable(L, (int)n, 2);
  lua_insert(L, OWN_LIST);
  lua_pushboolean(L, 0);
  lua_insert(L, RETURN_EXCEPTIONS);
  return make(L, GIVEN_LIST, n);
}

/* ---- making it child by child: eager tasks run meanwhile, and wait for earlier children ---- */

static struct cal_gather *check_gather(lua_State *L)
{
  return cal_check(L, 1, CAL_GATHER, sizeof(struct cal_gather));
}

/* gather_open(children, n, return_exceptions, loop) -> GatheringFuture, so far without children;
 * the list, its own, is filled by the caller */
static int gather_open(lua_State *L)
{
  lua_Integer n = check_length(L);
  struct cal_loop *loop = cal_check_open_loop(L, LOOP);
  struct cal_gather *self = new_gather(L, loop, n);
  self->gather.length = 0;
  hold(L, self, loop);
  return 1;
}

/* gather_add(gather, future, repeated): the next child; it is waited for from now on */
static int gather_add(lua_State *L)
{
  struct cal_gather *self = check_gather(L);
  struct cal_future *child = cal_check_future(L, 2);
  size_t places = (lua_rawlen(L, 1) - sizeof *self) / sizeof *self->children;
  uint32_t i = self->gather.length;
  bool fits = i < places && child->future.loop == self->gather.future.loop;
  luaL_argcheck(L, fits && self->gather.future.slot != 0, 2, "no child of this gather");
  self->gather.length++;
  casync_gather_set(&self->gather, i, &child->future, lua_toboolean(L, 3),
                    child->future.state == CASYNC_PENDING);
  return 0;
}

/* gather_start(gather): all its children are there */
static int gather_start(lua_State *L)
{
  start(L, check_gather(L));
  return 0;
}

/* gather_drop(gather): one of its children could not be made */
static int gather_drop(lua_State *L)
{
  struct cal_gather *self = check_gather(L);
  casync_gather_abandon(&self->gather);
  on_released(&self->gather);
  return 0;
}

/* ---- introspection ---- */

/* gather_children(gather) -> array of its children; nil once it is complete */
static int gather_children(lua_State *L)
{
  const struct cal_gather *self = check_gather(L);
  lua_settop(L, 1);
  if (self->gather.future.state != CASYNC_PENDING) return 0;
  if (lua_getiuservalue(L, 1, CHILDREN) != LUA_TTABLE) return 0; /* it was dropped */
  lua_createtable(L, (int)self->gather.length, 0);
  for (uint32_t i = 1; i <= self->gather.length; i++) {
    lua_rawgeti(L, 2, i);
    lua_rawseti(L, 3, i);
  }
  return 1;
}

/* gather_maker(gather) -> the task that called gather(), if it is not done; of a gather that is not
 * complete */
static int gather_maker(lua_State *L)
{
  struct cal_gather *self = check_gather(L);
  if (self->gather.future.state != CASYNC_PENDING || self->maker == 0) return 0;
  cal_push_held(L, loop_of(&self->gather), self->maker_slot);
  const struct cal_task *task = cal_test(L, -1, CAL_TASK, sizeof *task);
  return task != NULL && task->serial == self->maker;
}

void cal_open_gather(lua_State *L)
{
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {{"gather", gather},
                                       {"gather_add", gather_add},
                                       {"gather_children", gather_children},
                                       {"gather_drop", gather_drop},
                                       {"gather_list", gather_list},
                                       {"gather_maker", gather_maker},
                                       {"gather_open", gather_open},
                                       {"gather_start", gather_start},
                                       {NULL, NULL}};
  static const struct cal_class class = {CAL_GATHER, methods, NULL};
  cal_class_make(L, &class);
  cal_inherit(L, "Future");
  lua_setfield(L, -2, "GatheringFuture");
  cal_set_functions(L, functions);
}
