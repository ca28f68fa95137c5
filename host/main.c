/* SPDX-License-Identifier: MIT
 *
 * The command `casync`: its arguments, which are those of `lua` as far as they go, and its exit
 * status.  What runs, and how, is script.c's and script.lua's.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "casync.h"
#include "casync/lua.h"
#include "host.h"

static const char usage[] =
    "usage: casync [options] [script [args]]\n"
    "       casync ps [--json] PID\n"
    "       casync pstree [--json] PID\n"
    "Runs a Lua script as the main task of an event loop: it may await at its top level.\n"
    "Without a script: a prompt, or what standard input holds if that is no terminal.\n"
    "ps and pstree show the tasks of a running process, as a table or a tree.\n"
    "  -e CHUNK    run the string CHUNK; asyncio, async and await are there\n"
    "  -l MODULE   require MODULE into the global of that name; -l NAME=MODULE into NAME\n"
    "  -           run standard input as a script\n"
    "  --          no options follow\n"
    "  --debug     asyncio's debug mode in every loop\n"
    "  --version   say which version this is\n"
    "  --help      say this\n";

static bool is_word(const struct command_line *line, int i, const char *word)
{
  return strcmp(line->argv[i], word) == 0;
}

/* An option in one word; false if there is none of that name. */
static bool parse_word(struct command_line *line, int i)
{
  if (is_word(line, i, "--debug"))
    line->is_debug = true;
  else if (is_word(line, i, "--help"))
    line->wants_help = true;
  else if (is_word(line, i, "--version"))
    line->wants_version = true;
  else
    return false;
  return true;
}

/* -e or -l at `i`, its argument in the same word or the next one.  Returns the index of its last
 * word; 0 if it is neither, or has no argument. */
static int parse_step(struct command_line *line, int i)
{
  const char *word = line->argv[i];
  if (word[0] != '-' || (word[1] != 'e' && word[1] != 'l')) return 0;
  if (word[2] == '\0' && (i + 1 == line->argc || line->argv[i + 1][0] == '-')) return 0;
  line->has_steps = true;
  return word[2] == '\0' ? i + 1 : i;
}

/* ps and pstree; scripts of these names are run as ./ps and ./pstree. */
static bool parse_command(struct command_line *line)
{
  if (line->argc < 2 || !(is_word(line, 1, "ps") || is_word(line, 1, "pstree"))) return false;
  line->command = line->argv[1];
  line->options_end = 1;
  line->script = line->argc;
  return true;
}

static void parse(struct command_line *line)
{
  int i = 1;
  if (parse_command(line)) return;
  for (; i < line->argc && line->argv[i][0] == '-' && !is_word(line, i, "-"); i++) {
    if (is_word(line, i, "--")) {
      line->options_end = i++;
      line->script = i;
      return;
    }
    int last = parse_word(line, i) ? i : parse_step(line, i);
    if (last == 0) {
      line->bad = line->argv[i];
      return;
    }
    i = last;
  }
  line->options_end = line->script = i;
}

static int refuse(const char *bad)
{
  bool lacks_argument = strcmp(bad, "-e") == 0 || strcmp(bad, "-l") == 0;
  fprintf(stderr,
          lacks_argument ? "casync: '%s' needs argument\n%s"
                         : "casync: unrecognized option '%s'\n%s",
          bad, usage);
  return EXIT_FAILURE;
}

static int run(struct command_line *line)
{
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fputs("casync: cannot create state: not enough memory\n", stderr);
    return EXIT_FAILURE;
  }
  lua_pushcfunction(L, host_run);
  lua_pushlightuserdata(L, line);
  int status = EXIT_FAILURE;
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    status = (int)lua_tointeger(L, -1);
  else
    fprintf(stderr, "casync: %s\n", luaL_tolstring(L, -1, NULL));
  casync_lua_close(line->casync);
  lua_close(L);
  return status;
}

int main(int argc, char **argv)
{
  struct command_line line = {.argc = argc, .argv = argv};
  parse(&line);
  if (line.bad != NULL) return refuse(line.bad);
  if (line.wants_help) {
    fputs(usage, stdout);
    return EXIT_SUCCESS;
  }
  if (line.wants_version) {
    puts("casync " CASYNC_VERSION ", " LUA_RELEASE);
    return EXIT_SUCCESS;
  }
  return run(&line);
}
