/* SPDX-License-Identifier: MIT
 *
 * Debug mode: what is told to the Lua layer (core.hooks, filled in by lua/casync/debug/mode.lua)
 * where things are made, taken and left unclosed; and turning it on and off.
 *
 *   debug_mode()             fills in the hooks
 *   made(object)             keeps where it is made
 *   source(object)           gives that as a traceback, or nil
 *   taken(lock)              the current task has it now
 *   released(lock)
 *   unclosed(kind, object)   gives the message of the report
 */
#include "bind.h"

/* Pushes a hook; false, with nothing pushed, if it is not there. */
static bool push_hook(lua_State *L, const char *name)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  cal_push_value(L, CAL_STATE_HOOKS);
  bool is_there = lua_getfield(L, -1, name) == LUA_TFUNCTION;
  lua_remove(L, -2);
  if (!is_there) lua_pop(L, 1);
  return is_there;
}

/* Only what leaves the loop is raised: whoever tells has done things already. */
void cal_tell(lua_State *L, const char *hook, int index)
{
  index = lua_absindex(L, index);
  if (!push_hook(L, hook)) return;
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
  if (cal_leaves_loop(L)) cal_error(L);
  lua_pop(L, 1);
}

void cal_push_source(lua_State *L, int index)
{
  index = lua_absindex(L, index);
  if (!push_hook(L, "source")) {
    lua_pushnil(L);
    return;
  }
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
}

/* ---- where ---- */

/* Frames that are kept, and levels that are looked at for them: as asyncio does, not all of a deep
 * recursion, whose depth would make each object cost more than the one before. */
enum { MOST_FRAMES = 16, MOST_LEVELS = 100 };

/* Adds a line as Lua's traceback has it. */
static void add_frame(lua_State *L, luaL_Buffer *lines, const lua_Debug *frame)
{
  lua_pushfstring(L, "\t%s:%d: in ", frame->short_src, frame->currentline);
  luaL_addvalue(lines);
  if (*frame->namewhat != '\0')
    lua_pushfstring(L, "%s '%s'\n", frame->namewhat, frame->name);
  else if (*frame->what == 'm')
    lua_pushliteral(L, "main chunk\n");
  else
    lua_pushfstring(L, "function <%s:%d>\n", frame->short_src, frame->linedefined);
  luaL_addvalue(lines);
}

/* stack_here(level) -> the Lua functions from that level of the running coroutine on, a line each
 */
static int stack_here(lua_State *L)
{
  int level = (int)luaL_checkinteger(L, 1), last = level + MOST_LEVELS;
  lua_Debug frame;
  luaL_Buffer lines;
  luaL_buffinit(L, &lines);
  for (int n = 0; n < MOST_FRAMES && level < last && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sln", &frame);
    if (frame.currentline < 0) continue;
    add_frame(L, &lines, &frame);
    n++;
  }
  luaL_pushresult(&lines);
  return 1;
}

/* ---- what is left unclosed ---- */

/* Arguments: kind, object, its Loop or nil. */
static int report_unclosed(lua_State *L)
{
  luaL_checkany(L, 2);
  lua_settop(L, 3);
  if (!push_hook(L, "unclosed")) return 0;
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  cal_report_later(L, luaL_checkstring(L, 4), luaL_checkstring(L, 1), 2, 0, 3);
  return 0;
}

void cal_report_unclosed(lua_State *L, const char *kind, int object, int loop)
{
  object = lua_absindex(L, object);
  lua_pushcfunction(L, report_unclosed);
  lua_pushstring(L, kind);
  lua_pushvalue(L, object);
  if (loop != 0)
    lua_pushvalue(L, loop);
  else
    lua_pushnil(L);
  if (lua_pcall(L, 3, 0, 0) != LUA_OK) lua_pop(L, 1);
}

/* ---- on and off ---- */

void cal_loop_set_debug(lua_State *L, struct cal_loop *loop, bool is_on)
{
  if (is_on && push_hook(L, "debug_mode")) lua_call(L, 0, 0);
  loop->debug = is_on;
  casync_loop_observe(loop->loop, is_on);
  if (loop->state->running == loop) loop->state->debugs = is_on;
}

void cal_open_debug(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"report_unclosed", report_unclosed}, {"stack_here", stack_here}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
