/* SPDX-License-Identifier: MIT
 *
 * Buffer, the class (asyncio.Buffer, Python's bytearray and memoryview): a fixed number of bytes
 * that can be changed.  Positions are those of Lua's strings: from 1, negative ones from the end.
 *
 * The bytes are in a block of their own, a plain userdata that a Buffer and all its views refer to:
 * whichever of them the kernel fills, the bytes stay where they are.
 */
#include "net.h"

#include <string.h>

struct cal_buffer *cal_test_buffer(lua_State *L, int index)
{
  return cal_test(L, index, CAL_BUFFER, sizeof(struct cal_buffer));
}

static struct cal_buffer *check_buffer(lua_State *L)
{
  return cal_check(L, 1, CAL_BUFFER, sizeof(struct cal_buffer));
}

/* The name of a value's type as Lua's own errors have it. */
static const char *push_type_name(lua_State *L, int index)
{
  if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
  return lua_pushstring(L, luaL_typename(L, index));
}

const char *cal_bytes_at(lua_State *L, int index, size_t *size)
{
  if (lua_type(L, index) == LUA_TSTRING) return lua_tolstring(L, index, size);
  const struct cal_buffer *buffer = cal_test_buffer(L, index);
  if (buffer != NULL) {
    *size = buffer->size;
    return buffer->bytes != NULL ? buffer->bytes : "";
  }
  cal_raise(L, "TypeError",
            "data argument must be a bytes-like object (string or asyncio.Buffer), got %s",
            push_type_name(L, index));
}

char *cal_buffer_writable(lua_State *L, int index, size_t *size)
{
  const struct cal_buffer *buffer = cal_test_buffer(L, index);
  if (buffer != NULL) {
    *size = buffer->size;
    return buffer->bytes;
  }
  cal_raise(L, "TypeError", "buffer argument must be an asyncio.Buffer, got %s",
            push_type_name(L, index));
}

/* ---- making ---- */

/* Buffer.__new(class) */
static int buffer_new(lua_State *L)
{
  cal_new_of_class(L, CAL_BUFFER, sizeof(struct cal_buffer), CAL_BUFFER_VALUES);
  return 1;
}

/* Buffer:init(n): n bytes, all 0 */
static int buffer_init(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  lua_Integer size = luaL_checkinteger(L, 2);
  if (self->bytes != NULL) return cal_raise(L, "RuntimeError", "Buffer is initialized already");
  luaL_argcheck(L, size >= 0 && (lua_Unsigned)size < (SIZE_MAX >> 1), 2, "size out of range");
  char *bytes = lua_newuserdatauv(L, (size_t)size, 0);
  memset(bytes, 0, (size_t)size);
  lua_setiuservalue(L, 1, CAL_BUFFER_BLOCK);
  self->bytes = bytes;
  self->size = (size_t)size;
  return 0;
}

/* ---- positions ---- */

/* Where the argument at `index` points, 0-based; `missing` if there is none.  Not cut: it may be
 * outside. */
static lua_Integer position_at(lua_State *L, int index, size_t size, lua_Integer missing)
{
  lua_Integer position = luaL_optinteger(L, index, missing);
  return position < 0 ? position + (lua_Integer)size : position - 1;
}

/* The part from the argument at 2 to the one at 3, cut to the bytes there are as string.sub does.
 */
static size_t check_part(lua_State *L, size_t size, size_t *length)
{
  lua_Integer first = position_at(L, 2, size, 1);
  lua_Integer last = position_at(L, 3, size, -1);
  if (first < 0) first = 0;
  if (last >= (lua_Integer)size) last = (lua_Integer)size - 1;
  *length = first <= last ? (size_t)(last - first) + 1 : 0;
  return *length > 0 ? (size_t)first : 0;
}

/* ---- methods ---- */

/* Buffer:sub([i[, j]]): those bytes as a string */
static int buffer_sub(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  size_t length, first = check_part(L, self->size, &length);
  lua_pushlstring(L, length > 0 ? self->bytes + first : "", length);
  return 1;
}

/* Buffer:view([i[, j]]): a Buffer of those bytes, the same ones */
static int buffer_view(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  size_t length, first = check_part(L, self->size, &length);
  if (self->bytes == NULL) return cal_raise(L, "RuntimeError", "Buffer is not initialized");
  struct cal_buffer *view = cal_new(L, CAL_BUFFER, sizeof *view, CAL_BUFFER_VALUES);
  lua_getiuservalue(L, 1, CAL_BUFFER_BLOCK);
  lua_setiuservalue(L, -2, CAL_BUFFER_BLOCK);
  view->bytes = self->bytes + first;
  view->size = length;
  return 1;
}

/* Buffer:set(i, bytes): puts bytes at position i; all of them must have room */
static int buffer_set(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  luaL_checkinteger(L, 2);
  size_t length, size = self->size;
  const char *bytes = cal_bytes_at(L, 3, &length);
  lua_Integer first = position_at(L, 2, size, 1);
  if (first < 0 || first > (lua_Integer)size || length > size - (size_t)first)
    return cal_raise(L, "IndexError", "%I bytes at position %I do not fit into %I",
                     (lua_Integer)length, lua_tointeger(L, 2), (lua_Integer)size);
  if (length > 0) memmove(self->bytes + first, bytes, length); /* it may be a view of ours */
  return 0;
}

/* Buffer:find(bytes[, init]): where they begin and end, or nil */
static int buffer_find(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  size_t length, size = self->size;
  const char *what = cal_bytes_at(L, 2, &length);
  lua_Integer from = position_at(L, 3, size, 1);
  const char *begin = self->bytes != NULL ? self->bytes : "", *found = NULL;
  if (from < 0) from = 0;
  if (from <= (lua_Integer)size)
    found = casync_find(begin + from, size - (size_t)from, what, length);
  if (found == NULL) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, found - begin + 1);
  lua_pushinteger(L, found - begin + (lua_Integer)length);
  return 2;
}

static int buffer_len(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check_buffer(L)->size);
  return 1;
}

static int buffer_tostring(lua_State *L)
{
  struct cal_buffer *self = check_buffer(L);
  lua_pushfstring(L, "<%s of %I bytes>", push_type_name(L, 1), (lua_Integer)self->size);
  return 1;
}

/* buffer_class(): makes the class */
static int buffer_class(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", buffer_new}, {"find", buffer_find}, {"init", buffer_init}, {"set", buffer_set},
      {"sub", buffer_sub},   {"view", buffer_view}, {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {
      {"__len", buffer_len}, {"__tostring", buffer_tostring}, {NULL, NULL}};
  static const struct cal_class class = {CAL_BUFFER, methods, metamethods};
  cal_class_make(L, &class);
  return 1;
}

void cal_open_buffer(lua_State *L)
{
  static const luaL_Reg functions[] = {{"buffer_class", buffer_class}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
