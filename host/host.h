/* SPDX-License-Identifier: MIT
 *
 * Private header of the command `casync`: the command line, the script's side, the line editor.
 */
#ifndef HOST_H
#define HOST_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- the command line (main.c) ---- */

struct command_line {
  int argc;
  char **argv;
  int script;          /* index of the script in argv; argc: there is none */
  int options_end;     /* the options are before this index */
  const char *command; /* "ps" or "pstree", whose arguments are the rest; NULL: neither */
  bool has_steps;      /* -e or -l */
  bool is_debug, wants_help, wants_version;
  struct casync_lua *casync; /* what it runs on, once that is open */
  const char *bad; /* the option that is none, or lacks its argument; NULL: all are fine */
};

/* ---- the host's Lua files as bytecode (cmake/embed.lua makes the list) ---- */

struct host_file {
  const char *name; /* NULL ends the list */
  const unsigned char *bytes;
  size_t size;
};

extern const struct host_file host_files[];

/* ---- running (script.c) ---- */

/* For lua_pcall; argument: a light userdata, the struct command_line.  Opens the libraries, runs
 * what the command line says, returns the exit status. */
int host_run(lua_State *L);

/* ---- the line editor (line.c) ---- */

/* The opener of the module "casync.host.line". */
int host_open_line(lua_State *L);

/* ---- asking other processes (ps.c) ---- */

/* The opener of the module "casync.host.process". */
int host_open_process(lua_State *L);

#endif
