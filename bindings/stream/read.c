/* SPDX-License-Identifier: MIT
 *
 * StreamReader's read, readexactly, readline, readuntil: native coroutines.
 *
 * Each is an attempt: it takes what was asked for out of the buffer if that is there, without
 * suspending, else the task waits and whatever comes wakes it to try again.  What is invalid is
 * raised in the attempt, as asyncio raises it in the coroutine; wrong types at once.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "net.h"
#include "stream.h"

/* User values of an op. */
enum { OP_READER = 1, OP_SEPARATORS };

/* ---- waiting ---- */

static void undo(struct casync_task *task)
{
  struct cal_reader *self = task->object;
  self->waiter = NULL;
}

static void check_alone(lua_State *L, const struct cal_reader *self, const char *verb)
{
  if (self->waiter == NULL) return;
  cal_raise(L, "RuntimeError",
            "%s() called while another coroutine is already waiting for incoming data", verb);
}

static void check_loop(lua_State *L, struct cal_state *state, int index)
{
  lua_getiuservalue(L, index, CAL_READER_LOOP);
  bool same = state->running == NULL || lua_touserdata(L, -1) == (const void *)state->running;
  lua_pop(L, 1);
  if (!same) cal_raise(L, "RuntimeError", "StreamReader is attached to a different loop");
}

bool cal_reader_wait(lua_State *L, struct cal_state *state, int index,
                     const struct cal_read_type *type, size_t wanted)
{
  struct cal_reader *self = lua_touserdata(L, index);
  assert(!self->eof);
  check_alone(L, self, type->verb);
  check_loop(L, state, index);
  if (self->paused) {
    cal_reader_resume(L, index); /* which may run anything */
    check_alone(L, self, type->verb);
  }
  struct casync_task *task = cal_may_wait(L, state);
  if (task == NULL) return false;
  if (self->failed == task) self->failed = NULL; /* what another task of that address left */
  self->waiter = task;
  self->wanted = wanted;
  casync_task_wait(task, &type->native.op, self);
  return true;
}

void cal_reader_come_back(lua_State *L, struct cal_state *state, struct cal_reader *self)
{
  const struct casync_task *task = casync_loop_current_task(state->running->loop);
  bool failed = self->failed == task;
  if (failed) self->failed = NULL;
  cal_come_back(L, state);
  if (!failed) return;
  int index = 1;
  if (cal_test_op(L, 1) != NULL) {
    lua_getiuservalue(L, 1, OP_READER);
    index = lua_gettop(L);
  }
  lua_getiuservalue(L, index, CAL_READER_THROWN);
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_READER_THROWN);
  cal_error(L);
}

/* ---- the coroutine ---- */

static struct cal_reader *push_reader(lua_State *L)
{
  lua_getiuservalue(L, 1, OP_READER);
  return lua_touserdata(L, -1);
}

/* Blocks that read(-1) has collected stand from index 2 on. */
static int places(const struct cal_op *op);
static size_t wanted_by(const struct cal_op *op, const struct cal_reader *self);

static int back(lua_State *L, int status, lua_KContext context);

static int go_on(lua_State *L, struct cal_state *state, struct cal_op *op, bool again)
{
  const struct cal_read_type *type = (const struct cal_read_type *)op->of.op.type;
  struct cal_reader *self = push_reader(L);
  int n = type->attempt(L, op, again);
  if (n > 0) return n;
  cal_reader_wait(L, state, lua_gettop(L), type, wanted_by(op, self));
  lua_pop(L, 1);
  return cal_wait(L, state, back);
}

static int back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  struct cal_op *op = lua_touserdata(L, 1);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1 + places(op), back);
  struct cal_reader *self = push_reader(L);
  lua_pop(L, 1);
  cal_reader_come_back(L, state, self);
  return go_on(L, state, op, true);
}

static int body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  return go_on(L, state, op, false);
}

/* ---- errors ---- */

/* Makes an error of class `name` of the `n` arguments on top (popped) and leaves it there. */
static void make_error(lua_State *L, const char *name, int n)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_insert(L, -n - 1);
  lua_call(L, n, 1);
}

/* The end has come: everything that is there goes into an IncompleteReadError.  `expected`: 0 if
 * that is not known. */
CAL_NORETURN static void raise_incomplete(lua_State *L, struct cal_reader *self,
                                          lua_Integer expected)
{
  size_t size = casync_buffer_size(&self->buffer);
  lua_pushlstring(L, casync_buffer_begin(&self->buffer), size);
  if (expected > 0)
    lua_pushinteger(L, expected);
  else
    lua_pushnil(L);
  make_error(L, "IncompleteReadError", 2);
  casync_buffer_take(&self->buffer, size);
  cal_error(L);
}

static const char not_found[] = "Separator is not found, and chunk exceed the limit";
static const char too_long[] = "Separator is found, but chunk is longer than limit";

CAL_NORETURN static void raise_overrun(lua_State *L, const char *message, size_t consumed)
{
  lua_pushstring(L, message);
  lua_pushinteger(L, (lua_Integer)consumed);
  make_error(L, "LimitOverrunError", 2);
  cal_error(L);
}

/* ---- read(n), read(-1) ---- */

static int attempt_read(lua_State *L, struct cal_op *op, bool again)
{
  struct cal_reader *self = lua_touserdata(L, -1);
  lua_Integer n = op->of.native.n;
  if (!again) {
    cal_reader_raise(L, -1);
    if (n > 0 && cal_reader_size(self) == 0 && !self->eof) return 0;
  }
  if (n == 0)
    lua_pushliteral(L, "");
  else
    cal_reader_take(L, lua_gettop(L), (size_t)n);
  return 1;
}

/* read(-1) counts blocks of up to the limit, as asyncio does.  They stand on the stack, and
 * whenever FAN of one size are there, they become one: none is copied often, and few are there. */
enum { FAN = 64 };

static int places_of(lua_Integer blocks)
{
  int n = 0;
  for (; blocks > 0; blocks /= FAN) n += (int)(blocks % FAN);
  return n;
}

static void add_block(lua_State *L, struct cal_op *op)
{
  luaL_checkstack(L, FAN, "too many blocks");
  lua_Integer blocks = ++op->of.native.n;
  for (; blocks % FAN == 0; blocks /= FAN) lua_concat(L, FAN);
}

static int attempt_all(lua_State *L, struct cal_op *op, bool again)
{
  struct cal_reader *self = lua_touserdata(L, -1);
  for (;; again = false) {
    if (!again) {
      cal_reader_raise(L, -1);
      if (cal_reader_size(self) == 0 && !self->eof) return 0;
    }
    size_t size = cal_reader_take(L, lua_gettop(L), self->limit);
    lua_remove(L, -2);
    if (size == 0) break;
    add_block(L, op);
    push_reader(L);
  }
  lua_concat(L, places(op) + 1);
  return 1;
}

/* ---- readexactly(n) ---- */

static int attempt_exactly(lua_State *L, struct cal_op *op, bool again)
{
  struct cal_reader *self = lua_touserdata(L, -1);
  lua_Integer n = op->of.native.n;
  if (!again) {
    if (n < 0) cal_raise(L, "ValueError", "readexactly size can not be less than zero");
    cal_reader_raise(L, -1);
  }
  if (cal_reader_size(self) >= (size_t)n) {
    if (n == 0)
      lua_pushliteral(L, "");
    else
      cal_reader_take(L, lua_gettop(L), (size_t)n);
    return 1;
  }
  cal_reader_spill(L, -1);
  if (self->eof) raise_incomplete(L, self, n);
  return 0;
}

/* ---- readline() ---- */

/* Drops what is too long and raises. */
CAL_NORETURN static void raise_long_line(lua_State *L, int index, const char *message, size_t size)
{
  struct cal_reader *self = lua_touserdata(L, index);
  cal_push_error(L, "ValueError", "%s", message);
  casync_buffer_take(&self->buffer, size);
  cal_reader_maybe_resume(L, index);
  cal_error(L);
}

/* The end has come without a newline. */
static int last_line(lua_State *L, struct cal_reader *self, lua_Integer flags)
{
  size_t size = casync_buffer_size(&self->buffer);
  if (size == 0 && (flags & CAL_LINE_NIL_AT_END)) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushlstring(L, casync_buffer_begin(&self->buffer), size);
  casync_buffer_take(&self->buffer, size);
  return 1;
}

/* What has been looked through, once the task has waited, is not looked at again: also not if
 * somebody else has read a part of it meanwhile.  That is asyncio's way. */
int cal_attempt_line(lua_State *L, int index, lua_Integer *how, bool again)
{
  struct cal_reader *self = lua_touserdata(L, index);
  if (!again) cal_reader_raise(L, index);
  if (self->ready > 0) cal_reader_spill(L, index);
  const char *begin = casync_buffer_begin(&self->buffer);
  size_t size = casync_buffer_size(&self->buffer), offset = (size_t)(*how / CAL_LINE_OFFSET);
  lua_Integer flags = *how % CAL_LINE_OFFSET;
  const char *end = size > offset ? memchr(begin + offset, '\n', size - offset) : NULL;
  if (end != NULL) {
    size_t length = (size_t)(end - begin);
    if (length > self->limit) raise_long_line(L, index, too_long, length + 1);
    lua_pushlstring(L, begin, length + (flags & CAL_LINE_WITH_END ? 1 : 0));
    casync_buffer_take(&self->buffer, length + 1);
    cal_reader_maybe_resume(L, index);
    return 1;
  }
  if (size > offset && size > self->limit) raise_long_line(L, index, not_found, size);
  if (self->eof) return last_line(L, self, flags);
  if (size > offset) *how = (lua_Integer)size * CAL_LINE_OFFSET + flags;
  return 0;
}

static int attempt_line(lua_State *L, struct cal_op *op, bool again)
{
  return cal_attempt_line(L, lua_gettop(L), &op->of.native.n, again);
}

/* ---- readuntil(separators) ---- */

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

/* How much has been looked through is kept in the op. */
static int attempt_until(lua_State *L, struct cal_op *op, bool again)
{
  int index = lua_gettop(L);
  struct cal_reader *self = lua_touserdata(L, index);
  lua_getiuservalue(L, 1, OP_SEPARATORS);
  int count = count_separators(L);
  size_t shortest, longest;
  measure(L, count, &shortest, &longest);
  if (!again) {
    check_separators(L, count, shortest);
    cal_reader_raise(L, index);
  }
  cal_reader_spill(L, index);
  size_t size = casync_buffer_size(&self->buffer);
  size_t offset = (size_t)op->of.native.n;
  if (size >= offset && size - offset >= shortest) {
    struct match match;
    if (find_first(L, count, &self->buffer, offset, &match)) {
      if (match.start > self->limit) raise_overrun(L, too_long, match.start);
      cal_reader_take(L, index, match.end);
      return 1;
    }
    offset = size + 1 > longest ? size + 1 - longest : 0;
    op->of.native.n = (lua_Integer)offset;
    if (offset > self->limit) raise_overrun(L, not_found, offset);
  }
  if (self->eof) raise_incomplete(L, self, 0);
  lua_settop(L, index);
  return 0;
}

/* ---- types and methods ---- */

#define READ_TYPE(verb, attempt) \
  { \
    {{"StreamReader." verb, NULL, undo}, body}, verb, attempt \
  }

static const struct cal_read_type read_some = READ_TYPE("read", attempt_read);
static const struct cal_read_type read_all = READ_TYPE("read", attempt_all);
static const struct cal_read_type read_exactly = READ_TYPE("readexactly", attempt_exactly);
static const struct cal_read_type read_until = READ_TYPE("readuntil", attempt_until);
const struct cal_read_type cal_readline = READ_TYPE("readline", attempt_line);

static int places(const struct cal_op *op)
{
  return op->of.op.type == &read_all.native.op ? places_of(op->of.native.n) : 0;
}

static size_t wanted_by(const struct cal_op *op, const struct cal_reader *self)
{
  if (op->of.op.type == &read_all.native.op) return self->limit;
  return op->of.op.type == &read_some.native.op ? (size_t)op->of.native.n : 0;
}

/* Makes an op of the `values` on the stack. */
static int new_read(lua_State *L, const struct cal_read_type *type, int values, lua_Integer n)
{
  cal_native_new(L, &type->native, values)->of.native.n = n;
  return 1;
}

/* StreamReader:read([n]) -> up to n bytes, "" at the end; all until the end without n, or n < 0 */
static int reader_read(lua_State *L)
{
  cal_check_reader(L);
  lua_Integer n = luaL_optinteger(L, 2, -1);
  lua_settop(L, 1);
  return n < 0 ? new_read(L, &read_all, 1, 0) : new_read(L, &read_some, 1, n);
}

/* StreamReader:readexactly(n) -> n bytes */
static int reader_readexactly(lua_State *L)
{
  cal_check_reader(L);
  lua_Integer n = luaL_checkinteger(L, 2);
  lua_settop(L, 1);
  return new_read(L, &read_exactly, 1, n);
}

/* StreamReader:readline() -> a line with its end; what is left at the end of the stream */
static int reader_readline(lua_State *L)
{
  cal_check_reader(L);
  lua_settop(L, 1);
  return new_read(L, &cal_readline, 1, CAL_LINE_WITH_END);
}

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
  cal_check_reader(L);
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
  return new_read(L, &read_until, 2, 0);
}

const luaL_Reg cal_read_methods[] = {
    {"read", reader_read},
    {"readexactly", reader_readexactly},
    {"readline", reader_readline},
    {"readuntil", reader_readuntil},
    {NULL, NULL},
};
