/* SPDX-License-Identifier: MIT
 *
 * The main task of a host: the one place where a loop may be run while another one does, so that a
 * script that calls asyncio.run works as a host's main task too.  The host's loop stands still
 * until the new one has ended.  Everywhere else a running loop refuses, as in asyncio.
 *
 * A host may also say that nobody but these loops can wake what waits in them (set_alone): a loop
 * that would then wait for ever is a deadlock.
 *
 * SIGINT and SIGTERM, as far as they are the host's, are lent to a loop that its main task runs:
 * whoever asks for them first has them, and gives them back at the latest when its loop closes.
 */
#include "loop/host.h"

#include <signal.h>

#include "bind.h"
#include "loop/interrupt.h"

/* set_host_task(task): from now on its code may run other loops; nil: nobody's may. */
static int set_host_task(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  struct cal_task *task = NULL;
  if (!lua_isnoneornil(L, 1)) task = cal_check(L, 1, CAL_TASK, sizeof *task);
  state->host_task = task != NULL ? &task->task : NULL;
  return 0;
}

bool cal_host_stands_aside(const struct cal_state *state)
{
  return state->host_task != NULL && state->running != NULL &&
         casync_loop_current_task(state->running->loop) == state->host_task;
}

/* loop_in_the_way() -> the running loop, if it keeps other loops from being run here */
static int loop_in_the_way(lua_State *L)
{
  if (cal_host_stands_aside(cal_state(L))) return 0;
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_RUNNING);
  return 1;
}

void cal_host_keep_thread(lua_State *L, struct cal_state *state)
{
  struct cal_task *task = cal_task_of(state->host_task);
  if (task->co == NULL || !cal_pool_is_borrowed(state, task->co)) return;
  cal_push_task(L, task);
  cal_pool_keep(L, state, -1);
  lua_pop(L, 1);
}

/* ---- leaving ---- */

/* Leaves all loops with the error on top (popped): the running one, and the host's below it. */
static void leave_all(lua_State *L, struct cal_state *state)
{
  struct cal_loop *host = state->host_loop;
  if (host != NULL && casync_loop_is_running(host->loop)) casync_loop_leave(host->loop);
  if (state->running != NULL)
    cal_leave_with(L, state->running);
  else
    lua_pop(L, 1);
}

/* leave(err): ends the run of all loops with err, after the handle that runs now. */
static int leave(lua_State *L)
{
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  leave_all(L, cal_state(L));
  return 0;
}

/* ---- SIGTERM ---- */

enum { STATUS_OF_SIGTERM = 128 + SIGTERM };

static void on_terminate(void *data)
{
  struct cal_loop *host = data;
  struct cal_state *state = host->state;
  cal_interrupt_to_end(state);
  if (state->running == NULL || state->running == host) return;
  casync_loop_attend(state->running->loop);
  casync_loop_wake(state->running->loop);
}

void cal_push_exit(lua_State *L)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, "SystemExit");
  lua_pushinteger(L, STATUS_OF_SIGTERM);
  lua_call(L, 1, 1);
  lua_remove(L, -2);
}

static int push_exit(lua_State *L)
{
  cal_push_exit(L);
  return 1;
}

void cal_host_deliver(lua_State *L, struct cal_state *state)
{
  if (state->interrupt != CAL_INTERRUPT_TO_END) return;
  state->interrupt = CAL_INTERRUPT_NONE;
  lua_pushcfunction(L, push_exit);
  lua_pcall(L, 0, 1, 0); /* without memory: the error that says so */
  leave_all(L, state);
}

/* Calls that wait in the kernel, such as reading a file, are to end when the signal comes. */
static void watch_sigterm(struct cal_loop *host)
{
  struct sigaction action;
  if (casync_signal_watch(host->loop, SIGTERM) != 0) return;
  casync_signal_notify(host->loop, SIGTERM, on_terminate, host);
  if (sigaction(SIGTERM, NULL, &action) != 0) return;
  action.sa_flags &= ~SA_RESTART;
  sigaction(SIGTERM, &action, NULL);
}

static bool sigterm_is_default(void)
{
  struct sigaction action;
  return sigaction(SIGTERM, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
         action.sa_handler == SIG_DFL;
}

/* ---- lending ---- */

static uint8_t kept_bit(int number)
{
  if (number == SIGINT) return CAL_KEEPS_SIGINT;
  return number == SIGTERM ? CAL_KEEPS_SIGTERM : 0;
}

int cal_watch_signal(struct cal_loop *loop, int number)
{
  struct cal_loop *host = loop->state->host_loop;
  int status = casync_signal_watch(loop->loop, number);
  if (status != CASYNC_EBUSY || host == NULL || !(host->keeps & kept_bit(number))) return status;
  casync_signal_unwatch(host->loop, number);
  status = casync_signal_watch(loop->loop, number);
  if (status < 0) cal_host_take_back(loop->state);
  return status;
}

bool cal_host_lends_sigint(const struct cal_state *state)
{
  return state->host_loop != NULL && state->host_loop->keeps & CAL_KEEPS_SIGINT;
}

void cal_host_take_back(struct cal_state *state)
{
  struct cal_loop *host = state->host_loop;
  if (host == NULL) return;
  if (host->keeps & CAL_KEEPS_SIGINT && casync_signal_watch(host->loop, SIGINT) == 0)
    casync_signal_notify(host->loop, SIGINT, cal_on_sigint, host);
  if (host->keeps & CAL_KEEPS_SIGTERM) watch_sigterm(host);
}

void cal_host_give_up(struct cal_loop *loop, int number)
{
  if (!(loop->keeps & kept_bit(number))) return;
  loop->keeps &= (uint8_t)~kept_bit(number);
  casync_signal_notify(loop->loop, number, NULL, NULL);
}

void cal_host_resume(struct cal_loop *loop, int number)
{
  if (number == SIGTERM && loop->keeps & CAL_ENDS_BY_SIGTERM) loop->keeps |= CAL_KEEPS_SIGTERM;
  cal_host_take_back(loop->state);
}

/* set_host_loop(loop): the loop of main tasks to come; SIGTERM ends it and what runs in it. */
static int set_host_loop(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  loop->state->host_loop = loop;
  if (!cal_is_main_thread() || !sigterm_is_default()) return 0;
  loop->keeps |= CAL_KEEPS_SIGTERM | CAL_ENDS_BY_SIGTERM;
  watch_sigterm(loop);
  return 0;
}

void cal_host_forget(struct cal_loop *loop)
{
  if (loop->state->host_loop == loop) loop->state->host_loop = NULL;
}

/* ---- deadlocks ---- */

/* Whether the Loop on top has a signal handler of the user's. */
static bool has_signal_handler(lua_State *L)
{
  bool found = false;
  lua_getiuservalue(L, -1, CAL_LOOP_SIGNALS);
  for (int number = 1; number < NSIG && !found; number++) {
    found = lua_rawgeti(L, -1, number) == LUA_TUSERDATA;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return found;
}

/* A loop that another application has opened may hear from any thread of that. */
bool cal_host_can_wake(struct casync_loop *runtime, void *data)
{
  struct cal_loop *loop = data;
  const struct cal_state *state = loop->state;
  (void)runtime;
  if (!state->is_alone || (loop->owner != NULL && loop != state->host_loop)) return true;
  lua_State *L = state->L;
  cal_push_loop(L, loop->loop);
  bool can_wake = has_signal_handler(L);
  lua_pop(L, 1);
  return can_wake;
}

/* set_alone(is_alone): whether from now on a loop that nothing can wake is left with an error. */
static int set_alone(lua_State *L)
{
  cal_state(L)->is_alone = lua_toboolean(L, 1);
  return 0;
}

void cal_open_host(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"leave", leave},
      {"loop_in_the_way", loop_in_the_way},
      {"set_alone", set_alone},
      {"set_host_loop", set_host_loop},
      {"set_host_task", set_host_task},
      {NULL, NULL},
  };
  cal_set_functions(L, functions);
}
