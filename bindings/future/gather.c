/* SPDX-License-Identifier: MIT
 *
 * GatheringFuture: what asyncio.gather returns.  The runtime counts; here the values of the
 * children, which are in a table (the future's value while it is pending), become the result.
 */
#include "bind.h"

struct cal_gather {
  struct cal_object object;
  struct casync_gather gather;
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

/* Arguments: gather, children.  Makes the list of results the gather's value. */
static void store_results(lua_State *L, struct casync_gather *gather)
{
  lua_createtable(L, (int)gather->length, 2);
  if (gather->return_exceptions) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "failed");
  } else {
    lua_pushnil(L);
  }
  for (lua_Integer i = 1; i <= (lua_Integer)gather->length; i++) {
    lua_rawgeti(L, 2, i);
    struct cal_future *child = cal_future_of(gather->children[i - 1].future);
    bool failed = child->future.state != CASYNC_RESULT;
    cal_mark_read(L, child);
    if (failed)
      push_error(L, child);
    else
      push_result(L, child);
    lua_rawseti(L, 3, i);
    lua_settop(L, 4);
    if (!failed) continue;
    lua_pushboolean(L, 1);
    lua_rawseti(L, 4, i);
  }
  lua_pushinteger(L, gather->length);
  lua_setfield(L, 3, "n");
  lua_settop(L, 3);
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
    cal_mark_read(L, future);
    cal_push_extra(L, child, CAL_EXTRA_TRACEBACK);
    cal_store_value(L, CAL_STATE_TRACEBACK);
    lua_getiuservalue(L, child, CAL_FUTURE_VALUE);
    lua_pushvalue(L, -1);
    cal_store_value(L, CAL_STATE_TRACED);
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
  if (collecting->child == NULL) store_results(L, gather);
  if (child == NULL) {
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

/* ---- making ---- */

static const struct casync_gather_type gather_type = {
    {cal_cancel_virtual}, on_late, on_collect, on_released};

static void clear_marks(struct cal_gather *self, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) self->children[i].future->flags &= (uint8_t)~CAL_FUTURE_SEEN;
}

/* Names the children; a future that stands at an earlier place too has its mark by then.  False if
 * one of them is no future of the loop. */
static bool set_children(lua_State *L, struct cal_gather *self, const struct cal_loop *loop)
{
  uint32_t n = self->gather.length, i;
  bool some_wait = lua_istable(L, 5);
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    struct cal_future *child = cal_test_future(L, -1);
    if (child == NULL || child->future.loop != loop->loop) break;
    bool waits = some_wait && lua_rawgeti(L, 5, (lua_Integer)i + 1) != LUA_TNIL;
    casync_gather_set(&self->gather, i, &child->future, child->future.flags & CAL_FUTURE_SEEN,
                      waits);
    child->future.flags |= CAL_FUTURE_SEEN;
    lua_settop(L, 6);
  }
  clear_marks(self, i);
  return i == n;
}

/* gather(children, n, return_exceptions, loop) -> GatheringFuture; nil unless the list has n
 * futures of the loop, n > 0; waits[i]: child i was pending when the caller came by it */
static int gather(lua_State *L)
{
  lua_settop(L, 5);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = luaL_checkinteger(L, 2);
  struct cal_loop *loop = cal_check_open_loop(L, 4);
  luaL_argcheck(L, n > 0 && n < 0x1000000, 2, "1 to 16777215 children");
  struct cal_gather *self =
      cal_new(L, CAL_GATHER, sizeof *self + (size_t)n * sizeof *self->children, CAL_FUTURE_VALUES);
  casync_gather_init(&self->gather, loop->loop, &gather_type, self->children, (uint32_t)n,
                     lua_toboolean(L, 3));
  self->gather.future.flags = CAL_FUTURE_OPEN;
  if (!set_children(L, self, loop)) return 0;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 6, CHILDREN);
  lua_pushvalue(L, 4);
  lua_setiuservalue(L, 6, CAL_FUTURE_VALUE);
  self->gather.future.slot = cal_hold(L, loop, 6);
  lua_State *outer = cal_enter(loop->state, L);
  casync_gather_start(&self->gather);
  cal_leave(loop->state, outer);
  return 1;
}

void cal_open_gather(lua_State *L)
{
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {{"gather", gather}, {NULL, NULL}};
  static const struct cal_class class = {CAL_GATHER, methods, NULL};
  cal_class_make(L, &class);
  cal_inherit(L, "Future");
  lua_setfield(L, -2, "GatheringFuture");
  cal_set_functions(L, functions);
}
