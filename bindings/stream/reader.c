/* SPDX-License-Identifier: MIT
 *
 * StreamReader, the class (asyncio.StreamReader): what has come and is not read yet, who waits for
 * more, and when the transport pauses.  Reading itself is in read.c and lines.c.
 *
 * Bytes are in the buffer; but what comes for a read(n) that waits on an empty one becomes at once
 * the string that it will return ("ready").  Until then those bytes count as if they were in the
 * buffer, and go there when anything but that read needs them: no cancellation loses them.
 */
#include "stream.h"

#include <assert.h>

#include "net.h"

enum {
  FEW_BYTES = 4096,       /* are copied faster than Lua is entered */
  MANY_BYTES = 16 * 1024, /* are worth a block of memory of their own */
};

struct cal_reader *cal_test_reader(lua_State *L, int index)
{
  return cal_test(L, index, CAL_STREAM_READER, sizeof(struct cal_reader));
}

struct cal_reader *cal_check_reader(lua_State *L)
{
  struct cal_reader *self = cal_check(L, 1, CAL_STREAM_READER, sizeof *self);
  if (self->limit == 0)
    cal_raise(L, "RuntimeError",
              "StreamReader object is not initialized (call StreamReader.init(self, ...))");
  return self;
}

/* ---- making ---- */

/* Opens the reader at `index` for the Loop on top (popped). */
static void open_reader(lua_State *L, int index, struct cal_reader *self, size_t limit)
{
  lua_setiuservalue(L, index, CAL_READER_LOOP);
  self->limit = limit;
}

struct cal_reader *cal_reader_new(lua_State *L, int loop, size_t limit)
{
  loop = lua_absindex(L, loop);
  struct cal_reader *self = cal_new(L, CAL_STREAM_READER, sizeof *self, CAL_READER_VALUES);
  lua_pushvalue(L, loop);
  open_reader(L, lua_gettop(L) - 1, self, limit);
  return self;
}

/* StreamReader.__new(class) */
static int reader_new(lua_State *L)
{
  cal_new_of_class(L, CAL_STREAM_READER, sizeof(struct cal_reader), CAL_READER_VALUES);
  return 1;
}

/* Option `limit`, or the argument, replaces argument 2. */
static size_t check_limit(lua_State *L, bool has_options)
{
  if (has_options) {
    cal_check_option_names(L, 2, "StreamReader", "limit loop");
    lua_getfield(L, 2, "limit");
    if (!lua_isnil(L, -1) && !lua_isinteger(L, -1))
      cal_raise(L, "TypeError", "bad option 'limit' (integer expected, got %s)",
                luaL_typename(L, -1));
  } else {
    lua_pushvalue(L, 2);
  }
  lua_Integer limit = lua_isnil(L, -1) ? CAL_READER_LIMIT : luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  if (limit <= 0) cal_raise(L, "ValueError", "Limit cannot be <= 0");
  return (size_t)limit;
}

/* StreamReader:init([limit[, loop]]), StreamReader:init{limit = n, loop = l} */
static int reader_init(lua_State *L)
{
  struct cal_reader *self = cal_check(L, 1, CAL_STREAM_READER, sizeof *self);
  if (self->limit != 0) return cal_raise(L, "RuntimeError", "StreamReader is initialized already");
  lua_settop(L, 3);
  bool has_options = cal_is_kw(L, 2);
  size_t limit = check_limit(L, has_options);
  if (lua_isnil(L, 3))
    cal_option_loop(L, has_options ? 2 : 0);
  else
    cal_check_loop(L, 3);
  open_reader(L, 1, self, limit);
  return 0;
}

/* A task that waits keeps its reader alive; only where the whole Lua state ends is there one. */
static int reader_gc(lua_State *L)
{
  struct cal_reader *self = cal_test_reader(L, 1);
  if (self == NULL || lua_gc(L, LUA_GCISRUNNING) >= 0) return 0; /* called from Lua */
  casync_buffer_clear(&self->buffer);
  return 0;
}

/* ---- the transport ---- */

/* Asks the transport on top (popped) to pause; false if it cannot. */
static bool ask_to_pause(lua_State *L)
{
  struct cal_transport *native = cal_test_transport(L, -1);
  if (native != NULL) {
    casync_stream_pause_reading(&native->stream);
    lua_pop(L, 1);
    return true;
  }
  if (lua_getfield(L, -1, "pause_reading") == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_insert(L, -2);
  if (cal_call(L, 1, 0) == LUA_OK) return true;
  if (!cal_is_error_of(L, -1, "NotImplementedError")) cal_error(L);
  lua_pop(L, 1);
  return false;
}

/* One that cannot is forgotten. */
static void pause_transport(lua_State *L, int index, struct cal_reader *self)
{
  lua_getiuservalue(L, index, CAL_READER_TRANSPORT);
  self->paused = ask_to_pause(L);
  if (self->paused) return;
  self->has_transport = false;
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_READER_TRANSPORT);
}

static void resume_transport(lua_State *L, int index, struct cal_reader *self)
{
  self->paused = false;
  lua_getiuservalue(L, index, CAL_READER_TRANSPORT);
  struct cal_transport *native = cal_test_transport(L, -1);
  if (native != NULL) {
    casync_stream_resume_reading(&native->stream);
    lua_pop(L, 1);
    return;
  }
  lua_getfield(L, -1, "resume_reading");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
}

void cal_reader_maybe_resume(lua_State *L, int index)
{
  struct cal_reader *self = lua_touserdata(L, index);
  if (cal_reader_may_resume(self)) resume_transport(L, index, self);
}

void cal_reader_resume(lua_State *L, int index)
{
  struct cal_reader *self = lua_touserdata(L, index);
  if (self->paused) resume_transport(L, index, self);
}

/* StreamReader:set_transport(transport): who pauses when there is too much */
static int set_transport(lua_State *L)
{
  struct cal_reader *self = cal_check_reader(L);
  lua_settop(L, 2);
  if (self->has_transport) return cal_raise(L, "AssertionError", "Transport already set");
  self->has_transport = !lua_isnil(L, 2);
  lua_setiuservalue(L, 1, CAL_READER_TRANSPORT);
  return 0;
}

/* ---- feeding ---- */

static void wake(struct cal_reader *self)
{
  if (!cal_reader_has_waiter(self)) return;
  self->wait = CAL_READER_WOKEN;
  casync_task_wake(self->waiter);
}

static void append(lua_State *L, struct cal_reader *self, const char *bytes, size_t size)
{
  int status = casync_buffer_append(&self->buffer, bytes, size);
  if (status < 0) cal_raise_code(L, status);
}

/* Pushes nil into CAL_READER_READY. */
static void forget_ready(lua_State *L, int index, struct cal_reader *self)
{
  self->ready = 0;
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_READER_READY);
}

void cal_reader_spill(lua_State *L, int index)
{
  struct cal_reader *self = lua_touserdata(L, index);
  if (self->ready == 0) return;
  assert(casync_buffer_is_empty(&self->buffer));
  lua_getiuservalue(L, index, CAL_READER_READY);
  append(L, self, lua_tostring(L, -1), self->ready);
  lua_pop(L, 1);
  forget_ready(L, index, self);
}

bool cal_reader_take_ready(lua_State *L, int index, size_t size)
{
  struct cal_reader *self = lua_touserdata(L, index);
  if (self->ready > size) {
    cal_reader_spill(L, index);
    return false;
  }
  lua_getiuservalue(L, index, CAL_READER_READY);
  forget_ready(L, index, self);
  return true;
}

/* Keeps the bytes as the string that the read(n) that waits will return. */
static void hand_over(lua_State *L, int index, struct cal_reader *self, const char *bytes,
                      size_t size)
{
  lua_pushlstring(L, bytes, size);
  lua_setiuservalue(L, index, CAL_READER_READY);
  self->ready = size;
}

static inline bool is_much(const struct cal_reader *self)
{
  size_t size = cal_reader_size(self);
  return size > self->limit && size - self->limit > self->limit;
}

void cal_reader_feed(lua_State *L, int index, const char *bytes, size_t size)
{
  struct cal_reader *self = lua_touserdata(L, index);
  index = lua_absindex(L, index);
  if (self->eof) cal_raise(L, "AssertionError", "feed_data after feed_eof");
  if (size == 0) return;
  luaL_checkstack(L, 6, NULL);
  if (cal_reader_has_waiter(self) && size <= self->wanted && cal_reader_size(self) == 0) {
    hand_over(L, index, self, bytes, size);
  } else {
    cal_reader_spill(L, index);
    append(L, self, bytes, size);
  }
  wake(self);
  if (self->has_transport && !self->paused && is_much(self)) pause_transport(L, index, self);
}

/* What has come is copied to what is there; but much of it is kept where it was read to. */
static bool keep(struct cal_reader *self, struct casync_stream *stream, const char *bytes,
                 size_t size)
{
  if (size < MANY_BYTES || !casync_buffer_is_empty(&self->buffer))
    return casync_buffer_append(&self->buffer, bytes, size) == 0;
  casync_stream_hand_over(stream, &self->buffer, size);
  return true;
}

bool cal_reader_feed_quickly(struct cal_reader *self, struct casync_stream *stream,
                             const char *bytes, size_t size)
{
  if (self->eof || self->ready > 0) return false;
  bool is_awaited = cal_reader_has_waiter(self) && size <= self->wanted;
  if (is_awaited && size > FEW_BYTES && cal_reader_size(self) == 0) return false;
  if (!keep(self, stream, bytes, size)) return false;
  wake(self);
  if (self->has_transport && !self->paused && is_much(self)) {
    self->paused = true;
    casync_stream_pause_reading(stream);
  }
  return true;
}

void cal_reader_feed_eof(lua_State *L, int index)
{
  struct cal_reader *self = lua_touserdata(L, index);
  self->eof = true;
  wake(self);
}

/* StreamReader:feed_data(bytes) */
static int feed_data(lua_State *L)
{
  size_t size;
  cal_check_reader(L);
  const char *bytes = cal_bytes_at(L, 2, &size);
  cal_reader_feed(L, 1, bytes, size);
  return 0;
}

/* StreamReader:feed_eof() */
static int feed_eof(lua_State *L)
{
  cal_check_reader(L);
  cal_reader_feed_eof(L, 1);
  return 0;
}

/* StreamReader:at_eof(): whether the end has come and everything is read */
static int at_eof(lua_State *L)
{
  const struct cal_reader *self = cal_check_reader(L);
  lua_pushboolean(L, self->eof && cal_reader_size(self) == 0);
  return 1;
}

/* ---- exceptions ---- */

void cal_reader_set_exception(lua_State *L, int index)
{
  struct cal_reader *self = lua_touserdata(L, index);
  index = lua_absindex(L, index);
  self->has_exception = !lua_isnil(L, -1);
  bool throws = self->has_exception && cal_reader_has_waiter(self);
  if (throws) {
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, CAL_READER_THROWN);
  }
  lua_setiuservalue(L, index, CAL_READER_EXCEPTION);
  wake(self);
  if (throws) self->wait = CAL_READER_FAILED;
}

bool cal_reader_push_exception(lua_State *L, int index)
{
  const struct cal_reader *self = lua_touserdata(L, index);
  if (!self->has_exception) return false;
  lua_getiuservalue(L, index, CAL_READER_EXCEPTION);
  return true;
}

/* StreamReader:set_exception(error): what every read raises from now on */
static int set_exception(lua_State *L)
{
  cal_check_reader(L);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  cal_instantiate(L, 2);
  cal_reader_set_exception(L, 1);
  return 0;
}

/* StreamReader:exception(): that, or nil */
static int exception(lua_State *L)
{
  cal_check_reader(L);
  return cal_reader_push_exception(L, 1) ? 1 : 0;
}

/* ---- the class ---- */

/* reader_info(reader) -> bytes, eof, limit, waiting Task, exception, transport, paused */
static int reader_info(lua_State *L)
{
  const struct cal_reader *self = cal_check(L, 1, CAL_STREAM_READER, sizeof *self);
  lua_pushinteger(L, (lua_Integer)cal_reader_size(self));
  lua_pushboolean(L, self->eof);
  lua_pushinteger(L, (lua_Integer)self->limit);
  if (cal_reader_has_waiter(self))
    cal_push_task(L, cal_task_of(self->waiter));
  else
    lua_pushnil(L);
  if (!cal_reader_push_exception(L, 1)) lua_pushnil(L);
  lua_getiuservalue(L, 1, CAL_READER_TRANSPORT);
  lua_pushboolean(L, self->paused);
  return 7;
}

/* reader_class() -> the class, and reader_info */
static int reader_class(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", reader_new},
      {"at_eof", at_eof},
      {"exception", exception},
      {"feed_data", feed_data},
      {"feed_eof", feed_eof},
      {"init", reader_init},
      {"set_exception", set_exception},
      {"set_transport", set_transport},
      {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {{"__gc", reader_gc}, {NULL, NULL}};
  static const struct cal_class class = {CAL_STREAM_READER, methods, metamethods};
  cal_class_make(L, &class);
  cal_open_reads(L);
  cal_open_until(L);
  cal_open_lines(L);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushcclosure(L, reader_info, 1);
  return 2;
}

void cal_open_reader(lua_State *L)
{
  static const luaL_Reg functions[] = {{"reader_class", reader_class}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
