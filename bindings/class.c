/* SPDX-License-Identifier: MIT
 *
 * Classes of userdata.  A class is a table of methods with the raw fields `__name`, `__meta` (the
 * metatable of its instances), `__new` and `__userdata`; lua/casync/class.lua makes it callable
 * and gives it a parent.  A type check looks at the object's kind, never at its metatable.
 */
#include "bind.h"
#include "net.h"
#include "sync/queue.h"
#include "stream.h"
#include "sync/sync.h"

#include <string.h>

const struct cal_kind cal_kinds[CAL_KINDS] = {
    [CAL_FUTURE] = {CAL_FUTURE, "Future"},
    [CAL_TASK] = {CAL_TASK, "Task"},
    [CAL_GATHER] = {CAL_GATHER, "GatheringFuture"},
    [CAL_HANDLE] = {CAL_HANDLE, "Handle"},
    [CAL_TIMER] = {CAL_TIMER, "TimerHandle"},
    [CAL_LOOP] = {CAL_LOOP, "Loop"},
    [CAL_COROUTINE] = {CAL_COROUTINE, "Coroutine"},
    [CAL_OP] = {CAL_OP, "Op"},
    [CAL_SENTINEL] = {CAL_SENTINEL, "Sentinel"},
    [CAL_TRANSPORT] = {CAL_TRANSPORT, "SocketTransport"},
    [CAL_BUFFER] = {CAL_BUFFER, "Buffer"},
    [CAL_STREAM_READER] = {CAL_STREAM_READER, "StreamReader"},
    [CAL_LOOKUP] = {CAL_LOOKUP, "Lookup"},
    [CAL_SOCKET] = {CAL_SOCKET, "Socket"},
    [CAL_SOCKET_VIEW] = {CAL_SOCKET_VIEW, "TransportSocket"},
    [CAL_LISTENER] = {CAL_LISTENER, "Listener"},
    [CAL_LOCK] = {CAL_LOCK, "Lock"},
    [CAL_EVENT] = {CAL_EVENT, "Event"},
    [CAL_SEMAPHORE] = {CAL_SEMAPHORE, "Semaphore"},
    [CAL_BOUNDED_SEMAPHORE] = {CAL_BOUNDED_SEMAPHORE, "BoundedSemaphore"},
    [CAL_LINE] = {CAL_LINE, "Line"},
    [CAL_QUEUE] = {CAL_QUEUE, "Queue"},
};

static void set_name(lua_State *L, const char *name)
{
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
}

/* Makes the instance metatable of the class on top and leaves it above. */
static void make_meta(lua_State *L, const struct cal_class *class)
{
  lua_createtable(L, 0, 8);
  set_name(L, cal_kinds[class->kind].name);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__class");
  if (class->metamethods != NULL) cal_set_functions(L, class->metamethods);
}

/* The `__new` of classes whose instances only the library makes. */
static int refuse_new(lua_State *L)
{
  lua_getfield(L, 1, "__name");
  return cal_raise(L, "TypeError", "cannot create '%s' instances", lua_tostring(L, -1));
}

/* Besides the methods: four fields of ours, and those that lua/casync/class.lua and others add. */
enum { OTHER_FIELDS = 8 };

static int count_methods(const luaL_Reg *methods)
{
  int n = 0;
  while (methods[n].name != NULL) n++;
  return n;
}

void cal_class_make(lua_State *L, const struct cal_class *class)
{
  lua_createtable(L, 0, count_methods(class->methods) + OTHER_FIELDS);
  set_name(L, cal_kinds[class->kind].name);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "__userdata");
  lua_pushcfunction(L, refuse_new);
  lua_setfield(L, -2, "__new");
  cal_set_functions(L, class->methods);
  make_meta(L, class);
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_METAS + (int)class->kind);
  lua_setfield(L, -2, "__meta");
}

void cal_inherit(lua_State *L, const char *parent)
{
  int class = lua_gettop(L);
  lua_getfield(L, class - 1, parent);
  for (lua_pushnil(L); lua_next(L, class + 1); lua_pop(L, 1)) {
    if (!lua_iscfunction(L, -1)) continue;
    lua_pushvalue(L, -2);
    bool own = lua_rawget(L, class) != LUA_TNIL;
    lua_pop(L, 1);
    if (own) continue;
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, class);
  }
  lua_settop(L, class);
}

void *cal_test(lua_State *L, int index, enum cal_kind_id kind, size_t size)
{
  struct cal_object *object = lua_touserdata(L, index);
  if (object == NULL || lua_rawlen(L, index) < size) return NULL;
  return object->kind == &cal_kinds[kind] ? object : NULL;
}

void *cal_check(lua_State *L, int index, enum cal_kind_id kind, size_t size)
{
  void *object = cal_test(L, index, kind, size);
  if (object == NULL) luaL_typeerror(L, index, cal_kinds[kind].name);
  return object;
}

static void *new_object(lua_State *L, enum cal_kind_id kind, size_t size, int values)
{
  struct cal_object *object = lua_newuserdatauv(L, size, values);
  memset(object, 0, size);
  object->kind = &cal_kinds[kind];
  return object;
}

void *cal_new_here(lua_State *L, enum cal_kind_id kind, size_t size, int values)
{
  void *object = new_object(L, kind, size, values);
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_METAS + (int)kind);
  lua_setmetatable(L, -2);
  return object;
}

void *cal_new(lua_State *L, enum cal_kind_id kind, size_t size, int values)
{
  void *object = new_object(L, kind, size, values);
  cal_push_value(L, CAL_STATE_METAS + (int)kind);
  lua_setmetatable(L, -2);
  return object;
}

void *cal_new_of_class(lua_State *L, enum cal_kind_id kind, size_t size, int values)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  void *object = new_object(L, kind, size, values);
  lua_pushliteral(L, "__meta");
  if (lua_rawget(L, 1) != LUA_TTABLE)
    luaL_error(L, "bad class: no '__meta' (use %s:subclass)", cal_kinds[kind].name);
  lua_setmetatable(L, -2);
  return object;
}

/* In which user value objects that Lua can subclass keep the fields of an instance; 0: elsewhere.
 */
static const uint8_t fields_value[CAL_KINDS] = {
    [CAL_LOOP] = CAL_LOOP_FIELDS,
    [CAL_BUFFER] = CAL_BUFFER_FIELDS,
    [CAL_STREAM_READER] = CAL_READER_FIELDS,
    [CAL_LOCK] = CAL_SYNC_FIELDS,
    [CAL_EVENT] = CAL_SYNC_FIELDS,
    [CAL_SEMAPHORE] = CAL_SYNC_FIELDS,
    [CAL_BOUNDED_SEMAPHORE] = CAL_SYNC_FIELDS,
    [CAL_QUEUE] = CAL_QUEUE_FIELDS,
};

/* Pushes the table that keeps the fields of the instance at 1, or nil. */
static bool push_fields(lua_State *L, int value)
{
  if (value != 0)
    lua_getiuservalue(L, 1, value);
  else if (cal_test_future(L, 1) != NULL)
    cal_push_extra(L, 1, CAL_EXTRA_FIELDS);
  else
    luaL_typeerror(L, 1, "object that has fields");
  return !lua_isnil(L, -1);
}

int cal_fields(lua_State *L)
{
  enum cal_kind_id kind = cal_kind_at(L, 1);
  int value = kind < CAL_KINDS ? fields_value[kind] : 0;
  if (kind == CAL_LOOP) cal_loop_use_fields(L, 1);
  bool found = push_fields(L, value);
  if (found || (lua_isboolean(L, 2) && !lua_toboolean(L, 2))) return 1;
  lua_newtable(L);
  lua_pushvalue(L, -1);
  if (value != 0)
    lua_setiuservalue(L, 1, value);
  else
    cal_set_extra(L, 1, CAL_EXTRA_FIELDS);
  return 1;
}
