/* SPDX-License-Identifier: MIT
 *
 * What a transport calls: the methods of a Lua protocol, looked up by name each time, or a
 * StreamReader, without any Lua code on the way.  What a method raises is told to
 * core.hooks.protocol_failed; where asyncio says so it ends the connection as well.
 */
#include "net.h"
#include "stream.h"

/* What one call passes, and what comes back. */
struct call {
  struct cal_transport *transport;
  const char *method;
  const char *bytes; /* data_received() */
  size_t size;
  int error;     /* connection_lost() */
  bool result;   /* eof_received() */
  char *buffer;  /* get_buffer() */
  size_t length; /* of it */
};

/* How a method is called: pushes its arguments, and looks at its result. */
struct how {
  int (*push)(lua_State *L, struct call *call); /* their number; the Transport is at index 1 */
  void (*take)(lua_State *L, struct call *call);
  bool is_fatal; /* an error ends the connection */
};

/* ---- one call ---- */

/* Arguments: Transport, struct call, struct how (both light). */
static int invoke(lua_State *L)
{
  struct call *call = lua_touserdata(L, 2);
  const struct how *how = lua_touserdata(L, 3);
  lua_settop(L, 1);
  lua_getiuservalue(L, 1, CAL_TRANSPORT_PROTOCOL);
  if (lua_getfield(L, 2, call->method) == LUA_TNIL) return 0; /* as asyncio.Protocol's: nothing */
  if (__builtin_expect(call->transport->loop->debug, 0)) cal_note_called(L, call->method);
  lua_insert(L, 2);
  int nargs = 1 + (how->push != NULL ? how->push(L, call) : 0);
  lua_call(L, nargs, how->take != NULL ? 1 : 0);
  if (how->take != NULL) how->take(L, call);
  return 0;
}

/* Arguments: Transport, method, error, is_fatal. */
static int tell_failure(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "protocol_failed");
  lua_insert(L, 1);
  lua_settop(L, 5);
  lua_call(L, 4, 0);
  return 0;
}

static int keep_error(lua_State *L)
{
  cal_transport_push_extra(L, 1);
  lua_insert(L, 2);
  lua_rawseti(L, 2, CAL_TRANSPORT_ERROR);
  return 0;
}

/* The error on top (popped) of the Transport at `index`. */
static void fail(lua_State *L, int index, struct call *call, bool is_fatal)
{
  struct cal_loop *loop = call->transport->loop;
  cal_replace_nil(L);
  if (cal_leaves_loop(L)) {
    cal_leave_with(L, loop);
    return;
  }
  int error = lua_gettop(L);
  lua_pushcfunction(L, tell_failure);
  lua_pushvalue(L, index);
  lua_pushstring(L, call->method);
  lua_pushvalue(L, error);
  lua_pushboolean(L, is_fatal);
  if (lua_pcall(L, 4, 0, 0) != LUA_OK) {
    if (cal_leaves_loop(L))
      cal_leave_with(L, loop);
    else
      lua_pop(L, 1);
  }
  if (is_fatal && call->transport->loop != NULL) {
    lua_pushcfunction(L, keep_error);
    lua_pushvalue(L, index);
    lua_pushvalue(L, error);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
    casync_stream_abort(&call->transport->stream, CASYNC_EHOST);
  }
  lua_settop(L, error - 1);
}

/* Pushes the context in which the protocol runs. */
static void push_context(lua_State *L, int index, const struct cal_transport *transport)
{
  if (!transport->has_extra) {
    lua_pushnil(L);
    return;
  }
  lua_getiuservalue(L, index, CAL_TRANSPORT_EXTRA);
  lua_rawgeti(L, -1, CAL_TRANSPORT_CONTEXT);
  lua_remove(L, -2);
}

/* Makes that the current context and leaves the one that was in its place on the stack. */
static void enter_context(lua_State *L, int index, const struct cal_transport *transport)
{
  cal_push_value(L, CAL_STATE_CONTEXT);
  push_context(L, index, transport);
  cal_store_value(L, CAL_STATE_CONTEXT);
}

static void leave_context(lua_State *L, int place)
{
  lua_pushvalue(L, place);
  cal_store_value(L, CAL_STATE_CONTEXT);
  lua_remove(L, place);
}

static bool has_room(lua_State *L)
{
  return lua_checkstack(L, LUA_MINSTACK);
}

int cal_transport_run(lua_State *L, struct cal_transport *transport, lua_CFunction function,
                      void *a, const void *b)
{
  struct cal_state *state = transport->loop->state;
  lua_State *current = state->current;
  bool has_contexts = state->has_contexts;
  cal_push_held(L, transport->loop, transport->slot);
  int index = lua_gettop(L), handler = index + (has_contexts ? 2 : 1);
  if (has_contexts) enter_context(L, index, transport);
  lua_pushcfunction(L, cal_keep_traceback);
  lua_pushcfunction(L, function);
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, a);
  lua_pushlightuserdata(L, (void *)b);
  state->current = NULL;
  int status = lua_pcall(L, 3, 0, handler);
  state->current = current;
  lua_remove(L, handler);
  if (has_contexts) leave_context(L, index + 1);
  return status;
}

/* Calls a method of the protocol; false if it raised. */
static bool call_method(struct call *call, const struct how *how)
{
  lua_State *L = call->transport->loop->state->L;
  int top = lua_gettop(L);
  if (!has_room(L)) {
    if (how->is_fatal) casync_stream_abort(&call->transport->stream, CASYNC_EMEMORY);
    return false;
  }
  bool is_well = cal_transport_run(L, call->transport, invoke, call, how) == LUA_OK;
  if (!is_well) fail(L, top + 1, call, how->is_fatal);
  lua_settop(L, top);
  return is_well;
}

/* ---- the methods ---- */

static int push_transport(lua_State *L, struct call *call)
{
  (void)call;
  lua_pushvalue(L, 1);
  return 1;
}

static void on_made(struct casync_stream *stream)
{
  static const struct how how = {push_transport, NULL, false};
  struct call call = {.transport = cal_transport_of(stream), .method = "connection_made"};
  call_method(&call, &how);
}

/* Arguments: Transport.  create_connection() may return. */
static int wake_waiter(lua_State *L)
{
  lua_getiuservalue(L, 1, CAL_TRANSPORT_EXTRA);
  lua_rawgeti(L, -1, CAL_TRANSPORT_WAITER);
  lua_pushnil(L);
  lua_rawseti(L, -3, CAL_TRANSPORT_WAITER);
  struct cal_future *waiter = cal_test_future(L, -1);
  if (waiter == NULL || casync_future_is_done(&waiter->future)) return 0;
  lua_getfield(L, -1, "set_result");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 0;
}

static void on_opened(struct casync_stream *stream)
{
  struct cal_transport *transport = cal_transport_of(stream);
  if (!transport->has_extra || transport->slot == 0) return;
  lua_State *L = transport->loop->state->L;
  int top = lua_gettop(L);
  if (!has_room(L)) return;
  cal_transport_run(L, transport, wake_waiter, NULL, NULL);
  lua_settop(L, top);
}

static int push_data(lua_State *L, struct call *call)
{
  lua_pushlstring(L, call->bytes, call->size);
  return 1;
}

static void on_data(struct casync_stream *stream, const char *bytes, size_t size)
{
  static const struct how how = {push_data, NULL, true};
  struct call call = {.transport = cal_transport_of(stream),
                      .method = "data_received",
                      .bytes = bytes,
                      .size = size};
  call_method(&call, &how);
}

static void take_truth(lua_State *L, struct call *call)
{
  call->result = lua_toboolean(L, -1);
}

static bool on_eof(struct casync_stream *stream)
{
  static const struct how how = {NULL, take_truth, true};
  struct call call = {.transport = cal_transport_of(stream), .method = "eof_received"};
  call_method(&call, &how);
  return call.result || casync_stream_is_closing(stream);
}

static void on_pause_writing(struct casync_stream *stream)
{
  static const struct how how = {NULL, NULL, false};
  struct call call = {.transport = cal_transport_of(stream), .method = "pause_writing"};
  call_method(&call, &how);
}

static void on_resume_writing(struct casync_stream *stream)
{
  static const struct how how = {NULL, NULL, false};
  struct call call = {.transport = cal_transport_of(stream), .method = "resume_writing"};
  call_method(&call, &how);
}

/* nil, the error that the protocol raised, or the system's. */
static int push_error(lua_State *L, struct call *call)
{
  if (call->error == 0) {
    lua_pushnil(L);
  } else if (call->error == CASYNC_EHOST) {
    cal_transport_push_extra(L, 1);
    lua_rawgeti(L, -1, CAL_TRANSPORT_ERROR);
    lua_remove(L, -2);
  } else {
    cal_push_code(L, call->error);
  }
  return 1;
}

static void on_lost(struct casync_stream *stream, int error)
{
  static const struct how how = {push_error, NULL, false};
  struct call call = {
      .transport = cal_transport_of(stream), .method = "connection_lost", .error = error};
  call_method(&call, &how);
}

/* Arguments: Transport. */
static int detach(lua_State *L)
{
  lua_getiuservalue(L, 1, CAL_TRANSPORT_SERVER);
  lua_getfield(L, -1, "_detach");
  lua_insert(L, -2);
  lua_pushvalue(L, 1);
  lua_call(L, 2, 0);
  return 0;
}

void cal_transport_let_go(lua_State *L, int index, struct cal_transport *transport)
{
  index = lua_absindex(L, index);
  for (int value = CAL_TRANSPORT_PROTOCOL; value <= CAL_TRANSPORT_SERVER; value++) {
    lua_pushnil(L);
    lua_setiuservalue(L, index, value);
  }
  cal_unhold(L, transport->loop, transport->slot);
  transport->slot = 0;
}

/* Forgets whom it called, unless a task still handles the connection; the object may live on. */
static void on_released(struct casync_stream *stream)
{
  struct cal_transport *transport = cal_transport_of(stream);
  lua_State *L = transport->loop->state->L;
  int top = lua_gettop(L);
  if (!has_room(L)) return;
  if (transport->is_accepted) {
    if (cal_transport_run(L, transport, detach, NULL, NULL) != LUA_OK) lua_pop(L, 1);
  } else {
    cal_push_held(L, transport->loop, transport->slot);
  }
  if (!transport->is_handled) cal_transport_let_go(L, top + 1, transport);
  lua_settop(L, top);
}

/* ---- protocols that have a buffer ---- */

static int push_size_hint(lua_State *L, struct call *call)
{
  (void)call;
  lua_pushinteger(L, -1);
  return 1;
}

static void take_buffer(lua_State *L, struct call *call)
{
  call->buffer = cal_buffer_writable(L, -1, &call->length);
  if (call->length == 0) cal_raise(L, "RuntimeError", "get_buffer() returned an empty buffer");
  /* The collector must not take it before the bytes are in it. */
  lua_setiuservalue(L, 1, CAL_TRANSPORT_TARGET);
}

static size_t on_get_buffer(struct casync_stream *stream, char **bytes)
{
  static const struct how how = {push_size_hint, take_buffer, true};
  struct call call = {.transport = cal_transport_of(stream), .method = "get_buffer"};
  if (!call_method(&call, &how)) return 0;
  *bytes = call.buffer;
  return call.length;
}

static int push_size(lua_State *L, struct call *call)
{
  lua_pushinteger(L, (lua_Integer)call->size);
  return 1;
}

static void on_buffer_updated(struct casync_stream *stream, size_t size)
{
  static const struct how how = {push_size, NULL, true};
  struct call call = {
      .transport = cal_transport_of(stream), .method = "buffer_updated", .size = size};
  call_method(&call, &how);
}

/* ---- stream readers ---- */

/* Arguments: Transport, the bytes and their size (both by address). */
static int feed(lua_State *L)
{
  const char *bytes = lua_touserdata(L, 2);
  const size_t *size = lua_touserdata(L, 3);
  lua_getiuservalue(L, 1, CAL_TRANSPORT_TARGET);
  cal_reader_feed(L, lua_gettop(L), bytes, *size);
  return 0;
}

static void on_data_to_reader(struct casync_stream *stream, const char *bytes, size_t size)
{
  if (cal_reader_feed_quickly(cal_transport_of(stream)->reader, stream, bytes, size)) return;
  struct call call = {.transport = cal_transport_of(stream), .method = "data_received"};
  lua_State *L = call.transport->loop->state->L;
  int top = lua_gettop(L);
  if (!has_room(L)) {
    casync_stream_abort(stream, CASYNC_EMEMORY); /* what has come would be lost */
    return;
  }
  if (cal_transport_run(L, call.transport, feed, (void *)bytes, &size) != LUA_OK)
    fail(L, top + 1, &call, true);
  lua_settop(L, top);
}

/* ---- which table ---- */

static const struct casync_protocol plain = {
    .made = on_made,
    .opened = on_opened,
    .data = on_data,
    .eof = on_eof,
    .pause_writing = on_pause_writing,
    .resume_writing = on_resume_writing,
    .lost = on_lost,
    .released = on_released,
};
static const struct casync_protocol buffered = {
    .made = on_made,
    .opened = on_opened,
    .data = on_data,
    .get_buffer = on_get_buffer,
    .buffer_updated = on_buffer_updated,
    .eof = on_eof,
    .pause_writing = on_pause_writing,
    .resume_writing = on_resume_writing,
    .lost = on_lost,
    .released = on_released,
};
static const struct casync_protocol reading = {
    .made = on_made,
    .opened = on_opened,
    .data = on_data_to_reader,
    .eof = on_eof,
    .pause_writing = on_pause_writing,
    .resume_writing = on_resume_writing,
    .lost = on_lost,
    .released = on_released,
    .is_read_later = true,
};

const struct casync_protocol *cal_protocol_table(lua_State *L, int index)
{
  lua_getiuservalue(L, index, CAL_TRANSPORT_TARGET);
  bool reads = cal_test_reader(L, -1) != NULL;
  lua_getiuservalue(L, index, CAL_TRANSPORT_PROTOCOL);
  bool has_buffer = lua_getfield(L, -1, "get_buffer") != LUA_TNIL;
  lua_pop(L, 3);
  if (reads) return &reading;
  return has_buffer ? &buffered : &plain;
}
