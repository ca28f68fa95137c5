/* SPDX-License-Identifier: MIT
 *
 * SocketTransport: the byte-stream transport as a Lua object.  The loop holds it from its opening
 * until connection_lost() has returned.
 */
#include "net.h"
#include "stream.h"

#include <limits.h> /* INT_MAX */
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { FEW_PARTS = 64, FIRST_WARNING = 5 /* write after the end that is warned of */ };

struct cal_transport *cal_test_transport(lua_State *L, int index)
{
  return cal_test(L, index, CAL_TRANSPORT, sizeof(struct cal_transport));
}

static struct cal_transport *check(lua_State *L)
{
  return cal_check(L, 1, CAL_TRANSPORT, sizeof(struct cal_transport));
}

void cal_transport_push_extra(lua_State *L, int index)
{
  struct cal_transport *transport = cal_test_transport(L, index);
  index = lua_absindex(L, index);
  if (lua_getiuservalue(L, index, CAL_TRANSPORT_EXTRA) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, index, CAL_TRANSPORT_EXTRA);
  transport->has_extra = true;
}

/* ---- opening ---- */

/* Puts the value on top (popped) into the extra table of the Transport at `index`. */
static void set_extra(lua_State *L, int index, int place)
{
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  cal_transport_push_extra(L, index);
  lua_insert(L, -2);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
}

/* Of the name of a socket: what cal_push_address() needs. */
static unsigned char size_of(const struct sockaddr_storage *name, socklen_t size)
{
  if (name->ss_family == AF_INET) return offsetof(struct sockaddr_in, sin_zero);
  return size <= sizeof(struct sockaddr_in6) ? (unsigned char)size : 0;
}

/* A new Transport that knows the names of both ends of `fd`. */
static struct cal_transport *new_transport(lua_State *L, int fd)
{
  struct sockaddr_storage peer, own; /* a socket may have no name */
  peer.ss_family = own.ss_family = AF_UNSPEC;
  socklen_t size = sizeof peer;
  unsigned char peer_size = 0, own_size = 0;
  if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0) peer_size = size_of(&peer, size);
  size = sizeof own;
  if (getsockname(fd, (struct sockaddr *)&own, &size) == 0) own_size = size_of(&own, size);
  struct cal_transport *self =
      cal_new_here(L, CAL_TRANSPORT, sizeof *self + peer_size + own_size, CAL_TRANSPORT_VALUES);
  self->stream.fd = -1;
  self->peer_size = peer_size;
  self->own_size = own_size;
  memcpy(self->names, &peer, peer_size);
  memcpy(self->names + peer_size, &own, own_size);
  return self;
}

static void attach(lua_State *L, int server, int index)
{
  if (lua_isnil(L, server)) return;
  lua_getfield(L, server, "_attach");
  lua_pushvalue(L, server);
  lua_pushvalue(L, index);
  lua_call(L, 2, 0);
  lua_pushvalue(L, server);
  lua_setiuservalue(L, index, CAL_TRANSPORT_SERVER);
}

/* open_transport(loop, fd, protocol[, server[, waiter]]) -> Transport, which owns the descriptor
 * from now on (not if this raises).  `waiter` has its result once connection_made() has returned.
 */
static int open_transport(lua_State *L)
{
  enum { LOOP = 1, FD, PROTOCOL, SERVER, WAITER, SELF };
  struct cal_loop *loop = cal_check_open_loop(L, LOOP);
  int fd = (int)luaL_checkinteger(L, FD);
  luaL_checkany(L, PROTOCOL);
  lua_settop(L, WAITER);
  struct cal_transport *self = new_transport(L, fd);
  self->loop = loop;
  lua_pushvalue(L, PROTOCOL);
  lua_setiuservalue(L, SELF, CAL_TRANSPORT_PROTOCOL);
  lua_pushvalue(L, WAITER);
  set_extra(L, SELF, CAL_TRANSPORT_WAITER);
  cal_capture_context(L);
  set_extra(L, SELF, CAL_TRANSPORT_CONTEXT);
  const struct casync_protocol *protocol = cal_protocol_table(L, SELF);
  attach(L, SERVER, SELF); /* may raise */
  self->slot = cal_hold(L, loop, SELF);
  self->is_accepted = !lua_isnil(L, SERVER);
  casync_stream_open(&self->stream, loop->loop, fd, protocol); /* the loop is open */
  lua_settop(L, SELF);
  if (__builtin_expect(loop->debug, 0)) cal_tell(L, "made", SELF);
  return 1;
}

/* feed_reader(transport, reader): the reader gets the bytes, instead of data_received() */
static int feed_reader(lua_State *L)
{
  struct cal_transport *self = check(L);
  lua_settop(L, 2);
  self->reader = cal_test_reader(L, 2);
  luaL_argexpected(L, self->reader != NULL, 2, "StreamReader");
  lua_setiuservalue(L, 1, CAL_TRANSPORT_TARGET);
  casync_stream_set_protocol(&self->stream, cal_protocol_table(L, 1));
  return 0;
}

/* ---- the end ---- */

void cal_transport_abandon(lua_State *L, struct cal_transport *transport)
{
  (void)L;
  if (transport->is_handled) casync_future_unwait(&transport->stream.begin);
  transport->is_handled = false;
  casync_stream_abandon(&transport->stream);
  transport->slot = 0;
  transport->loop = NULL;
}

/* The loop that held it is gone, or the whole state ends. */
static int transport_gc(lua_State *L)
{
  struct cal_transport *self = cal_test_transport(L, 1);
  if (self != NULL && lua_gc(L, LUA_GCISRUNNING) < 0) cal_transport_abandon(L, self);
  return 0;
}

/* ---- methods ---- */

/* Calls a function of the runtime that may call the protocol. */
static int call(lua_State *L, void (*function)(struct casync_stream *))
{
  struct cal_transport *self = check(L);
  struct cal_state *state = cal_state(L);
  lua_State *outer = cal_enter(state, L);
  function(&self->stream);
  cal_leave(state, outer);
  return 0;
}

static int transport_close(lua_State *L)
{
  return call(L, casync_stream_close);
}

static void abort_stream(struct casync_stream *stream)
{
  casync_stream_abort(stream, 0);
}

static int transport_abort(lua_State *L)
{
  return call(L, abort_stream);
}

static int transport_pause_reading(lua_State *L)
{
  return call(L, casync_stream_pause_reading);
}

static int transport_resume_reading(lua_State *L)
{
  return call(L, casync_stream_resume_reading);
}

static int transport_is_reading(lua_State *L)
{
  lua_pushboolean(L, casync_stream_is_reading(&check(L)->stream));
  return 1;
}

static int transport_is_closing(lua_State *L)
{
  lua_pushboolean(L, casync_stream_is_closing(&check(L)->stream));
  return 1;
}

/* What write() raises, or warns of. */
static void after_write(lua_State *L, struct cal_transport *self, int status)
{
  if (status == CASYNC_ESTATE)
    cal_raise(L, "RuntimeError", "Cannot call write() after write_eof()");
  if (status < 0) cal_raise_code(L, status);
  if (casync_stream_lost_writes(&self->stream) < FIRST_WARNING) return;
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "write_after_end");
  lua_call(L, 0, 0);
}

static void write_parts(lua_State *L, struct cal_transport *self, const struct iovec *parts,
                        int count)
{
  struct cal_state *state = cal_state(L);
  lua_State *outer = cal_enter(state, L);
  int status = casync_stream_write(&self->stream, parts, count);
  cal_leave(state, outer);
  if (status < 0 || casync_stream_lost_writes(&self->stream) > 0) after_write(L, self, status);
}

void cal_transport_write(lua_State *L, struct cal_transport *transport, int bytes)
{
  size_t size;
  const char *data = cal_bytes_at(L, bytes, &size);
  struct iovec part = {(void *)data, size};
  if (size > 0 || (transport->stream.flags & CASYNC_STREAM_EOF_SENT))
    write_parts(L, transport, &part, 1);
}

static int transport_write(lua_State *L)
{
  cal_transport_write(L, check(L), 2);
  return 0;
}

/* Pushes item `i` of the list at 2 and makes it a part; the list keeps the item alive. */
static struct iovec part_of(lua_State *L, lua_Integer i)
{
  size_t size;
  lua_rawgeti(L, 2, i);
  const char *data = cal_bytes_at(L, -1, &size);
  lua_pop(L, 1);
  return (struct iovec){(void *)data, size};
}

static int transport_writelines(lua_State *L)
{
  struct cal_transport *self = check(L);
  struct iovec few[FEW_PARTS], *parts = few;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  luaL_argcheck(L, n <= INT_MAX / (lua_Integer)sizeof *parts, 2, "too many items");
  if (n > FEW_PARTS) parts = lua_newuserdatauv(L, (size_t)n * sizeof *parts, 0);
  int count = 0;
  for (lua_Integer i = 1; i <= n; i++) {
    parts[count] = part_of(L, i);
    if (parts[count].iov_len > 0) count++;
  }
  if (count > 0 || (self->stream.flags & CASYNC_STREAM_EOF_SENT))
    write_parts(L, self, parts, count);
  return 0;
}

static int transport_write_eof(lua_State *L)
{
  int status = casync_stream_write_eof(&check(L)->stream);
  return status < 0 ? cal_raise_code(L, status) : 0;
}

static int transport_can_write_eof(lua_State *L)
{
  check(L);
  lua_pushboolean(L, 1);
  return 1;
}

static int transport_get_write_buffer_size(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)casync_stream_write_buffer_size(&check(L)->stream));
  return 1;
}

static int transport_get_write_buffer_limits(lua_State *L)
{
  struct cal_transport *self = check(L);
  lua_pushinteger(L, (lua_Integer)self->stream.low);
  lua_pushinteger(L, (lua_Integer)self->stream.high);
  return 2;
}

/* transport_limits(transport, high, low): both checked by the Lua layer */
static int transport_limits(lua_State *L)
{
  struct cal_transport *self = check(L);
  struct cal_state *state = cal_state(L);
  size_t high = (size_t)luaL_checkinteger(L, 2), low = (size_t)luaL_checkinteger(L, 3);
  lua_State *outer = cal_enter(state, L);
  casync_stream_set_limits(&self->stream, high, low);
  cal_leave(state, outer);
  return 0;
}

static int transport_get_protocol(lua_State *L)
{
  check(L);
  lua_getiuservalue(L, 1, CAL_TRANSPORT_PROTOCOL);
  return 1;
}

static int transport_set_protocol(lua_State *L)
{
  struct cal_transport *self = check(L);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, CAL_TRANSPORT_TARGET);
  lua_setiuservalue(L, 1, CAL_TRANSPORT_PROTOCOL);
  casync_stream_set_protocol(&self->stream, cal_protocol_table(L, 1));
  return 0;
}

/* ---- for the Lua layer ---- */

static void push_name(lua_State *L, const char *name, size_t size)
{
  cal_push_address(L, (const struct sockaddr *)name, size);
}

/* transport_names(transport) -> address of the peer, own address; nil for what is not known */
static int transport_names(lua_State *L)
{
  struct cal_transport *self = check(L);
  push_name(L, self->names, self->peer_size);
  push_name(L, self->names + self->peer_size, self->own_size);
  return 2;
}

/* transport_extra(transport) -> its table of extra info by name */
static int transport_extra(lua_State *L)
{
  check(L);
  cal_transport_push_extra(L, 1);
  return 1;
}

/* transport_state(transport) -> descriptor (-1: closed), is it watched for reading, for writing */
static int transport_state(lua_State *L)
{
  struct cal_transport *self = check(L);
  lua_pushinteger(L, casync_stream_fd(&self->stream));
  lua_pushboolean(L, self->stream.flags & CASYNC_STREAM_READS);
  lua_pushboolean(L, self->stream.flags & CASYNC_STREAM_WRITES);
  return 3;
}

/* transport_loop(transport) -> its Loop, nil after the end */
static int transport_loop(lua_State *L)
{
  struct cal_transport *self = check(L);
  if (self->slot == 0)
    lua_pushnil(L);
  else
    cal_push_loop(L, self->loop->loop);
  return 1;
}

void cal_open_transport(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"write", transport_write},
      {"writelines", transport_writelines},
      {"write_eof", transport_write_eof},
      {"can_write_eof", transport_can_write_eof},
      {"close", transport_close},
      {"abort", transport_abort},
      {"is_closing", transport_is_closing},
      {"pause_reading", transport_pause_reading},
      {"resume_reading", transport_resume_reading},
      {"is_reading", transport_is_reading},
      {"get_write_buffer_size", transport_get_write_buffer_size},
      {"get_write_buffer_limits", transport_get_write_buffer_limits},
      {"get_protocol", transport_get_protocol},
      {"set_protocol", transport_set_protocol},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"open_transport", open_transport},
      {"feed_reader", feed_reader},
      {"handle_connection", cal_handle_connection},
      {"transport_limits", transport_limits},
      {"transport_names", transport_names},
      {"transport_extra", transport_extra},
      {"transport_state", transport_state},
      {"transport_loop", transport_loop},
      {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {{"__gc", transport_gc}, {NULL, NULL}};
  static const struct cal_class class = {CAL_TRANSPORT, methods, metamethods};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "SocketTransport");
  cal_set_functions(L, functions);
}
