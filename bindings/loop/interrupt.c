/* SPDX-License-Identifier: MIT
 *
 * Interrupting busy Lua code: as lua.c does it, by a debug hook that raises at the next
 * instruction.  It is set on the coroutine that runs and on the one that runs the loop.
 */
#include "loop/interrupt.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bind.h"
#include "loop/host.h"

/* How long code may go on without returning to its loop once the process is to end: some tenths of
 * a second; the same once a test's time is over. */
enum { INSTRUCTIONS_TO_END = 30 * 1000 * 1000, INSTRUCTIONS_AT_LIMIT = 3 * 1000 * 1000 };

static void on_hook(lua_State *L, lua_Debug *frame);

/* What is raised again and again if it is caught comes ever sooner: the first times leave enough
 * for code that cleans up. */
static void raise_again_soon(lua_State *L, struct cal_state *state)
{
  if (state->patience >= 10) state->patience /= 10;
  lua_sethook(L, on_hook, LUA_MASKCOUNT, state->patience);
}

static void push_limit_error(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "limit");
  lua_call(L, 0, 1);
}

static int raise_interrupt(lua_State *L)
{
  struct cal_state *state = cal_find_state(L);
  switch ((enum cal_interrupt)state->interrupt) {
  case CAL_INTERRUPT_NONE: break;
  case CAL_INTERRUPT_KEYBOARD:
    state->interrupt = CAL_INTERRUPT_NONE;
    cal_raise(L, "KeyboardInterrupt", "");
  case CAL_INTERRUPT_TO_END: /* stays due: the loop ends as well, whoever catches this */
    raise_again_soon(L, state);
    cal_push_exit(L);
    cal_error(L);
  case CAL_INTERRUPT_LIMIT: /* stays due until its loop has heard of it */
    raise_again_soon(L, state);
    push_limit_error(L);
    cal_error(L);
  }
  return 0;
}

/* A hook runs in the frame of whatever function it meets, upvalues included: the raising is done in
 * a frame of our own. */
static void on_hook(lua_State *L, lua_Debug *frame)
{
  (void)frame;
  lua_sethook(L, NULL, 0, 0);
  lua_pushcfunction(L, raise_interrupt);
  lua_call(L, 0, 0);
}

void cal_interrupt(struct cal_state *state)
{
  int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  lua_State *innermost = state->innermost;
  state->interrupt = CAL_INTERRUPT_KEYBOARD;
  if (innermost != NULL) lua_sethook(innermost, on_hook, mask, 1);
}

void cal_interrupt_to_end(struct cal_state *state)
{
  bool is_again = state->interrupt == CAL_INTERRUPT_TO_END;
  lua_State *innermost = state->innermost;
  state->interrupt = CAL_INTERRUPT_TO_END;
  state->patience = is_again ? 1 : INSTRUCTIONS_TO_END;
  if (innermost != NULL) lua_sethook(innermost, on_hook, LUA_MASKCOUNT, state->patience);
}

void cal_interrupt_limit(struct cal_state *state)
{
  bool is_again = state->interrupt == CAL_INTERRUPT_LIMIT;
  lua_State *innermost = state->innermost;
  if (state->interrupt != CAL_INTERRUPT_NONE && !is_again) return;
  state->interrupt = CAL_INTERRUPT_LIMIT;
  state->patience = is_again ? 1 : INSTRUCTIONS_AT_LIMIT;
  if (innermost != NULL) lua_sethook(innermost, on_hook, LUA_MASKCOUNT, state->patience);
}

void cal_interrupt_over(lua_State *L, struct cal_state *state)
{
  if (state->interrupt == CAL_INTERRUPT_LIMIT) state->interrupt = CAL_INTERRUPT_NONE;
  if (lua_gethook(L) == on_hook) lua_sethook(L, NULL, 0, 0);
}

bool cal_is_main_thread(void)
{
  return syscall(SYS_gettid) == getpid();
}

/* lua.c's handler lies in the program itself, which is then called lua… */
static bool is_interpreters(void (*handler)(int))
{
  Dl_info info;
  union {
    void (*function)(int);
    void *address;
  } of = {handler};
  if (dladdr(of.address, &info) == 0 || info.dli_fname == NULL) return false;
  const char *name = strrchr(info.dli_fname, '/');
  name = name != NULL ? name + 1 : info.dli_fname;
  return strncmp(name, "lua", 3) == 0;
}

bool cal_sigint_is_default(void)
{
  struct sigaction action;
  if (sigaction(SIGINT, NULL, &action) != 0) return false;
  if (action.sa_flags & SA_SIGINFO) return false;
  return action.sa_handler == SIG_DFL || is_interpreters(action.sa_handler);
}
