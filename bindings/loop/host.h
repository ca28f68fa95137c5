/* SPDX-License-Identifier: MIT
 *
 * What a host's main task may, and whose SIGINT and SIGTERM they are while it runs other loops.
 */
#ifndef CAL_HOST_H
#define CAL_HOST_H

#include <stdbool.h>

#include "bind.h"

/* Whether what runs now is a host's main task, which may run other loops. */
bool cal_host_stands_aside(const struct cal_state *state);
/* Before it does: its thread is its own, the pool's is free for first steps in the other loop. */
void cal_host_keep_thread(lua_State *L, struct cal_state *state);
/* casync_loop_host.can_wake: not where a host runs loops whose tasks are all that there is. */
bool cal_host_can_wake(struct casync_loop *loop, void *data);
/* casync_signal_watch(), for which a host gives way. */
int cal_watch_signal(struct cal_loop *loop, int number);
bool cal_host_lends_sigint(const struct cal_state *state);
/* The host gets back what nobody has any more. */
void cal_host_take_back(struct cal_state *state);
/* Somebody wants signal `number` of this loop for good. */
void cal_host_give_up(struct cal_loop *loop, int number);
/* Nobody wants it any more. */
void cal_host_resume(struct cal_loop *loop, int number);
/* In the loop: leaves all loops if SIGTERM asked for it. */
void cal_host_deliver(lua_State *L, struct cal_state *state);
void cal_push_exit(lua_State *L);            /* the SystemExit of SIGTERM */
void cal_host_forget(struct cal_loop *loop); /* it closes */
/* The notification of a SIGINT that a Runner has (signals.c); `data` is its cal_loop. */
void cal_on_sigint(void *data);
/* A loop that the host's main task runs without a Runner: SIGINT is KeyboardInterrupt there. */
bool cal_lend_sigint(lua_State *L, int index, struct cal_loop *loop);
void cal_return_sigint(lua_State *L, int index, struct cal_loop *loop);

#endif
