/* SPDX-License-Identifier: MIT
 *
 * StreamReader's lines: readline(), and its iterator `for line in reader:lines() do`, asyncio's
 * `async for`.  The reader is the loop's state, so that it stands at index 1 of each call.  A line
 * that is there whole costs the iterator one look for its end and one string.
 */
#include <string.h>

#include "stream.h"

/* How a line is wanted. */
enum {
  WITH_END = 1,   /* with its newline */
  NIL_AT_END = 2, /* nil instead of an empty string */
  OFFSET = 4      /* times this: how many bytes have been looked through */
};

/* ---- finding a line ---- */

/* Drops what is too long and raises. */
CAL_NORETURN static void raise_long_line(lua_State *L, struct cal_reader *self, const char *message,
                                         size_t size)
{
  cal_push_error(L, "ValueError", "%s", message);
  casync_buffer_take(&self->buffer, size);
  if (self->paused) cal_reader_maybe_resume(L, 1);
  cal_error(L);
}

/* The end has come without a newline. */
static void last_line(lua_State *L, struct cal_reader *self, lua_Integer flags)
{
  size_t size = casync_buffer_size(&self->buffer);
  if (size == 0 && (flags & NIL_AT_END)) {
    lua_pushnil(L);
    return;
  }
  lua_pushlstring(L, casync_buffer_begin(&self->buffer), size);
  casync_buffer_take(&self->buffer, size);
}

/* Pushes the line of `length` bytes, its end not counted. */
static inline void take_line(lua_State *L, struct cal_reader *self, size_t length,
                             lua_Integer flags)
{
  lua_pushlstring(L, casync_buffer_begin(&self->buffer), length + (size_t)(flags & WITH_END));
  casync_buffer_take(&self->buffer, length + 1);
}

/* As cal_read_type.attempt.  `*how`: flags, and the offset.  What has been looked through is not
 * looked at again, even if somebody else has read a part of it meanwhile: that is asyncio's way. */
static bool attempt(lua_State *L, struct cal_reader *self, lua_Integer *how, bool again)
{
  if (!again && self->has_exception) cal_reader_raise(L);
  if (self->ready > 0) cal_reader_spill(L, 1);
  const char *begin = casync_buffer_begin(&self->buffer);
  size_t size = casync_buffer_size(&self->buffer), offset = (size_t)(*how / OFFSET);
  lua_Integer flags = *how % OFFSET;
  const char *end = size > offset ? memchr(begin + offset, '\n', size - offset) : NULL;
  if (end != NULL) {
    size_t length = (size_t)(end - begin);
    if (length > self->limit) raise_long_line(L, self, CAL_TOO_LONG, length + 1);
    take_line(L, self, length, flags);
    if (cal_reader_may_resume(self)) cal_reader_maybe_resume(L, 1);
    return true;
  }
  if (size > offset && size > self->limit) raise_long_line(L, self, CAL_NOT_FOUND, size);
  if (self->eof) {
    last_line(L, self, flags);
    return true;
  }
  if (size > offset) *how = (lua_Integer)size * OFFSET + flags;
  return false;
}

/* ---- readline() ---- */

bool cal_attempt_readline(lua_State *L, struct cal_reader *self, lua_Integer *how, bool again)
{
  return attempt(L, self, how, again);
}

/* StreamReader:readline() -> a line with its end; what is left at the end of the stream */
static int reader_readline(lua_State *L)
{
  struct cal_reader *self = cal_check_reader(L);
  lua_settop(L, 1);
  cal_read_new(L, &cal_readline, self)->of.native.n = WITH_END;
  return 1;
}

/* ---- the iterator ---- */

enum { HOW = 2 }; /* what stands at this index while the task waits */

static int back(lua_State *L, int status, lua_KContext context);

/* Nobody but a task can wait: an op is made, which gets one. */
static int wait_by_hand(lua_State *L, struct cal_state *state, lua_Integer how)
{
  struct cal_reader *self = lua_touserdata(L, 1);
  lua_settop(L, 1);
  struct cal_op *op = cal_read_new(L, &cal_readline, self);
  op->of.native.n = how % OFFSET;
  lua_replace(L, 1);
  return cal_await_op(L, state, op);
}

static int go_on(lua_State *L, struct cal_state *state, lua_Integer how, bool again)
{
  if (attempt(L, lua_touserdata(L, 1), &how, again)) return 1;
  if (!cal_reader_wait(L, state, &cal_readline, 0)) return wait_by_hand(L, state, how);
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
  if (self == NULL || self->has_exception) return next_line_slowly(L, flags);
  const char *begin = casync_buffer_begin(&self->buffer);
  size_t size = casync_buffer_size(&self->buffer);
  const char *end = size > 0 ? memchr(begin, '\n', size) : NULL;
  if (end == NULL || (size_t)(end - begin) > self->limit) return next_line_slowly(L, flags);
  take_line(L, self, (size_t)(end - begin), flags);
  if (cal_reader_may_resume(self)) cal_reader_maybe_resume(L, 1);
  return 1;
}

static int next_with_end(lua_State *L)
{
  return next_line(L, WITH_END | NIL_AT_END);
}

static int next_without_end(lua_State *L)
{
  return next_line(L, NIL_AT_END);
}

/* Upvalues of the method: the two iterators. */
enum { NEXT_WITH_END = 2, NEXT_WITHOUT_END };

/* Pushes an iterator for a subclass that has a readline() of its own; false if it has not. */
static bool push_iterator_of_subclass(lua_State *L, bool with_end)
{
  lua_getfield(L, 1, "readline");
  bool is_own = lua_tocfunction(L, -1) != reader_readline;
  lua_pop(L, 1);
  if (!is_own) return false;
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, with_end ? "next_line" : "next_bare_line");
  return true;
}

/* StreamReader:lines([format]) -> iterator, reader: "L", lines with their ends; "l", without */
static int reader_lines(lua_State *L)
{
  cal_check_reader(L);
  const char *format = luaL_optstring(L, 2, "L");
  bool with_end = strcmp(format, "L") == 0;
  luaL_argcheck(L, with_end || strcmp(format, "l") == 0, 2, "invalid format");
  if (!push_iterator_of_subclass(L, with_end))
    lua_pushvalue(L, lua_upvalueindex(with_end ? NEXT_WITH_END : NEXT_WITHOUT_END));
  lua_pushvalue(L, 1);
  return 2;
}

void cal_open_lines(lua_State *L)
{
  static const luaL_Reg methods[] = {{"readline", reader_readline}, {NULL, NULL}};
  cal_set_functions(L, methods);
  cal_push_state_slowly(L);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, next_with_end, 1);
  cal_push_state_slowly(L);
  lua_pushcclosure(L, next_without_end, 1);
  lua_pushcclosure(L, reader_lines, 3);
  lua_setfield(L, -2, "lines");
}
