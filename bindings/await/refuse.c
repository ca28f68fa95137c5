/* SPDX-License-Identifier: MIT
 *
 * Why nothing can be awaited here: the error that names the cause and the remedy.
 */
#include <string.h>

#include "bind.h"

static bool is_transparent(const lua_Debug *frame)
{
  static const char *const names[] = {"await", "suspend", "pcall", "xpcall", "error", "yield"};
  if (strcmp(frame->what, "C") != 0) return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (frame->name != NULL && strcmp(frame->name, names[i]) == 0) return true;
  return false;
}

/* Pushes "table.sort" for the function on top (popped) if a loaded module has it under a name. */
static bool push_library_name(lua_State *L)
{
  int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); lua_next(L, function + 1); lua_pop(L, 1)) {
    if (!lua_istable(L, -1) || lua_type(L, -2) != LUA_TSTRING) continue;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, function)) continue;
      const char *module = lua_tostring(L, -4), *name = lua_tostring(L, -2);
      if (strcmp(module, "_G") == 0)
        lua_pushstring(L, name);
      else
        lua_pushfstring(L, "%s.%s", module, name);
      lua_replace(L, function);
      lua_settop(L, function);
      return true;
    }
  }
  lua_settop(L, function - 1);
  return false;
}

static void push_place(lua_State *L, int level)
{
  lua_Debug frame;
  for (; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline <= 0) continue;
    lua_pushfstring(L, "%s:%d", frame.short_src, frame.currentline);
    return;
  }
  lua_pushliteral(L, "C code");
}

/* The C function that stands between the await and its coroutine. */
static int refuse_boundary(lua_State *L)
{
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "nS", &frame);
    if (is_transparent(&frame)) continue;
    lua_getinfo(L, "f", &frame);
    if (!push_library_name(L)) lua_pushstring(L, frame.name != NULL ? frame.name : "?");
    push_place(L, level + 1);
    return cal_raise(L, "RuntimeError", "cannot await inside a callback of '%s' (called at %s)",
                     lua_tostring(L, -2), lua_tostring(L, -1));
  }
  return cal_raise(L, "RuntimeError", "cannot await across a C call (a metamethod or finalizer "
                                      "that Lua runs without leave to suspend)");
}

int cal_refuse_await(lua_State *L, struct cal_state *state)
{
  struct cal_loop *running = state->running;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (running == NULL)
    return cal_raise(L, "RuntimeError", "cannot await: no running event loop (use asyncio.run)");
  if (casync_loop_current_task(running->loop) == NULL)
    return cal_raise(L, "RuntimeError", "cannot await outside of a task: this is a callback of the "
                                        "event loop (use asyncio.create_task)");
  if (state->current == L) return refuse_boundary(L);
  return cal_raise(L, "RuntimeError",
                   "cannot await in a coroutine that was resumed by Lua's own coroutine library: "
                   "resume it by that of 'casync.coroutine' (which require \"casync\" installs as "
                   "'coroutine')");
}
