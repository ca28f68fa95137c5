/* SPDX-License-Identifier: MIT
 *
 * Interrupting busy Lua code, and whose SIGINT it is.
 */
#ifndef CAL_INTERRUPT_H
#define CAL_INTERRUPT_H

#include <stdbool.h>

#include <lua.h>

struct cal_state;

/* Makes the Lua code that runs raise KeyboardInterrupt soon; async-signal-safe. */
void cal_interrupt(struct cal_state *state);
/* The same with SystemExit, but not before the code had some time to return to its loop; at once
 * when called again. */
void cal_interrupt_to_end(struct cal_state *state);
/* The same with what hooks.limit() returns, for tests whose time is over. */
void cal_interrupt_limit(struct cal_state *state);
/* That is over, and L, which runs the loop, is left alone again. */
void cal_interrupt_over(lua_State *L, struct cal_state *state);
bool cal_is_main_thread(void);
/* SIGINT has its default action, or the handler of the stand-alone interpreter. */
bool cal_sigint_is_default(void);

#endif
