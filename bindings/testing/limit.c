/* SPDX-License-Identifier: MIT
 *
 * A limit of real time for what runs in a loop, by SIGALRM: the loop's handler of that signal is
 * called when the time is over, and again and again after that.  Lua code that does not return to
 * its loop is interrupted (loop/interrupt.c).
 */
#include "testing/testing.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include "loop/interrupt.h"

static void on_alarm(void *data)
{
  const struct cal_loop *loop = data;
  cal_interrupt_limit(loop->state);
}

/* Calls that wait in the kernel are to end when the signal comes. */
static void let_calls_end(void)
{
  struct sigaction action;
  if (sigaction(SIGALRM, NULL, &action) != 0) return;
  action.sa_flags &= ~SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
}

static struct timeval time_of(double seconds)
{
  time_t whole = (time_t)seconds;
  suseconds_t rest = (suseconds_t)((seconds - (double)whole) * 1e6);
  return (struct timeval){.tv_sec = whole, .tv_usec = whole == 0 && rest == 0 ? 1 : rest};
}

/* set_limit(loop, seconds, again): the loop has a handler for SIGALRM, which comes after so many
 * seconds and then every `again` seconds */
static int set_limit(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  struct itimerval timer = {.it_value = time_of(luaL_checknumber(L, 2)),
                            .it_interval = time_of(luaL_checknumber(L, 3))};
  casync_signal_notify(loop->loop, SIGALRM, on_alarm, loop);
  let_calls_end();
  setitimer(ITIMER_REAL, &timer, NULL);
  return 0;
}

/* limit_heard(loop): the loop knows; whatever runs need not be interrupted any more */
static int limit_heard(lua_State *L)
{
  cal_interrupt_over(L, cal_check_loop(L, 1)->state);
  return 0;
}

/* clear_limit(loop) */
static int clear_limit(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  struct itimerval never = {.it_value.tv_sec = 0};
  setitimer(ITIMER_REAL, &never, NULL);
  casync_signal_notify(loop->loop, SIGALRM, NULL, NULL);
  return limit_heard(L);
}

/* may_limit() -> whether this thread is the one that signals are for */
static int may_limit(lua_State *L)
{
  lua_pushboolean(L, cal_is_main_thread());
  lua_pushinteger(L, SIGALRM);
  return 2;
}

/* rest(milliseconds): nothing happens in this thread, whatever the time of any loop */
static int rest(lua_State *L)
{
  (void)poll(NULL, 0, (int)luaL_checkinteger(L, 1));
  return 0;
}

const luaL_Reg cal_testing_limit[] = {
    {"clear_limit", clear_limit}, {"limit_heard", limit_heard},
    {"may_limit", may_limit},     {"rest", rest},
    {"set_limit", set_limit},     {NULL, NULL},
};
