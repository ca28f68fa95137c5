/* SPDX-License-Identifier: MIT
 *
 * sock_connect: the native coroutine that connects a Socket to one address.  Choosing between
 * addresses is loop/connect.lua's.
 */
#include <errno.h>
#include <string.h>

#include "net/socket.h"

enum { CONNECT_SOCKET = 1, CONNECT_ADDRESS, CONNECT_BYTES, CONNECT_VALUES = CONNECT_BYTES };

/* Pushes the op's Socket, which is open. */
static struct cal_socket *push_socket(lua_State *L)
{
  lua_getiuservalue(L, 1, CONNECT_SOCKET);
  return cal_check_socket(L, lua_gettop(L));
}

/* The connect has failed after it seemed to go on: the text names the address, as asyncio's. */
CAL_NORETURN static void raise_failure(lua_State *L, int status)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, "OSError");
  lua_pushinteger(L, -status);
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "address_text");
  lua_getiuservalue(L, 1, CONNECT_ADDRESS);
  lua_call(L, 1, 1);
  lua_remove(L, -2);
  lua_pushfstring(L, "Connect call failed %s", lua_tostring(L, -1));
  lua_remove(L, -2);
  lua_call(L, 2, 1);
  cal_error(L);
}

static int back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, back);
  cal_come_back(L, state);
  int result = push_socket(L)->connect.status;
  if (result < 0) raise_failure(L, result);
  return 0;
}

static int wait_for_end(lua_State *L, struct cal_state *state, struct cal_socket *socket)
{
  struct casync_task *task = cal_may_wait(L, state);
  int status = casync_connect_wait(&socket->connect, task, socket->fd);
  if (status < 0) return cal_raise_code(L, status);
  return cal_wait(L, state, back);
}

static int body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct casync_address address;
  struct cal_socket *socket = push_socket(L);
  (void)op;
  if (socket->connect.task != NULL) return cal_raise(L, "RuntimeError", "the socket is connecting");
  lua_getiuservalue(L, 1, CONNECT_BYTES);
  memcpy(&address, lua_tostring(L, -1), sizeof address);
  lua_settop(L, 1);
  int status = casync_sock_connect(socket->fd, &address);
  if (status == -EINPROGRESS) return wait_for_end(L, state, socket);
  return status < 0 ? cal_raise_code(L, status) : 0;
}

static const struct cal_native_type connect_type = {{.name = "sock_connect"}, body};

/* sock_connect(Socket, address) -> coroutine; the host is a number */
static int sock_connect(lua_State *L)
{
  struct casync_address address = {0};
  struct cal_socket *socket = cal_check_socket(L, 1);
  address.size = (unsigned)cal_check_address(L, 2, socket->any.family, &address.of.storage);
  lua_settop(L, CONNECT_ADDRESS);
  lua_pushlstring(L, (const char *)&address, sizeof address);
  cal_native_new(L, &connect_type, CONNECT_VALUES);
  return 1;
}

void cal_open_connect(lua_State *L)
{
  static const luaL_Reg functions[] = {{"sock_connect", sock_connect}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
