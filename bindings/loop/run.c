/* SPDX-License-Identifier: MIT
 *
 * Runs of a loop: `_run` of one that runs by itself, and the batches of an attached one, which the
 * application's loop brings about.  Both lay out their frame as enum cal_run_index says.
 *
 * A batch is called in a Lua thread of the Loop's own, whose stack has below it the function that
 * runs a batch and the Loop.  It may come while another loop of the same Lua state runs, in a
 * callback that drives the application's loop: that one stands still meanwhile.  So does the loop
 * of a host's main task that runs another one (host.c).
 */
#include <pthread.h>

#include "bind.h"
#include "loop/host.h"
#include "ps/states.h"

void cal_raise_left(lua_State *L)
{
  cal_push_value(L, CAL_STATE_LEFT);
  if (cal_find_state(L)->running == NULL) { /* else the host's loop may be about to be left too */
    lua_pushnil(L);
    cal_store_value(L, CAL_STATE_LEFT);
  }
  cal_error(L);
}

static void raise_deadlock(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  if (lua_getfield(L, -1, "deadlock") != LUA_TFUNCTION) cal_raise_code(L, CASYNC_EDEADLOCK);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_error(L);
}

void cal_leave_with(lua_State *L, struct cal_loop *loop)
{
  cal_store_value(L, CAL_STATE_LEFT);
  casync_loop_leave(loop->loop);
}

/* The Loop at `index` is the running one from now on; its held array is pushed. */
static void install(lua_State *L, int index, struct cal_loop *loop)
{
  struct cal_state *state = loop->state;
  lua_pushvalue(L, index);
  cal_store_value(L, CAL_STATE_RUNNING);
  lua_getiuservalue(L, index, CAL_LOOP_HELD);
  lua_pushvalue(L, -1);
  state->held = lua_topointer(L, -1);
  cal_store_value(L, CAL_STATE_HELD);
  cal_begin_anchors(L, index);
  state->running = loop;
  state->debugs = loop->debug;
}

/* The Loop at 1 runs in this frame. */
static void begin(lua_State *L, struct cal_loop *loop)
{
  luaL_checkstack(L, 4 * LUA_MINSTACK, NULL);
  install(L, CAL_RUN_LOOP, loop);
  lua_replace(L, CAL_RUN_HELD);
  loop->thread = (unsigned long)pthread_self();
  if (loop->ps == CAL_PS_NEW || loop->state->ps != NULL) cal_ps_begin(loop);
}

static void finish(lua_State *L, struct cal_state *state)
{
  state->running = NULL;
  state->debugs = false;
  state->held = NULL;
  cal_end_anchors(L);
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_RUNNING);
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_HELD);
}

/* The loop that stood still, if any, runs on. */
static void reinstall(lua_State *L, int index, struct cal_loop *outer)
{
  const struct cal_state *state = cal_find_state(L);
  if (outer != NULL) {
    install(L, index, outer);
    lua_pop(L, 1);
  }
  if (state->ps != NULL) cal_ps_note_running(state);
}

/* The Loop at CAL_RUN_OUTER, if any, stands still meanwhile. */
static int run_loop(lua_State *L, struct cal_state *state, struct cal_loop *loop)
{
  struct cal_loop *outer = state->running;
  begin(L, loop);
  if (state->reports > 0 || state->interrupt == CAL_INTERRUPT_TO_END)
    casync_loop_attend(loop->loop);
  struct cal_around around = cal_begin_steps(state, L, true);
  int status = casync_loop_run(loop->loop);
  cal_end_steps(state, &around);
  finish(L, state);
  reinstall(L, CAL_RUN_OUTER, outer);
  if (status == CASYNC_ELEFT && outer == NULL && state->interrupt == CAL_INTERRUPT_TO_END)
    state->interrupt = CAL_INTERRUPT_NONE; /* what follows is the clean-up */
  return status;
}

/* In a host's main task. */
static int run_inside(lua_State *L, struct cal_state *state, struct cal_loop *loop)
{
  cal_host_keep_thread(L, state);
  bool is_lent = cal_lend_sigint(L, CAL_RUN_LOOP, loop);
  int status = run_loop(L, state, loop);
  if (is_lent) cal_return_sigint(L, CAL_RUN_LOOP, loop);
  return status;
}

/* Loop:_run(): runs until stop(); raises what left the loop. */
static int loop_run(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  if (casync_loop_is_running(loop->loop)) return cal_raise_code(L, CASYNC_ERUNNING);
  if (casync_loop_is_attached(loop->loop)) return cal_raise_code(L, CASYNC_EATTACHED);
  bool is_inside = cal_host_stands_aside(state);
  if (state->running != NULL && !is_inside)
    return cal_raise(L, "RuntimeError", "Cannot run the event loop while another loop is running");
  lua_settop(L, CAL_RUN_HELD);
  cal_push_value(L, CAL_STATE_RUNNING);
  int status = is_inside ? run_inside(L, state, loop) : run_loop(L, state, loop);
  if (status == CASYNC_ELEFT) cal_raise_left(L);
  if (status == CASYNC_EDEADLOCK) raise_deadlock(L);
  return status < 0 ? cal_raise_code(L, status) : 0;
}

/* ---- batches of attached loops ---- */

/* What stands at the bottom of the stack of the thread that batches run in. */
enum { BASE_FUNCTION = 1, BASE_LOOP };

struct batch {
  struct cal_loop *loop;
  int (*run)(struct casync_loop *loop);
  int status;
};

/* Arguments: Loop, light userdata of the batch.  Raises only before it has begun. */
static int run_batch(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  struct batch *batch = lua_touserdata(L, CAL_RUN_HELD);
  struct cal_loop *outer = state->running;
  const struct cal_loop *loop = batch->loop;
  cal_push_value(L, CAL_STATE_RUNNING);
  begin(L, batch->loop);
  if (state->reports > 0) casync_loop_attend(loop->loop);
  struct cal_around around = cal_begin_steps(state, L, true);
  batch->status = batch->run(loop->loop);
  cal_end_steps(state, &around);
  finish(L, state);
  reinstall(L, CAL_RUN_OUTER, outer);
  return 0;
}

int cal_loop_frame(struct casync_loop *runtime, int (*run)(struct casync_loop *), void *data)
{
  struct cal_loop *loop = data;
  lua_State *L = loop->batches;
  struct batch batch = {loop, run, CASYNC_EMEMORY};
  (void)runtime;
  lua_settop(L, BASE_LOOP);
  if (!lua_checkstack(L, LUA_MINSTACK)) return CASYNC_EMEMORY;
  lua_pushvalue(L, BASE_FUNCTION);
  lua_pushvalue(L, BASE_LOOP);
  lua_pushlightuserdata(L, &batch);
  lua_pcall(L, 2, 0, 0);
  lua_settop(L, BASE_LOOP);
  return batch.status;
}

void cal_loop_attach(lua_State *L, int index, struct cal_loop *loop)
{
  index = lua_absindex(L, index);
  lua_State *thread = lua_newthread(L);
  cal_push_state_slowly(L);
  lua_pushcclosure(L, run_batch, 1);
  lua_pushvalue(L, index);
  lua_xmove(L, thread, 2);
  lua_setiuservalue(L, index, CAL_LOOP_BATCHES);
  loop->batches = thread;
}

/* Arguments: Loop, light userdata of its struct. */
static int abandon(lua_State *L)
{
  struct cal_loop *loop = lua_touserdata(L, 2);
  cal_loop_abandon(L, 1, loop, false);
  cal_drain_reports(L, loop);
  return 0;
}

void cal_abandon_attached(struct cal_loop *loop)
{
  lua_State *L = loop->batches;
  if (L == NULL || !lua_checkstack(L, LUA_MINSTACK)) return;
  lua_State *outer = cal_enter(loop->state, L);
  lua_settop(L, BASE_LOOP);
  lua_pushcfunction(L, abandon);
  lua_pushvalue(L, BASE_LOOP);
  lua_pushlightuserdata(L, loop);
  lua_pcall(L, 2, 0, 0);
  lua_settop(L, BASE_LOOP);
  cal_leave(loop->state, outer);
}

void cal_open_run(lua_State *L)
{
  static const luaL_Reg methods[] = {{"_run", loop_run}, {NULL, NULL}};
  cal_set_functions(L, methods);
}
