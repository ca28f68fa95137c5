/* SPDX-License-Identifier: MIT
 *
 * The methods of StreamWriter that are called for every message.  A writer is a Lua table (its
 * class is in lua/casync/stream/writer.lua) with the fields `transport` and `_reader`; here are the
 * ways from it to a SocketTransport.  Another kind of transport is called by its methods.
 */
#include "net.h"
#include "stream.h"

enum { NAME = 2 }; /* upvalue: "transport" */

/* Pushes the transport of the writer at 1; NULL if it is none of ours. */
static struct cal_transport *push_transport(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(NAME));
  lua_rawget(L, 1);
  return cal_test_transport(L, -1);
}

/* Calls method `name` of the transport on top with the arguments from index 2 to it. */
static int call_by_name(lua_State *L, const char *name)
{
  lua_getfield(L, -1, name);
  lua_insert(L, 2);
  lua_insert(L, 3);
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  return lua_gettop(L) - 1;
}

static int writer_write(lua_State *L)
{
  lua_settop(L, 2);
  struct cal_transport *transport = push_transport(L);
  if (transport == NULL) return call_by_name(L, "write");
  cal_transport_write(L, transport, 2);
  return 0;
}

static int writer_is_closing(lua_State *L)
{
  lua_settop(L, 1);
  struct cal_transport *transport = push_transport(L);
  if (transport == NULL) return call_by_name(L, "is_closing");
  lua_pushboolean(L, casync_stream_is_closing(&transport->stream));
  return 1;
}

/* ---- drain ---- */

/* Whether the transport takes more and nothing has gone wrong. */
static bool may_go_on(lua_State *L, int writer)
{
  enum { BUSY = CASYNC_STREAM_CLOSING | CASYNC_STREAM_LOST | CASYNC_STREAM_WRITING_PAUSED };
  lua_getfield(L, writer, "transport");
  struct cal_transport *transport = cal_test_transport(L, -1);
  lua_getfield(L, writer, "_reader");
  const struct cal_reader *reader = cal_test_reader(L, -1);
  bool failed = reader != NULL && reader->has_exception;
  return transport != NULL && !failed && !(transport->stream.flags & BUSY);
}

/* The rest is asyncio's code (stream/writer.lua). */
static int drain_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  lua_getiuservalue(L, 1, 1);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);
  cal_native_over(op);
  bool is_done = may_go_on(L, 2);
  lua_settop(L, 2);
  if (is_done) return 0;
  lua_getfield(L, 2, "_drain");
  lua_insert(L, 2);
  return cal_await_call(L, state);
}

static int writer_drain(lua_State *L)
{
  static const struct cal_native_type type = {{"StreamWriter.drain", NULL, NULL}, drain_body};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct cal_op *op = cal_native_again(L, &type, CAL_STATE_INDEX, CAL_STATE_DRAIN, sizeof *op);
  if (op == NULL) {
    cal_native_about(L, &type, NULL, sizeof *op);
    lua_pushvalue(L, -1);
    cal_store_value(L, CAL_STATE_DRAIN);
    return 1;
  }
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

void cal_open_writer(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"write", writer_write},
      {"is_closing", writer_is_closing},
      {"drain", writer_drain},
      {NULL, NULL},
  };
  lua_newtable(L);
  cal_push_state_slowly(L);
  lua_pushliteral(L, "transport");
  luaL_setfuncs(L, functions, 2);
  lua_setfield(L, -2, "StreamWriter");
}
