/* SPDX-License-Identifier: MIT
 *
 * StreamReader's readuntil: all up to a separator, or to the first of several.
 */
#include <stdint.h>

#include "net.h"
#include "stream.h"

/* The separators, a string or a list of them, are on top. */
static const char *separator(lua_State *L, int i, size_t *length)
{
  if (lua_type(L, -1) == LUA_TSTRING) return lua_tolstring(L, -1, length);
  lua_rawgeti(L, -1, i);
  const char *text = lua_tolstring(L, -1, length);
  lua_pop(L, 1);
  return text;
}

static int count_separators(lua_State *L)
{
  return lua_type(L, -1) == LUA_TSTRING ? 1 : (int)lua_rawlen(L, -1);
}

static void measure(lua_State *L, int count, size_t *shortest, size_t *longest)
{
  size_t length;
  *shortest = SIZE_MAX;
  *longest = 0;
  for (int i = 1; i <= count; i++) {
    separator(L, i, &length);
    if (length < *shortest) *shortest = length;
    if (length > *longest) *longest = length;
  }
}

struct match {
  size_t start, end; /* of the separator */
};

/* Looks for the separator that ends first, from `offset` on; of two, the shorter one. */
static bool find_first(lua_State *L, int count, const struct casync_buffer *buffer, size_t offset,
                       struct match *match)
{
  const char *begin = casync_buffer_begin(buffer);
  size_t size = casync_buffer_size(buffer);
  bool found = false;
  for (int i = 1; i <= count; i++) {
    size_t length;
    const char *text = separator(L, i, &length);
    const char *at = casync_find(begin + offset, size - offset, text, length);
    if (at == NULL) continue;
    size_t start = (size_t)(at - begin), end = start + length;
    if (found && (end > match->end || (end == match->end && start < match->start))) continue;
    *match = (struct match){start, end};
    found = true;
  }
  return found;
}

static void check_separators(lua_State *L, int count, size_t shortest)
{
  if (count == 0) cal_raise(L, "ValueError", "Separator should contain at least one element");
  if (shortest == 0) cal_raise(L, "ValueError", "Separator should be at least one-byte string");
}

CAL_NORETURN static void raise_overrun(lua_State *L, const char *message, size_t consumed)
{
  lua_pushstring(L, message);
  lua_pushinteger(L, (lua_Integer)consumed);
  cal_read_error(L, "LimitOverrunError", 2);
  cal_error(L);
}

/* `*seen`: how much has been looked through. */
bool cal_attempt_readuntil(lua_State *L, struct cal_reader *self, lua_Integer *seen, bool again)
{
  lua_pushvalue(L, CAL_SEPARATORS);
  int count = count_separators(L);
  size_t shortest, longest, offset = (size_t)*seen;
  measure(L, count, &shortest, &longest);
  if (!again) {
    check_separators(L, count, shortest);
    if (self->has_exception) cal_reader_raise(L);
  }
  if (self->ready > 0) cal_reader_spill(L, 1);
  size_t size = casync_buffer_size(&self->buffer);
  if (size >= offset && size - offset >= shortest) {
    struct match match = {0, 0};
    if (find_first(L, count, &self->buffer, offset, &match)) {
      if (match.start > self->limit) raise_overrun(L, CAL_TOO_LONG, match.start);
      cal_reader_take(L, self, match.end);
      return true;
    }
    offset = size + 1 > longest ? size + 1 - longest : 0;
    *seen = (lua_Integer)offset;
    if (offset > self->limit) raise_overrun(L, CAL_NOT_FOUND, offset);
  }
  if (self->eof) cal_raise_incomplete(L, self, 0);
  lua_pop(L, 1);
  return false;
}

/* ---- the method ---- */

/* Replaces the list at index 2 by one of strings that nobody else has. */
static void copy_separators(lua_State *L)
{
  size_t length, n = lua_rawlen(L, 2);
  lua_createtable(L, (int)(n < 64 ? n : 64), 0);
  for (size_t i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i);
    const char *bytes = cal_bytes_at(L, -1, &length);
    lua_pushlstring(L, bytes, length);
    lua_rawseti(L, 3, (lua_Integer)i);
    lua_pop(L, 1);
  }
  lua_replace(L, 2);
}

/* StreamReader:readuntil([separator]) -> all up to a separator, "\n" or one of a list, and it */
static int reader_readuntil(lua_State *L)
{
  struct cal_reader *self = cal_check_reader(L);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushliteral(L, "\n");
    lua_replace(L, 2);
  } else if (lua_istable(L, 2) && !lua_getmetatable(L, 2)) {
    copy_separators(L);
  } else {
    size_t length;
    const char *bytes = cal_bytes_at(L, 2, &length);
    lua_pushlstring(L, bytes, length);
    lua_replace(L, 2);
  }
  lua_settop(L, 2);
  cal_native_about_two(L, &cal_readuntil.native, self);
  return 1;
}

void cal_open_until(lua_State *L)
{
  static const luaL_Reg methods[] = {{"readuntil", reader_readuntil}, {NULL, NULL}};
  cal_set_functions(L, methods);
}
