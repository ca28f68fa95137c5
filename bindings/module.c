/* SPDX-License-Identifier: MIT
 *
 * The module "casync.core": a table of openers.  Each adds its classes and functions to the module
 * table, which is made once for a Lua state: loading again gives the same one.
 */
#include "bind.h"
#include "net.h"
#include "sync/queue.h"
#include "stream.h"
#include "sync/sync.h"

static const char module_key;

static int set_errors(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "CancelledError");
  lua_getfield(L, -1, "__meta");
  cal_state(L)->cancelled_meta = lua_topointer(L, -1);
  cal_store_value(L, CAL_STATE_CANCELLED);
  lua_settop(L, 1);
  cal_store_value(L, CAL_STATE_ERRORS);
  return 0;
}

/* open_net(): adds the classes and functions that only programs with sockets need, once. */
static int open_net(lua_State *L)
{
  static void (*const openers[])(lua_State *) = {
      cal_open_transport, cal_open_writer, cal_open_address_info, cal_open_resolver,
      cal_open_constants, cal_open_socket, cal_open_connect,      cal_open_listener,
  };
  lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key);
  bool is_open = lua_getfield(L, -1, "SocketTransport") != LUA_TNIL;
  lua_pop(L, 1);
  for (size_t i = 0; !is_open && i < sizeof openers / sizeof *openers; i++) openers[i](L);
  return 0;
}

/* open_sync(): adds the classes that only programs whose tasks wait in line need, once. */
static int open_sync(lua_State *L)
{
  static void (*const openers[])(lua_State *) = {
      cal_open_line,
      cal_open_lock,
      cal_open_event,
      cal_open_semaphore,
  };
  lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key);
  bool is_open = lua_getfield(L, -1, "Lock") != LUA_TNIL;
  lua_pop(L, 1);
  for (size_t i = 0; !is_open && i < sizeof openers / sizeof *openers; i++) openers[i](L);
  return 0;
}

/* Room for so many names is made at once. */
enum { NAMES = 128 };

static void open_module(lua_State *L)
{
  static const luaL_Reg functions[] = {{"errors", set_errors},
                                       {"fields", cal_fields},
                                       {"open_net", open_net},
                                       {"open_sync", open_sync},
                                       {NULL, NULL}};
  static void (*const openers[])(lua_State *) = {
      cal_open_report,           cal_open_traceback, cal_open_kw,       cal_open_context,
      cal_open_sentinel,         cal_open_future,    cal_open_task,     cal_open_create_task,
      cal_open_gather,           cal_open_handle,    cal_open_loop,     cal_open_host,
      cal_open_coroutine_object, cal_open_op,        cal_open_suspend,  cal_open_await,
      cal_open_coroutine,        cal_open_inspect,   cal_open_debug,    cal_open_buffer,
      cal_open_reader,           cal_open_queue,     cal_open_searcher, cal_open_testing,
  };
  lua_createtable(L, 0, NAMES);
  cal_set_functions(L, functions);
  for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) openers[i](L);
  lua_pushliteral(L, CASYNC_VERSION);
  lua_setfield(L, -2, "version");
}

CASYNC_API int luaopen_casync_core(lua_State *L);

int luaopen_casync_core(lua_State *L)
{
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key) == LUA_TTABLE) return 1;
  lua_pop(L, 1);
  cal_state_open(L);
  open_module(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
  return 1;
}
