/* SPDX-License-Identifier: MIT
 *
 * StreamReader's iterator: `for line in reader:lines() do`, asyncio's `async for`.  The reader is
 * the loop's state, so that it stands at index 1 of each call.  A line that is there whole costs
 * one look for its end and one string; the rest is readline().
 */
#include <string.h>

#include "stream.h"

enum { HOW = 2 }; /* what stands at this index while the task waits: see cal_attempt_line() */

/* Upvalues of the method: the two iterators. */
enum { NEXT_WITH_END = 2, NEXT_WITHOUT_END };

static int back(lua_State *L, int status, lua_KContext context);

/* Nobody but a task can wait: an op is made, which gets one. */
static int wait_by_hand(lua_State *L, struct cal_state *state, lua_Integer how)
{
  lua_settop(L, 1);
  struct cal_op *op = cal_native_new(L, &cal_readline.native, 1);
  op->of.native.n = how % CAL_LINE_OFFSET;
  return cal_await_op(L, state, op);
}

static int go_on(lua_State *L, struct cal_state *state, lua_Integer how, bool again)
{
  int n = cal_attempt_line(L, 1, &how, again);
  if (n > 0) return n;
  if (!cal_reader_wait(L, state, 1, &cal_readline, 0)) return wait_by_hand(L, state, how);
  lua_settop(L, 1);
  lua_pushinteger(L, how);
  return cal_wait(L, state, back);
}

static int back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, HOW, back);
  cal_reader_come_back(L, state, lua_touserdata(L, 1));
  return go_on(L, state, lua_tointeger(L, HOW), true);
}

static int next_line_slowly(lua_State *L, lua_Integer flags)
{
  cal_check_reader(L);
  lua_settop(L, 1);
  return go_on(L, cal_state(L), flags, false);
}

static inline int next_line(lua_State *L, lua_Integer flags)
{
  struct cal_reader *self = cal_test_reader(L, 1);
  if (self == NULL || self->has_exception || self->paused) return next_line_slowly(L, flags);
  const char *begin = casync_buffer_begin(&self->buffer);
  size_t size = casync_buffer_size(&self->buffer);
  const char *end = size > 0 ? memchr(begin, '\n', size) : NULL;
  if (end == NULL || (size_t)(end - begin) > self->limit) return next_line_slowly(L, flags);
  size_t length = (size_t)(end - begin);
  lua_pushlstring(L, begin, length + (flags & CAL_LINE_WITH_END ? 1 : 0));
  casync_buffer_take(&self->buffer, length + 1);
  return 1;
}

static int next_with_end(lua_State *L)
{
  return next_line(L, CAL_LINE_WITH_END | CAL_LINE_NIL_AT_END);
}

static int next_without_end(lua_State *L)
{
  return next_line(L, CAL_LINE_NIL_AT_END);
}

/* StreamReader:lines([format]) -> iterator, reader: "L", lines with their ends; "l", without */
static int lines(lua_State *L)
{
  cal_check_reader(L);
  const char *format = luaL_optstring(L, 2, "L");
  bool with_end = strcmp(format, "L") == 0;
  luaL_argcheck(L, with_end || strcmp(format, "l") == 0, 2, "invalid format");
  lua_pushvalue(L, lua_upvalueindex(with_end ? NEXT_WITH_END : NEXT_WITHOUT_END));
  lua_pushvalue(L, 1);
  return 2;
}

void cal_open_lines(lua_State *L)
{
  cal_push_state_slowly(L);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, next_with_end, 1);
  cal_push_state_slowly(L);
  lua_pushcclosure(L, next_without_end, 1);
  lua_pushcclosure(L, lines, 3);
  lua_setfield(L, -2, "lines");
}
