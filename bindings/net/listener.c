/* SPDX-License-Identifier: MIT
 *
 * Listener: a Socket that accepts.  It calls a Lua function with each accepted Socket, or with nil,
 * an error and whether the listener pauses; the loop holds it while it listens.
 */
#include "net/socket.h"

static struct cal_listener *listener_of(struct casync_listener *listener)
{
  return (struct cal_listener *)(void *)((char *)listener -
                                         offsetof(struct cal_listener, listener));
}

/* What the callback is called with. */
struct event {
  int fd;    /* accepted, -1 once a Socket owns it */
  int error; /* if there is none */
  bool pauses;
};

static int raise_error(lua_State *L)
{
  return cal_raise_code(L, (int)lua_tointeger(L, 1));
}

/* Pushes the error object of a code. */
static void push_error(lua_State *L, int code)
{
  lua_pushcfunction(L, raise_error);
  lua_pushinteger(L, code);
  lua_pcall(L, 1, 0, 0);
}

/* Protected: Listener, struct event. */
static int call_back(lua_State *L)
{
  struct event *event = lua_touserdata(L, 2);
  lua_getiuservalue(L, 1, CAL_LISTENER_CALLBACK);
  if (cal_debugs(cal_find_state(L))) cal_note_called(L, "Server._accept_connection");
  if (event->error == 0) {
    cal_socket_own(cal_socket_new(L), event->fd);
    event->fd = -1;
    lua_call(L, 1, 0);
    return 0;
  }
  lua_pushnil(L);
  push_error(L, event->error);
  lua_pushboolean(L, event->pauses);
  lua_call(L, 3, 0);
  return 0;
}

/* Calls the callback of the Listener on top in its own context.  False, with the error on top, if
 * it raised. */
static bool run(lua_State *L, struct cal_state *state, struct event *event)
{
  int self = lua_gettop(L);
  cal_push_value(L, CAL_STATE_CONTEXT);
  lua_getiuservalue(L, self, CAL_LISTENER_CONTEXT);
  cal_store_value(L, CAL_STATE_CONTEXT);
  lua_State *current = state->current;
  state->current = NULL;
  lua_pushcfunction(L, call_back);
  lua_pushvalue(L, self);
  lua_pushlightuserdata(L, event);
  bool is_fine = cal_call(L, 2, 0) == LUA_OK;
  state->current = current;
  lua_pushvalue(L, self + 1);
  cal_store_value(L, CAL_STATE_CONTEXT);
  return is_fine;
}

/* False if the callback raised; what it raised has been told. */
static bool tell(struct cal_listener *listener, struct event *event)
{
  struct cal_loop *loop = listener->loop;
  lua_State *L = loop->state->L;
  int top = lua_gettop(L);
  bool is_fine = lua_checkstack(L, LUA_MINSTACK);
  if (is_fine) {
    cal_push_held(L, loop, listener->slot);
    is_fine = run(L, loop->state, event);
    if (!is_fine) {
      cal_replace_nil(L);
      if (cal_leaves_loop(L))
        cal_leave_with(L, loop);
      else
        cal_report(L, loop, "Exception in callback of a listening socket", "listener", top + 1);
    }
    lua_settop(L, top);
  }
  if (event->fd >= 0) casync_sock_close(event->fd);
  return is_fine;
}

static bool on_accepted(struct casync_listener *runtime, int fd, const struct casync_address *peer)
{
  struct event event = {.fd = fd};
  (void)peer; /* the transport asks for it */
  return tell(listener_of(runtime), &event);
}

static void on_failed(struct casync_listener *runtime, int error, bool pauses)
{
  struct event event = {.fd = -1, .error = error, .pauses = pauses};
  tell(listener_of(runtime), &event);
}

static const struct casync_listener_type listener_type = {on_accepted, on_failed};

/* listen(Loop, Socket, backlog, callback) -> Listener */
static int listen_(lua_State *L)
{
  enum { LOOP = 1, SOCKET, BACKLOG, CALLBACK, SELF };
  struct cal_loop *loop = cal_check_open_loop(L, LOOP);
  struct cal_socket *socket = cal_check_socket(L, SOCKET);
  lua_Integer backlog = luaL_checkinteger(L, BACKLOG);
  luaL_checktype(L, CALLBACK, LUA_TFUNCTION);
  luaL_argcheck(L, backlog >= 0 && backlog <= 0xffff, BACKLOG, "0 to 65535");
  lua_settop(L, CALLBACK);
  struct cal_listener *self = cal_new(L, CAL_LISTENER, sizeof *self, CAL_LISTENER_CONTEXT);
  cal_capture_context(L);
  lua_setiuservalue(L, SELF, CAL_LISTENER_CONTEXT);
  lua_pushvalue(L, CALLBACK);
  lua_setiuservalue(L, SELF, CAL_LISTENER_CALLBACK);
  lua_pushvalue(L, SOCKET);
  lua_setiuservalue(L, SELF, CAL_LISTENER_SOCKET);
  self->loop = loop;
  self->slot = cal_hold(L, loop, SELF);
  int status =
      casync_listener_start(&self->listener, loop->loop, socket->fd, (int)backlog, &listener_type);
  if (status == 0) return 1;
  cal_unhold(L, loop, self->slot);
  self->slot = 0;
  return cal_raise_code(L, status);
}

void cal_listener_abandon(struct cal_listener *listener)
{
  casync_listener_stop(&listener->listener);
  listener->slot = 0;
}

/* Listener:stop(): accepts no more; again, or after the loop's end, nothing */
static int listener_stop(lua_State *L)
{
  struct cal_listener *self = cal_check(L, 1, CAL_LISTENER, sizeof *self);
  uint32_t slot = self->slot;
  if (slot == 0) return 0;
  cal_listener_abandon(self);
  cal_unhold(L, self->loop, slot);
  return 0;
}

void cal_open_listener(lua_State *L)
{
  static const luaL_Reg methods[] = {{"stop", listener_stop}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"listen", listen_}, {NULL, NULL}};
  static const struct cal_class class = {CAL_LISTENER, methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Listener");
  cal_set_functions(L, functions);
}
