/* SPDX-License-Identifier: MIT
 *
 * When a loop watches the process's socket: once it has run for a while, as long as it is open.
 * Before, it has only asked its loop for an attention; there is no thread, no descriptor and no
 * timer, and nothing is loaded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "casync/impl/ps.h"
#include "ps/states.h"

/* Seconds before a loop can be asked; short programs are over by then. */
#define PATIENCE 0.1

/* Seconds until it looks again when there are not enough descriptors to accept anybody. */
#define PAUSE 1.0

static void attend_at(struct cal_loop *loop, double when)
{
  loop->ps = CAL_PS_DUE;
  loop->ps_due = when;
  if (casync_loop_attend_at(loop->loop, when) != CASYNC_ESTATE) return;
  if (casync_loop_is_attached(loop->loop)) /* its waits are somebody else's */
    casync_loop_attend(loop->loop);
  else
    loop->ps = CAL_PS_NEVER; /* a virtual clock's: a test */
}

void cal_ps_want(struct cal_loop *loop)
{
  loop->state->ps_is = CAL_PS_WANTED;
  if (loop->ps == CAL_PS_NEVER) loop->ps = CAL_PS_NEW;
  if (loop->ps == CAL_PS_NEW) attend_at(loop, casync_loop_time(loop->loop) + PATIENCE);
}

void cal_ps_begin(struct cal_loop *loop)
{
  if (loop->ps == CAL_PS_NEW && loop->state->ps_is == CAL_PS_UNWANTED) loop->ps = CAL_PS_NEVER;
  if (loop->ps == CAL_PS_NEW) attend_at(loop, casync_loop_time(loop->loop) + PATIENCE);
  if (loop->state->ps != NULL) cal_ps_note_running(loop->state);
}

static bool is_switched_off(void)
{
  const char *wish = getenv("CASYNC_PS");
  return wish != NULL && strcmp(wish, "0") == 0;
}

static bool join(struct cal_state *state)
{
  if (state->ps == NULL) state->ps = cal_ps_join(state);
  if (state->ps == NULL) return false;
  cal_ps_note_running(state);
  return true;
}

/* Fails without a word: who asks is told that there is no socket. */
static void open_socket(struct cal_loop *loop)
{
  loop->ps = CAL_PS_NEVER;
  int fd = is_switched_off() ? -EPERM : casync_ps_open();
  if (fd < 0) return;
  if (casync_loop_attend_on(loop->loop, fd) < 0 || !join(loop->state)) {
    casync_loop_attend_on(loop->loop, -1);
    casync_ps_close();
    return;
  }
  loop->ps = CAL_PS_WATCHES;
  loop->state->ps->loops++;
  if (casync_loop_is_attached(loop->loop)) cal_ps_attach(loop->state->ps, loop->loop);
}

static void stop_watching(struct cal_loop *loop)
{
  struct cal_ps *ps = loop->state->ps;
  casync_loop_attend_on(loop->loop, -1);
  if (ps->attached == loop->loop) cal_ps_attach(ps, NULL);
  if (--ps->loops == 0) {
    loop->state->ps = NULL;
    cal_ps_leave(ps);
  }
  casync_ps_close();
}

static bool is_due(const struct cal_loop *loop)
{
  return loop->ps == CAL_PS_DUE &&
         (casync_loop_is_attached(loop->loop) || casync_loop_time(loop->loop) >= loop->ps_due);
}

void cal_ps_attend(lua_State *L, struct cal_loop *loop)
{
  if (is_due(loop)) open_socket(loop);
  if (loop->state->ps == NULL || cal_ps_serve(L, loop->state->ps, false) >= 0) return;
  if (loop->ps != CAL_PS_WATCHES) return;
  stop_watching(loop);
  attend_at(loop, casync_loop_time(loop->loop) + PAUSE);
}

void cal_ps_forget(struct cal_loop *loop)
{
  if (loop->ps == CAL_PS_WATCHES) stop_watching(loop);
  loop->ps = CAL_PS_NEVER;
}
