/* SPDX-License-Identifier: MIT
 *
 * Why nothing can be awaited here: the error that names the cause and the remedy.
 */
#include <string.h>

#include "bind.h"

/* Functions through which an await passes. */
static bool is_transparent(const char *name)
{
  static const char *const names[] = {"pcall", "xpcall", "error", "dofile", "coroutine.yield"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

/* Looks for the function at `function` in the table on top; leaves its name there, or nothing. */
static bool find_in_table(lua_State *L, int function, const char *module)
{
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, function)) continue;
    if (*module == '\0')
      lua_pushvalue(L, -2);
    else
      lua_pushfstring(L, "%s.%s", module, lua_tostring(L, -2));
    return true;
  }
  return false;
}

/* Looks in one of Lua's own libraries, or in the table of loaded modules at `loaded`. */
static bool find_in_libraries(lua_State *L, int function, int loaded)
{
  static const char *const modules[] = {"_G", "string", "table", "coroutine", "math",
                                        "io", "os",     "utf8",  "debug",     "package"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    lua_settop(L, loaded);
    if (lua_getfield(L, loaded, modules[i]) != LUA_TTABLE) continue;
    if (find_in_table(L, function, i == 0 ? "" : modules[i])) return true;
  }
  return false;
}

static bool find_in_modules(lua_State *L, int function, int loaded)
{
  lua_settop(L, loaded);
  for (lua_pushnil(L); lua_next(L, loaded); lua_settop(L, loaded + 1))
    if (lua_istable(L, -1) && lua_type(L, -2) == LUA_TSTRING &&
        find_in_table(L, function, lua_tostring(L, -2)))
      return true;
  return false;
}

/* Replaces the C function on top by its name in Lua's libraries, or in any loaded module; or pops
 * it. */
static bool push_library_name(lua_State *L)
{
  int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool found =
      find_in_libraries(L, function, function + 1) || find_in_modules(L, function, function + 1);
  if (found) lua_replace(L, function);
  lua_settop(L, found ? function : function - 1);
  return found;
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

/* `level` is that of the C function on the stack of `at`. */
CAL_NORETURN static void refuse_callback(lua_State *L, lua_State *at, const char *name, int level)
{
  lua_pushstring(L, name);
  if (!lua_checkstack(at, LUA_MINSTACK)) cal_raise_code(L, CASYNC_EMEMORY);
  push_place(at, level + 1);
  if (at != L) lua_xmove(at, L, 1);
  cal_raise(L, "RuntimeError", "cannot await inside a callback of '%s' (called at %s)",
            lua_tostring(L, -2), lua_tostring(L, -1));
}

/* A `__close` that coroutine.close runs: the place is on the stack of whoever called that. */
CAL_NORETURN static void refuse_in_close(lua_State *L, lua_State *closer)
{
  lua_checkstack(closer, 2);
  push_place(closer, 1);
  lua_xmove(closer, L, 1);
  cal_raise(L, "RuntimeError", "cannot await inside a callback of 'coroutine.close' (called at %s)",
            lua_tostring(L, -1));
}

/* Names the C function that stands between the await and its coroutine, on the stack of `at`: L, or
 * a coroutine further out.  A message handler has none: then it is the xpcall above. */
CAL_NORETURN static void refuse_boundary(lua_State *L, lua_State *at)
{
  lua_Debug frame;
  int xpcall = 0;
  if (!lua_checkstack(at, LUA_MINSTACK)) cal_raise_code(L, CASYNC_EMEMORY);
  for (int level = at == L ? 1 : 0; lua_getstack(at, level, &frame); level++) {
    lua_getinfo(at, "nSf", &frame);
    lua_CFunction function = lua_tocfunction(at, -1);
    if (strcmp(frame.what, "C") != 0 || function == cal_await || function == cal_body ||
        cal_is_coroutine_function(function)) {
      lua_pop(at, 1);
      continue;
    }
    if (push_library_name(at)) {
      const char *name = lua_tostring(at, -1);
      if (!is_transparent(name)) refuse_callback(L, at, name, level);
      if (strcmp(name, "xpcall") == 0 && xpcall == 0) xpcall = level;
      lua_pop(at, 1);
    } else {
      if (frame.name != NULL) refuse_callback(L, at, frame.name, level);
      break;
    }
  }
  if (xpcall != 0) refuse_callback(L, at, "xpcall", xpcall);
  struct cal_state *state = cal_find_state(L);
  if (state->closer != NULL && state->closer != L) refuse_in_close(L, state->closer);
  cal_raise(L, "RuntimeError",
            "cannot await across a C call (a hook, finalizer or metamethod that "
            "Lua runs without leave to suspend)");
}

int cal_refuse_await(lua_State *L, struct cal_state *state)
{
  struct cal_loop *running = state->running;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (running == NULL)
    cal_raise(L, "RuntimeError", "cannot await: no running event loop (use asyncio.run)");
  if (casync_loop_current_task(running->loop) == NULL)
    cal_raise(L, "RuntimeError",
              "cannot await outside of a task: this is a callback of the "
              "event loop (use asyncio.create_task)");
  lua_State *at = state->current;
  if (at != NULL && !lua_isyieldable(at)) refuse_boundary(L, at);
  if (at == L) refuse_boundary(L, L);
  cal_raise(L, "RuntimeError",
            "cannot await in a coroutine that was resumed by Lua's own coroutine library: "
            "resume it by that of 'casync.coroutine' (which require \"casync\" installs as "
            "'coroutine')");
}
