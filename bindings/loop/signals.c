/* SPDX-License-Identifier: MIT
 *
 * Signal handlers of a loop, and SIGINT as asyncio's Runner treats it: the first one calls the
 * Runner's function in the loop, the second raises KeyboardInterrupt at once, also in Lua code that
 * does not return to the loop.
 */
#include <signal.h>
#include <string.h>

#include "bind.h"
#include "loop/host.h"
#include "loop/interrupt.h"

/* ---- add_signal_handler ---- */

static int check_signal(lua_State *L, int index)
{
  if (lua_type(L, index) != LUA_TNUMBER || !lua_isinteger(L, index))
    cal_raise(L, "TypeError", "sig must be an int, not %s", luaL_typename(L, index));
  lua_Integer number = lua_tointeger(L, index);
  if (number < 1 || number >= NSIG) cal_raise(L, "ValueError", "invalid signal number %I", number);
  return (int)number;
}

static void check_callback(lua_State *L, int index)
{
  if (lua_iscfunction(L, index) && cal_push_async_body(L, index))
    cal_raise(L, "TypeError", "coroutines cannot be used with add_signal_handler()");
}

static int raise_uncatchable(lua_State *L, int number, int status)
{
  if (status == CASYNC_EBUSY)
    return cal_raise(L, "RuntimeError", "signal %d belongs to another event loop", number);
  return cal_raise(L, "RuntimeError", "sig %d cannot be caught", number);
}

/* Loop:add_signal_handler(number, callback, …) */
static int loop_add_signal_handler(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  int number = check_signal(L, 2);
  luaL_checkany(L, 3);
  check_callback(L, 3);
  if (!cal_is_main_thread())
    return cal_raise(L, "RuntimeError", "signal handlers can only be set in the main thread");
  int nargs = cal_callback_arguments(L, 3);
  cal_handle_new(L, loop, CAL_HANDLE, 3, nargs)->timer.handle.type = &cal_signal_handle;
  int status = cal_watch_signal(loop, number);
  if (status < 0) return raise_uncatchable(L, number, status);
  cal_host_give_up(loop, number);
  lua_getiuservalue(L, 1, CAL_LOOP_SIGNALS);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, number);
  return 0;
}

/* Loop:remove_signal_handler(number) -> whether there was one */
static int loop_remove_signal_handler(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  int number = check_signal(L, 2);
  lua_getiuservalue(L, 1, CAL_LOOP_SIGNALS);
  bool found = lua_rawgeti(L, -1, number) == LUA_TUSERDATA;
  if (found) {
    casync_signal_unwatch(loop->loop, number);
    cal_host_resume(loop, number);
    lua_pushnil(L);
    lua_rawseti(L, -3, number);
  }
  lua_pushboolean(L, found);
  return 1;
}

/* ---- SIGINT of a Runner ---- */

void cal_on_sigint(void *data)
{
  struct cal_loop *loop = data;
  if (++loop->interrupts >= 2) cal_interrupt(loop->state);
}

/* Takes SIGINT over for the function on top (popped) of the Loop at `index`, if it is nobody's. */
static bool take_sigint(lua_State *L, int index, struct cal_loop *loop)
{
  bool is_free = !loop->state->leaves_sigint &&
                 (cal_sigint_is_default() || cal_host_lends_sigint(loop->state));
  bool ours = cal_is_main_thread() && is_free && cal_watch_signal(loop, SIGINT) == 0;
  if (ours) {
    loop->interrupts = 0;
    loop->keeps |= CAL_KEEPS_SIGINT;
    lua_getiuservalue(L, index, CAL_LOOP_SIGNALS);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, SIGINT);
    lua_pop(L, 1);
    casync_signal_notify(loop->loop, SIGINT, cal_on_sigint, loop);
  }
  lua_pop(L, 1);
  return ours;
}

void cal_return_sigint(lua_State *L, int index, struct cal_loop *loop)
{
  loop->keeps &= (uint8_t)~CAL_KEEPS_SIGINT;
  casync_signal_unwatch(loop->loop, SIGINT);
  loop->state->interrupt = CAL_INTERRUPT_NONE;
  cal_host_take_back(loop->state);
  lua_getiuservalue(L, index, CAL_LOOP_SIGNALS);
  lua_pushnil(L);
  lua_rawseti(L, -2, SIGINT);
  lua_pop(L, 1);
}

static int raise_keyboard_interrupt(lua_State *L)
{
  return cal_raise(L, "KeyboardInterrupt", "");
}

bool cal_lend_sigint(lua_State *L, int index, struct cal_loop *loop)
{
  lua_getiuservalue(L, index, CAL_LOOP_SIGNALS);
  bool is_taken = lua_rawgeti(L, -1, SIGINT) != LUA_TNIL;
  lua_pop(L, 2);
  if (is_taken || !cal_host_lends_sigint(loop->state)) return false;
  lua_pushcfunction(L, raise_keyboard_interrupt);
  return take_sigint(L, index, loop);
}

/* sigint_install(loop, on_first) -> whether SIGINT was taken over */
static int sigint_install(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushboolean(L, take_sigint(L, 1, loop));
  return 1;
}

/* sigint_restore(loop) -> how many came */
static int sigint_restore(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  cal_return_sigint(L, 1, loop);
  lua_pushinteger(L, loop->interrupts);
  return 1;
}

/* ---- delivery, in the loop ---- */

/* The Runner's function is on top (popped). */
static void run_sigint(lua_State *L, struct cal_loop *loop, bool first)
{
  if (first && loop->interrupts < 2) {
    if (cal_call(L, 0, 0) != LUA_OK) cal_leave_with(L, loop);
    return;
  }
  lua_pop(L, 1);
  if (loop->state->interrupt != CAL_INTERRUPT_KEYBOARD) return; /* busy code has raised it */
  loop->state->interrupt = CAL_INTERRUPT_NONE;
  cal_push_error(L, "KeyboardInterrupt", "");
  cal_leave_with(L, loop);
}

static void deliver(lua_State *L, struct cal_loop *loop, int signals, int number)
{
  int count = casync_signal_take(loop->loop, number);
  if (count == 0) return;
  switch (lua_rawgeti(L, signals, number)) {
  case LUA_TFUNCTION: run_sigint(L, loop, loop->interrupts == count); break;
  case LUA_TUSERDATA: {
    struct cal_handle *handle = lua_touserdata(L, -1);
    if (handle->timer.handle.flags & CASYNC_HANDLE_QUEUED)
      lua_pop(L, 1);
    else
      cal_handle_queue(L, loop, handle);
    break;
  }
  default: lua_pop(L, 1);
  }
}

void cal_run_signals(lua_State *L, struct cal_loop *loop)
{
  int top = lua_gettop(L);
  cal_host_deliver(L, loop->state);
  cal_push_loop(L, loop->loop);
  lua_getiuservalue(L, -1, CAL_LOOP_SIGNALS);
  for (int number = 1; number < NSIG; number++) deliver(L, loop, top + 2, number);
  lua_settop(L, top);
}

void cal_open_signals(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"add_signal_handler", loop_add_signal_handler},
      {"remove_signal_handler", loop_remove_signal_handler},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"sigint_install", sigint_install}, {"sigint_restore", sigint_restore}, {NULL, NULL}};
  cal_set_functions(L, methods);
  lua_pushvalue(L, -2);
  cal_set_functions(L, functions);
  lua_pop(L, 1);
}
