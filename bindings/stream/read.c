/* SPDX-License-Identifier: MIT
 *
 * StreamReader's read and readexactly, and what all reads share: they are native coroutines.
 *
 * Each is an attempt: it takes what was asked for out of the buffer if that is there, without
 * suspending, else the task waits and whatever comes wakes it to try again.  What is invalid is
 * raised in the attempt, as asyncio raises it in the coroutine; wrong types at once.
 */
#include <assert.h>

#include "stream.h"

enum { OP_READER = 1, OP_SEPARATORS }; /* user values of an op */

/* ---- waiting ---- */

static void undo(struct casync_task *task)
{
  struct cal_reader *self = task->object;
  self->wait = CAL_READER_CANCELLED;
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

/* Thousands of connections wait: the op that the reader keeps serves another one meanwhile. */
static void give_op_away(lua_State *L, const struct cal_reader *self)
{
  if (self->has_exception) return;
  lua_getiuservalue(L, 1, CAL_READER_SPARE);
  const struct cal_op *op = cal_test_op(L, -1);
  if (op != NULL && op->spare) {
    lua_pushnil(L);
    lua_setiuservalue(L, -2, OP_READER);
    cal_store_value(L, CAL_STATE_READ);
  } else {
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  lua_setiuservalue(L, 1, CAL_READER_SPARE);
}

bool cal_reader_wait(lua_State *L, struct cal_state *state, const struct cal_read_type *type,
                     size_t wanted)
{
  struct cal_reader *self = lua_touserdata(L, 1);
  assert(!self->eof);
  check_loop(L, state, 1);
  check_alone(L, self, type->verb);
  if (self->paused) {
    cal_reader_resume(L, 1); /* which may run anything */
    check_alone(L, self, type->verb);
  }
  struct casync_task *task = cal_may_wait(L, state);
  if (task == NULL) return false;
  self->waiter = task;
  self->wait = CAL_READER_WAITS;
  self->wanted = wanted;
  self->type = type;
  casync_task_wait(task, &type->native.op, self);
  give_op_away(L, self);
  return true;
}

void cal_reader_come_back(lua_State *L, struct cal_state *state, struct cal_reader *self)
{
  bool failed = cal_reader_is_failing(self);
  self->waiter = NULL;
  cal_come_back(L, state);
  if (!failed) return;
  lua_getiuservalue(L, 1, CAL_READER_THROWN);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, CAL_READER_THROWN);
  cal_error(L);
}

/* ---- the coroutine ---- */

/* Its frame has the reader at index 1; what else the attempts know, a number, at index 2 while it
 * waits; above that the separators of readuntil, or the blocks that read(-1) has collected. */
enum { NUMBER = 2 };

static int frame_size(const struct cal_read_type *type, lua_Integer n);
static size_t wanted_by(const struct cal_read_type *type, const struct cal_reader *self,
                        lua_Integer n);

static int back(lua_State *L, int status, lua_KContext context);

static int go_on(lua_State *L, struct cal_state *state, const struct cal_read_type *type,
                 lua_Integer n, bool again)
{
  struct cal_reader *self = lua_touserdata(L, 1);
  if (type->attempt(L, self, &n, again)) return 1;
  cal_reader_wait(L, state, type, wanted_by(type, self, n));
  lua_pushinteger(L, n);
  if (lua_gettop(L) > NUMBER) lua_replace(L, NUMBER);
  return cal_wait(L, state, back);
}

static int back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  struct cal_reader *self = lua_touserdata(L, 1);
  const struct cal_read_type *type = self->type;
  lua_Integer n = lua_tointeger(L, NUMBER);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, frame_size(type, n), back);
  cal_reader_come_back(L, state, self);
  return go_on(L, state, type, n, true);
}

/* From here on nobody needs the op: it can be the next one. */
static int body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  const struct cal_read_type *type = (const struct cal_read_type *)op->of.op.type;
  lua_Integer n = op->of.native.n;
  cal_native_over(op);
  lua_getiuservalue(L, 1, OP_READER);
  if (type->more == 0) {
    lua_replace(L, 1);
  } else {
    lua_pushnil(L); /* NUMBER */
    if (type->more > 1) lua_getiuservalue(L, 1, OP_SEPARATORS);
    lua_remove(L, 1);
  }
  return go_on(L, state, type, n, false);
}

/* ---- errors ---- */

void cal_read_error(lua_State *L, const char *name, int n)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_insert(L, -n - 1);
  lua_call(L, n, 1);
}

void cal_reader_raise(lua_State *L)
{
  cal_reader_push_exception(L, 1);
  cal_error(L);
}

void cal_raise_incomplete(lua_State *L, struct cal_reader *self, lua_Integer expected)
{
  size_t size = casync_buffer_size(&self->buffer);
  lua_pushlstring(L, casync_buffer_begin(&self->buffer), size);
  if (expected > 0)
    lua_pushinteger(L, expected);
  else
    lua_pushnil(L);
  cal_read_error(L, "IncompleteReadError", 2);
  casync_buffer_take(&self->buffer, size);
  cal_error(L);
}

/* NOLINTBEGIN(readability-non-const-parameter): some attempts change `*n`, and all are of one type
 */

/* ---- read(n), read(-1) ---- */

static bool has_nothing(const struct cal_reader *self)
{
  return cal_reader_size(self) == 0 && !self->eof;
}

static bool attempt_read(lua_State *L, struct cal_reader *self, lua_Integer *n, bool again)
{
  if (!again) {
    if (self->has_exception) cal_reader_raise(L);
    if (*n > 0 && has_nothing(self)) return false;
  }
  if (*n == 0)
    lua_pushliteral(L, "");
  else
    cal_reader_take(L, self, (size_t)*n);
  return true;
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

static void add_block(lua_State *L, lua_Integer *n)
{
  luaL_checkstack(L, FAN, "too many blocks");
  lua_Integer blocks = ++*n;
  for (; blocks % FAN == 0; blocks /= FAN) lua_concat(L, FAN);
}

static bool attempt_all(lua_State *L, struct cal_reader *self, lua_Integer *n, bool again)
{
  for (;; again = false) {
    if (!again) {
      if (self->has_exception) cal_reader_raise(L);
      if (has_nothing(self)) return false;
    }
    if (cal_reader_take(L, self, self->limit) == 0) break;
    add_block(L, n);
  }
  lua_concat(L, places_of(*n) + 1);
  return true;
}

/* ---- readexactly(n) ---- */

static bool attempt_exactly(lua_State *L, struct cal_reader *self, lua_Integer *n, bool again)
{
  if (!again) {
    if (*n < 0) cal_raise(L, "ValueError", "readexactly size can not be less than zero");
    if (self->has_exception) cal_reader_raise(L);
  }
  if (*n == 0) {
    lua_pushliteral(L, "");
    return true;
  }
  if (cal_reader_size(self) >= (size_t)*n) {
    cal_reader_take(L, self, (size_t)*n);
    return true;
  }
  if (self->ready > 0) cal_reader_spill(L, 1);
  if (self->eof) cal_raise_incomplete(L, self, *n);
  return false;
}

/* NOLINTEND(readability-non-const-parameter) */

/* ---- types and methods ---- */

#define READ_TYPE(verb, attempt, more) \
  { \
    {{"StreamReader." verb, NULL, undo}, body}, verb, attempt, more \
  }

static const struct cal_read_type read_some = READ_TYPE("read", attempt_read, 0);
static const struct cal_read_type read_all = READ_TYPE("read", attempt_all, 1);
static const struct cal_read_type read_exactly = READ_TYPE("readexactly", attempt_exactly, 0);
const struct cal_read_type cal_readline = READ_TYPE("readline", cal_attempt_readline, 0);
const struct cal_read_type cal_readuntil = READ_TYPE("readuntil", cal_attempt_readuntil, 2);

static int frame_size(const struct cal_read_type *type, lua_Integer n)
{
  if (type == &read_all) return NUMBER + places_of(n);
  return type->more > 1 ? CAL_SEPARATORS : NUMBER;
}

static size_t wanted_by(const struct cal_read_type *type, const struct cal_reader *self,
                        lua_Integer n)
{
  if (type == &read_all) return self->limit;
  return type == &read_some ? (size_t)n : 0;
}

/* One that the state keeps becomes the reader's. */
static struct cal_op *adopt(lua_State *L, const struct cal_read_type *type, struct cal_reader *self)
{
  struct cal_op *op =
      cal_native_again(L, &type->native, CAL_STATE_INDEX, CAL_STATE_READ, sizeof *op);
  if (op == NULL) return cal_native_about(L, &type->native, self, sizeof *op);
  lua_pushnil(L); /* one op, one keeper */
  cal_store_value(L, CAL_STATE_READ);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, OP_READER);
  return op;
}

struct cal_op *cal_read_new(lua_State *L, const struct cal_read_type *type, struct cal_reader *self)
{
  struct cal_op *op = cal_native_again(L, &type->native, 1, CAL_READER_SPARE, sizeof *op);
  if (op != NULL) return op;
  op = adopt(L, type, self);
  if (!self->has_exception) cal_native_keep(L, CAL_READER_SPARE);
  return op;
}

/* StreamReader:read([n]) -> up to n bytes, "" at the end; all until the end without n, or n < 0 */
static int reader_read(lua_State *L)
{
  struct cal_reader *self = cal_check_reader(L);
  lua_Integer n = luaL_optinteger(L, 2, -1);
  lua_settop(L, 1);
  if (n < 0)
    cal_read_new(L, &read_all, self);
  else
    cal_read_new(L, &read_some, self)->of.native.n = n;
  return 1;
}

/* StreamReader:readexactly(n) -> n bytes */
static int reader_readexactly(lua_State *L)
{
  struct cal_reader *self = cal_check_reader(L);
  lua_Integer n = luaL_checkinteger(L, 2);
  lua_settop(L, 1);
  cal_read_new(L, &read_exactly, self)->of.native.n = n;
  return 1;
}

void cal_open_reads(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"read", reader_read},
      {"readexactly", reader_readexactly},
      {NULL, NULL},
  };
  cal_set_functions(L, methods);
}
