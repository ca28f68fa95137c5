/* SPDX-License-Identifier: MIT
 *
 * What a future holds: its result, its error, the message of its cancellation, the report of an
 * error that nobody reads.  The states are the runtime's.
 *
 * CAL_FUTURE_VALUE of a done future, by state:
 *   RESULT     the result; with CAL_FUTURE_MULTI a table of several (field n)
 *   ERROR      the error
 *   CANCELLED  with CAL_FUTURE_MESSAGE the message; with CAL_FUTURE_SAVED the error that the task
 *              ended with, which the first reader gets (later ones: a fresh one without message)
 */
#include "bind.h"

struct cal_future *cal_test_future(lua_State *L, int index)
{
  struct cal_object *object = lua_touserdata(L, index);
  if (object == NULL || lua_rawlen(L, index) < sizeof(struct cal_future)) return NULL;
  const struct cal_kind *kind = object->kind;
  bool known = kind == &cal_kinds[CAL_FUTURE] || kind == &cal_kinds[CAL_TASK] ||
               kind == &cal_kinds[CAL_GATHER];
  return known ? (struct cal_future *)object : NULL;
}

struct cal_future *cal_check_future(lua_State *L, int index)
{
  struct cal_future *future = cal_test_future(L, index);
  if (future == NULL) luaL_typeerror(L, index, "Future");
  if (!(future->future.flags & CAL_FUTURE_OPEN))
    cal_raise(L, "RuntimeError", "%s object is not initialized (call %s.init(self, ...))",
              future->object.kind->name, future->object.kind->name);
  return future;
}

void cal_push_extra(lua_State *L, int index, int place)
{
  const struct cal_future *self = lua_touserdata(L, index);
  if (!(self->future.kind & CAL_FUTURE_HAS_EXTRA)) {
    lua_pushnil(L);
    return;
  }
  lua_getiuservalue(L, index, CAL_FUTURE_EXTRA);
  lua_rawgeti(L, -1, place);
  lua_remove(L, -2);
}

void cal_set_extra(lua_State *L, int index, int place)
{
  index = lua_absindex(L, index);
  if (lua_getiuservalue(L, index, CAL_FUTURE_EXTRA) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, CAL_FUTURE_EXTRA);
    ((struct cal_future *)lua_touserdata(L, index))->future.kind |= CAL_FUTURE_HAS_EXTRA;
  }
  lua_insert(L, -2);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
}

void cal_mark_unread(lua_State *L, struct cal_future *future)
{
  future->future.flags |= CAL_FUTURE_UNREAD;
  cal_find_state(L)->suspects++;
}

void cal_mark_read(lua_State *L, struct cal_future *future)
{
  if (!(future->future.flags & CAL_FUTURE_UNREAD)) return;
  future->future.flags &= (uint8_t)~CAL_FUTURE_UNREAD;
  cal_find_state(L)->suspects--;
}

static int push_several(lua_State *L)
{
  int table = lua_gettop(L);
  lua_getfield(L, table, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n, "too many results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, table, i);
  return n;
}

void cal_push_failure(lua_State *L, int index)
{
  cal_mark_read(L, lua_touserdata(L, index));
  lua_getiuservalue(L, index, CAL_FUTURE_VALUE);
  cal_push_extra(L, index, CAL_EXTRA_TRACEBACK);
  cal_note_trace(L, CAL_TRACE_AWAITED);
}

int cal_future_result(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  switch ((enum casync_future_state)self->future.state) {
  case CASYNC_PENDING: return cal_raise(L, "InvalidStateError", "Result is not set.");
  case CASYNC_RESULT:
    lua_getiuservalue(L, index, CAL_FUTURE_VALUE);
    return self->future.flags & CAL_FUTURE_MULTI ? push_several(L) : 1;
  case CASYNC_ERROR: cal_push_failure(L, index); return lua_error(L);
  case CASYNC_CANCELLED: cal_push_cancelled(L, index); return lua_error(L);
  }
  return 0;
}

bool cal_future_raises_cancelled(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  if (self->future.state == CASYNC_CANCELLED) return true;
  if (self->future.state != CASYNC_ERROR) return false;
  lua_getiuservalue(L, index, CAL_FUTURE_VALUE);
  bool result = cal_is_cancelled_error(L, -1);
  lua_pop(L, 1);
  return result;
}

void cal_push_cancelled(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  index = lua_absindex(L, index);
  if (!(self->future.flags & (CAL_FUTURE_SAVED | CAL_FUTURE_MESSAGE)))
    lua_pushnil(L);
  else
    lua_getiuservalue(L, index, CAL_FUTURE_VALUE);
  if (!(self->future.flags & CAL_FUTURE_SAVED)) {
    cal_make_cancelled(L);
    return;
  }
  self->future.flags &= (uint8_t)~CAL_FUTURE_SAVED;
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_FUTURE_VALUE);
  if (!(self->future.flags & CAL_FUTURE_TRACED)) return;
  lua_getfield(L, -1, "traceback");
  cal_note_trace(L, CAL_TRACE_AWAITED);
}

void cal_future_store(lua_State *L, int index, int n)
{
  if (n == 0) {
    lua_pushnil(L);
    index -= index < 0;
  } else if (n > 1) {
    struct cal_future *self = lua_touserdata(L, index);
    index = lua_absindex(L, index);
    lua_createtable(L, n, 1);
    lua_insert(L, -n - 1);
    for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, -2, "n");
    self->future.flags |= CAL_FUTURE_MULTI;
  }
  lua_setiuservalue(L, index, CAL_FUTURE_VALUE);
}

/* ---- an error that nobody reads ---- */

struct sentinel {
  struct cal_object object;
};

/* The sentinel goes with its future; both are still whole here. */
static int sentinel_gc(lua_State *L)
{
  if (cal_test(L, 1, CAL_SENTINEL, sizeof(struct sentinel)) == NULL) return 0;
  lua_getiuservalue(L, 1, 1);
  struct cal_future *future = cal_test_future(L, 2);
  if (future == NULL || !(future->future.flags & CAL_FUTURE_UNREAD)) return 0;
  cal_mark_read(L, future);
  lua_getiuservalue(L, 2, CAL_FUTURE_VALUE);
  lua_pushfstring(L, "%s exception was never retrieved",
                  future->object.kind->id == CAL_TASK ? "Task" : future->object.kind->name);
  cal_push_loop(L, future->future.loop);
  cal_report_later(L, lua_tostring(L, 4), "future", 2, 3, 5);
  return 0;
}

static const luaL_Reg sentinel_metamethods[] = {{"__gc", sentinel_gc}, {NULL, NULL}};
static const luaL_Reg no_methods[] = {{NULL, NULL}};

void cal_drop_callbacks(lua_State *L, int index)
{
  const struct cal_future *self = lua_touserdata(L, index);
  if (!(self->future.kind & CAL_FUTURE_HAS_EXTRA)) return;
  if (lua_getiuservalue(L, index, CAL_FUTURE_EXTRA) == LUA_TTABLE) {
    lua_pushnil(L);
    lua_rawseti(L, -2, CAL_EXTRA_CALLBACKS);
  }
  lua_pop(L, 1);
}

/* An error object that is not an Exception or a CancelledError is stored as any other. */
void cal_future_store_error(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  index = lua_absindex(L, index);
  cal_new(L, CAL_SENTINEL, sizeof(struct sentinel), 1);
  lua_pushvalue(L, index);
  lua_setiuservalue(L, -2, 1);
  cal_set_extra(L, index, CAL_EXTRA_SENTINEL);
  cal_push_value(L, CAL_STATE_TRACED);
  bool traced = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  if (traced) {
    cal_push_value(L, CAL_STATE_TRACEBACK);
    cal_set_extra(L, index, CAL_EXTRA_TRACEBACK);
    cal_forget_trace(L);
  }
  lua_setiuservalue(L, index, CAL_FUTURE_VALUE);
  cal_mark_unread(L, self);
}

void cal_open_sentinel(lua_State *L)
{
  static const struct cal_class class = {CAL_SENTINEL, no_methods, sentinel_metamethods};
  cal_class_make(L, &class);
  lua_pop(L, 1);
}
