/* SPDX-License-Identifier: MIT
 *
 * Answering `casync ps` (casync/loop.h): what loops tell the folder ps/, and its two files each
 * other.
 */
#ifndef CAL_PS_STATES_H
#define CAL_PS_STATES_H

#include <pthread.h>
#include <stdbool.h>

#include "bind.h"

/* Connections that may wait for a state's part. */
enum { CAL_PS_ASKED = 16 };

/* A Lua state of which a loop watches the process's socket: C memory in a list of the process. */
struct cal_ps {
  struct cal_ps *next;   /* atomic: a signal handler walks the list */
  lua_State **innermost; /* of the state; for its thread alone */
  int is_running;        /* atomic: a loop of the state runs, in `thread` */
  int is_urged;          /* atomic: the signal that its thread gets was sent on by another one */
  pthread_t thread;
  struct casync_loop *running;  /* that loop, or NULL; under the list's lock, as is what follows */
  struct casync_loop *attached; /* one that watches and can be woken at any time, or NULL */
  int asked[CAL_PS_ASKED], asked_count;
  int loops;     /* how many watch */
  lua_Hook hook; /* whose place that of busy code has taken */
  int hook_mask, hook_count;
};

/* ---- for loops (socket.c) ---- */

/* The loop begins a run, or a batch. */
void cal_ps_begin(struct cal_loop *loop);
/* Another loop of the state runs now, or none. */
void cal_ps_note_running(const struct cal_state *state);
/* The loop has the host's attention, for whatever reason. */
void cal_ps_attend(lua_State *L, struct cal_loop *loop);
/* It closes, or its state ends. */
void cal_ps_forget(struct cal_loop *loop);
/* It is to be asked from now on, whatever was said before (embedders). */
void cal_ps_want(struct cal_loop *loop);

/* ---- between the two ---- */

/* list.c: adds a state to the list; NULL without memory.  The first one installs the handler of
 * SIGURG, the last one takes it away. */
struct cal_ps *cal_ps_join(struct cal_state *state);
void cal_ps_leave(struct cal_ps *ps);
/* An attached loop watches the socket; NULL: it does no more. */
void cal_ps_attach(struct cal_ps *ps, struct casync_loop *loop);
/* Accepts who asks, passes it on to every state that runs a loop, and takes what is this one's to
 * answer: the connections, CAL_PS_ASKED at most; or a negative code if nobody can be accepted. */
int cal_ps_take(struct cal_ps *ps, int *connections);
/* answer.c: does that, and answers.  A negative code if nobody could be accepted. */
int cal_ps_serve(lua_State *L, struct cal_ps *ps, bool is_busy);
/* The hook that a signal handler sets in busy code. */
void cal_ps_on_busy(lua_State *L, lua_Debug *frame);

#endif
