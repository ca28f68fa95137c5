/* SPDX-License-Identifier: MIT
 *
 * Between the command line and Lua: opens the libraries, hands script.lua what is to be run, gives
 * its exit status back.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "casync.h"
#include "casync/lua.h"
#include "host.h"

/* package.preload[name](name, …) */
static int load_file(lua_State *L)
{
  const struct host_file *file = lua_touserdata(L, lua_upvalueindex(1));
  lua_settop(L, 1);
  if (luaL_loadbufferx(L, (const char *)file->bytes, file->size, file->name, "b") != LUA_OK)
    return lua_error(L);
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static void open_libraries(lua_State *L, struct command_line *line)
{
  struct casync_lua_options options = {.size = sizeof options, .handle_sigint = true};
  luaL_checkversion(L);
  luaL_openlibs(L);
  int status = casync_lua_open(L, &options, &line->casync);
  if (status == CASYNC_ERAISED) lua_error(L);
  if (status < 0) luaL_error(L, "cannot open casync: %s", casync_strerror(status));
  casync_lua_answer_ps(line->casync);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (const struct host_file *file = host_files; file->name != NULL; file++) {
    lua_pushlightuserdata(L, (void *)file);
    lua_pushcclosure(L, load_file, 1);
    lua_setfield(L, -2, file->name);
  }
  lua_pushcfunction(L, host_open_line);
  lua_setfield(L, -2, "casync.host.line");
  lua_pushcfunction(L, host_open_process);
  lua_setfield(L, -2, "casync.host.process");
  lua_pop(L, 1);
}

/* The global `arg`, as lua's: the script is at 0, what is before it below. */
static void set_arg(lua_State *L, const struct command_line *line)
{
  int script = line->script < line->argc ? line->script : 0;
  lua_createtable(L, line->argc - script, script + 1);
  for (int i = 0; i < line->argc; i++) {
    lua_pushstring(L, line->argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Pushes the list of steps, {option, argument} each, in the order of the command line. */
static void push_steps(lua_State *L, const struct command_line *line)
{
  lua_newtable(L);
  for (int i = 1, n = 1; i < line->options_end; i++) {
    const char *word = line->argv[i];
    if (word[1] != 'e' && word[1] != 'l') continue;
    lua_createtable(L, 2, 0);
    lua_pushlstring(L, word, 2);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, word[2] != '\0' ? word + 2 : line->argv[++i]);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, n++);
  }
}

/* Pushes what there is besides the steps: "file" and its path, "stdin", "prompt", "nothing", or
 * "command" and which. */
static int push_script(lua_State *L, const struct command_line *line)
{
  if (line->command != NULL) {
    lua_pushliteral(L, "command");
    lua_pushstring(L, line->command);
    return 2;
  }
  bool has_script = line->script < line->argc;
  bool after_dashes = line->script > line->options_end; /* behind `--`, `-` is a file */
  if (has_script && (after_dashes || strcmp(line->argv[line->script], "-") != 0)) {
    lua_pushliteral(L, "file");
    lua_pushstring(L, line->argv[line->script]);
    return 2;
  }
  if (!has_script && line->has_steps)
    lua_pushliteral(L, "nothing");
  else
    lua_pushstring(L, !has_script && isatty(STDIN_FILENO) ? "prompt" : "stdin");
  return 1;
}

int host_run(lua_State *L)
{
  struct command_line *line = lua_touserdata(L, 1);
  if (line->is_debug) setenv("CASYNC_DEBUG", "1", 1); /* for loops that the script makes, too */
  lua_gc(L, LUA_GCSTOP);
  open_libraries(L, line);
  lua_gc(L, LUA_GCRESTART);
  lua_gc(L, LUA_GCGEN, 0, 0); /* as lua has it */
  set_arg(L, line);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "casync.host.script");
  lua_call(L, 1, 1);
  casync_lua_push_loop(line->casync, L);
  push_steps(L, line);
  lua_call(L, 2 + push_script(L, line), 1);
  return 1;
}
