/* SPDX-License-Identifier: MIT
 *
 * Where an error was raised, as text: the user's frames of a Lua thread, without those of the
 * library, and, for an error that goes on its way, of whoever awaited or resumed what failed:
 *
 *   stack traceback:
 *   	app.lua:3: in function 'fetch'
 *   awaited by task 'main':
 *   	app.lua:9: in function <app.lua:8>
 *
 * The text belongs to an error: it is beside it in the state (CAL_STATE_TRACED) while the error is
 * in flight, with the future that holds the error, and, of an exception object, in its field
 * `traceback`.  It is made only where nobody has caught the error inside its task.  However deep
 * the recursion and however long the chain of tasks, it stays short.
 */
#include "bind.h"

#include <stdlib.h>
#include <string.h>

/* So many sections are shown, and the last one. */
enum { MOST_SECTIONS = 20 };

/* ---- sections ---- */

static struct cal_task *current_task(const struct cal_state *state)
{
  if (state->running == NULL) return NULL;
  struct casync_task *task = casync_loop_current_task(state->running->loop);
  return task != NULL ? cal_task_of(task) : NULL;
}

static uint64_t current_serial(const struct cal_state *state)
{
  struct cal_task *task = current_task(state);
  return task != NULL ? task->serial : 0;
}

/* Pushes the line above a section. */
static void push_title(lua_State *L, const struct cal_state *state, enum cal_trace how)
{
  struct cal_task *task = current_task(state);
  switch (how) {
  case CAL_TRACE_RAISED: lua_pushliteral(L, "\nraised again by:"); return;
  case CAL_TRACE_RESUMED: lua_pushliteral(L, "\nresumed by:"); return;
  case CAL_TRACE_AWAITED: break;
  }
  if (task == NULL) {
    lua_pushliteral(L, "\nrun by:");
    return;
  }
  cal_push_task(L, task);
  cal_push_extra(L, -1, CAL_EXTRA_NAME);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushfstring(L, "Task-%I", (LUAI_UACINT)task->name);
  }
  lua_pushfstring(L, "\nawaited by task '%s':", lua_tostring(L, -1));
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static const char SKIPPING[] = "\n...\t(skipping ";

/* Shortens a text of many sections, on top: the first ones stay, and how many are left out. */
static void make_short(lua_State *L)
{
  const char *text = lua_tostring(L, -1), *last = NULL;
  const char *skipping = strstr(text, SKIPPING);
  int sections = 1, skipped = 1;
  if (skipping != NULL) {
    skipped += (int)strtol(skipping + sizeof SKIPPING - 1, NULL, 10);
  } else {
    for (const char *line = text; (line = strchr(line, '\n')) != NULL; line++)
      if (line[1] != '\t' && ++sections > MOST_SECTIONS) last = line;
    if (last == NULL) return;
    skipping = last;
  }
  lua_pushlstring(L, text, (size_t)(skipping - text));
  lua_pushfstring(L, "%s%d more)", SKIPPING, skipped);
  lua_concat(L, 2);
  lua_remove(L, -2);
}

/* Adds the frames on top (popped) to the traceback below, which may be nil. */
static void join_frames(lua_State *L, const struct cal_state *state, enum cal_trace how)
{
  size_t length = lua_rawlen(L, -1);
  bool begins = !lua_isstring(L, -2);
  if (length == 0) {
    lua_pop(L, 1);
    return;
  }
  if (begins) {
    lua_pushliteral(L, "stack traceback:");
  } else {
    lua_pushvalue(L, -2);
    make_short(L);
    push_title(L, state, how);
    lua_concat(L, 2);
  }
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_replace(L, -2);
}

/* ---- what is known of an error ---- */

static bool is_exception(lua_State *L, int index)
{
  return cal_is_error_of(L, index, "BaseException");
}

/* Pushes the text kept for the error at `error`, or nil; how it came here. */
static enum cal_trace push_kept(lua_State *L, const struct cal_state *state, int error,
                                bool is_object)
{
  cal_push_value(L, CAL_STATE_TRACED);
  bool same = !lua_isnil(L, -1) && lua_rawequal(L, -1, error);
  lua_pop(L, 1);
  /* Texts are equal by chance. */
  if (same && (lua_istable(L, error) || state->trace_task == current_serial(state))) {
    cal_push_value(L, CAL_STATE_TRACEBACK);
    if (lua_isstring(L, -1)) return state->trace;
    lua_pop(L, 1);
  }
  if (is_object) {
    lua_pushliteral(L, "traceback");
    if (lua_rawget(L, error) == LUA_TSTRING) return same ? state->trace : CAL_TRACE_RAISED;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  return CAL_TRACE_RAISED;
}

void cal_note_trace(lua_State *L, enum cal_trace how)
{
  struct cal_state *state = cal_find_state(L);
  state->trace = how;
  state->trace_task = current_serial(state);
  cal_store_value(L, CAL_STATE_TRACEBACK);
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_TRACED);
}

void cal_retrace(lua_State *L)
{
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_TRACED);
}

void cal_forget_trace(lua_State *L)
{
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_TRACED);
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_TRACEBACK);
}

/* Leaves the frames on top, from those of who holds the scope at `scope` on, with it; the first one
 * at the line where the scope was entered. */
static void tell_scope(lua_State *L, int scope, const struct cal_holder *holder)
{
  const char *lines = lua_tostring(L, -1) + holder->offset;
  if (*lines == '\0') return;
  lua_pushfstring(L, ":%d: in ", holder->line);
  const char *place = strstr(lines, lua_tostring(L, -1));
  size_t before = place != NULL ? (size_t)(place - lines) : 0;
  lua_pushliteral(L, "_traceback");
  lua_pushliteral(L, "stack traceback:");
  if (holder->entered != 0 && place != NULL) {
    lua_pushlstring(L, lines, before);
    lua_pushfstring(L, ":%d: in %s", holder->entered, place + lua_rawlen(L, -4));
    lua_concat(L, 3);
  } else {
    lua_pushstring(L, lines);
    lua_concat(L, 2);
  }
  lua_rawset(L, scope);
  lua_pop(L, 1);
}

static void trace(lua_State *L, lua_State *co, int level, enum cal_trace how, int scope)
{
  struct cal_state *state = cal_find_state(L);
  int error = scope != 0 ? scope - 1 : lua_gettop(L);
  bool is_object = is_exception(L, error);
  enum cal_trace came = push_kept(L, state, error, is_object);
  struct cal_holder holder = {0};
  cal_push_frames(L, co, level, scope, &holder);
  if (scope != 0) tell_scope(L, scope, &holder);
  join_frames(L, state, came);
  if (lua_isstring(L, -1) && is_object) {
    lua_pushliteral(L, "traceback");
    lua_pushvalue(L, -2);
    lua_rawset(L, error);
  }
  if (scope != 0) lua_remove(L, scope);
  cal_note_trace(L, how);
}

/* A cancellation, on top, is traced only where somebody has asked for it: it is no failure, most
 * are caught, and to be quick matters. */
static void trace_cancelled(lua_State *L, lua_State *co, int level, enum cal_trace how)
{
  struct cal_task *task = current_task(cal_find_state(L));
  if (task == NULL || !(task->task.future.flags & CAL_FUTURE_TRACED)) return;
  cal_push_task(L, task);
  cal_push_extra(L, -1, CAL_EXTRA_SCOPE);
  lua_remove(L, -2);
  int scope = lua_gettop(L);
  if (!lua_istable(L, scope)) {
    lua_pop(L, 1);
    scope = 0;
  }
  trace(L, co, level, how, scope);
}

void cal_trace(lua_State *L, lua_State *co, int level, enum cal_trace how)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (cal_is_cancelled_error(L, lua_gettop(L)))
    trace_cancelled(L, co, level, how);
  else
    trace(L, co, level, how, 0);
}

/* ---- for the Lua layer ---- */

enum { DEEPEST = 20 };

static bool mark(lua_State *L, int index)
{
  struct cal_future *future = cal_test_future(L, index);
  bool is_task = future != NULL && future->object.kind->id == CAL_TASK;
  if (is_task) future->future.flags |= CAL_FUTURE_TRACED;
  return is_task;
}

/* Replaces the future on top by what it awaits, of a gather the first child (all are marked); false
 * if it awaits no future. */
static bool mark_and_go_on(lua_State *L)
{
  int index = lua_gettop(L);
  struct cal_future *future = cal_test_future(L, index);
  if (mark(L, index)) {
    cal_push_awaited(L, ((struct cal_task *)future)->co);
  } else if (future != NULL && future->object.kind->id == CAL_GATHER) {
    int n = cal_push_gather_children(L, index);
    for (int i = 1; i <= n; i++) mark(L, index + i);
    lua_settop(L, n > 0 ? index + 1 : index);
  }
  if (lua_gettop(L) == index) return false;
  lua_replace(L, index);
  return cal_test_future(L, index) != NULL;
}

/* trace_cancel(future[, scope]): where a task, and the tasks it awaits, stand when a cancellation
 * ends them is kept from now on; from where they hold `scope` on in its field `_traceback` */
static int trace_cancel(lua_State *L)
{
  struct cal_future *future = cal_check_future(L, 1);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && future->object.kind->id == CAL_TASK) cal_set_extra(L, 1, CAL_EXTRA_SCOPE);
  lua_settop(L, 1);
  for (int i = 0; i < DEEPEST && mark_and_go_on(L); i++) continue;
  return 0;
}

/* keep_traceback(error[, thread]) -> error: a message handler for what runs in a Lua coroutine of
 * its own; or for a thread that the error has ended */
static int keep_traceback(lua_State *L)
{
  lua_State *co = lua_tothread(L, 2);
  lua_settop(L, 1);
  if (lua_isnil(L, 1) || cal_is_error_of(L, 1, "GeneratorExit")) return 1;
  if (co != NULL)
    cal_trace(L, co, 0, CAL_TRACE_RESUMED);
  else
    cal_trace(L, L, 1, CAL_TRACE_RESUMED);
  return 1;
}

/* traceback(error) -> that of the error in flight or of an exception object, or nil */
static int traceback_of(lua_State *L)
{
  lua_settop(L, 1);
  push_kept(L, cal_state(L), 1, is_exception(L, 1));
  return 1;
}

/* run_traceback(traceback or nil, level) -> with the frames of the caller added, whose code ran a
 * loop */
static int run_traceback(lua_State *L)
{
  int level = (int)luaL_checkinteger(L, 2);
  lua_settop(L, 1);
  cal_push_frames(L, L, level, 0, NULL);
  join_frames(L, cal_state(L), CAL_TRACE_AWAITED);
  return 1;
}

/* scope_entry(task) -> its cancelling(), the line of who calls the caller: where a scope is entered
 */
static int scope_entry(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  lua_Debug frame;
  lua_pushinteger(L, task->task.cancel_requests);
  if (!lua_getstack(L, 2, &frame)) return 1;
  lua_getinfo(L, "l", &frame);
  lua_pushinteger(L, frame.currentline);
  return 2;
}

void cal_open_traceback(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"keep_traceback", keep_traceback}, {"run_traceback", run_traceback},
      {"scope_entry", scope_entry},       {"trace_cancel", trace_cancel},
      {"traceback_of", traceback_of},     {NULL, NULL},
  };
  cal_set_functions(L, functions);
}
