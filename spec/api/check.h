/* SPDX-License-Identifier: MIT
 *
 * What the programs of this folder share: a table of tests, of which the first argument names the
 * one to run, and a world with a Lua state and a host.
 */
#ifndef SPEC_CHECK_H
#define SPEC_CHECK_H

#include <casync.h>
#include <casync/lua.h>
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
  lua_State *L;
  struct casync_lua *host;
  char trace[1024]; /* what note() was told */
};

struct test {
  const char *name;
  void (*run)(struct world *world);
};

#define TEST(name) \
  { \
#name, name \
  }

/* Runs the test that the command line names, in a world of which nothing is open; 0 if it passed.
 */
int run_tests(const struct test *tests, size_t count, int argc, char **argv);

/* Ends the process, saying where, if `is_so` is false or the numbers differ. */
void check_at(int is_so, const char *what, const char *file, int line);
void check_equal_at(long long expected, long long found, const char *what, const char *file,
                    int line);
#define check(what) check_at((what) ? 1 : 0, #what, __FILE__, __LINE__)
#define check_equal(expected, found) check_equal_at((expected), (found), #found, __FILE__, __LINE__)

/* Appends a word to the trace; compares the whole with what it should be, and begins anew. */
void note(struct world *world, const char *word);
void check_trace_at(struct world *world, const char *expected, const char *file, int line);
#define check_trace(world, expected) check_trace_at((world), (expected), __FILE__, __LINE__)

/* Opens a Lua state with a host of this kind. */
void open_world(struct world *world, enum casync_lua_kind kind);
/* Closes what is open of it, the host first. */
void close_world(struct world *world);

/* From now on what casync reports, to standard error, is not seen. */
void silence(void);

/* Pushes the function that a chunk is; its arguments are `...`, and `asyncio` and `await` are
 * there. */
void push_chunk(struct world *world, const char *chunk);
/* Runs a chunk in an own loop; the results stay on the stack. */
int run_chunk(struct world *world, const char *chunk);
/* Steps a stepped loop until nothing is ready and no task is left, 10,000 times at most. */
void step_to_end(struct world *world);

/* A listener that notes the state, and its first value as text; data: the world. */
void note_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
              void *data);

#endif
