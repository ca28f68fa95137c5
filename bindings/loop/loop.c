/* SPDX-License-Identifier: MIT
 *
 * Loop, the class: time, callbacks, running, closing.  What asyncio writes in Python on its loop
 * classes is in lua/casync/loop/.
 *
 * Each Loop has a metatable of its own.  Its __index is the class until a field is set; then it is
 * the table of the fields, which falls back to the class: methods take one look-up more from then
 * on.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "loop/host.h"
#include "ps/states.h"

/* ---- finding ---- */

struct cal_loop *cal_test_loop(lua_State *L, int index)
{
  return cal_test(L, index, CAL_LOOP, sizeof(struct cal_loop));
}

struct cal_loop *cal_check_loop(lua_State *L, int index)
{
  struct cal_loop *loop = cal_check(L, index, CAL_LOOP, sizeof *loop);
  if (loop->loop == NULL)
    cal_raise(L, "RuntimeError", "Loop object is not initialized (use asyncio.new_event_loop)");
  cal_check_thread(L, loop);
  return loop;
}

struct cal_loop *cal_check_open_loop(lua_State *L, int index)
{
  struct cal_loop *loop = cal_check_loop(L, index);
  if (casync_loop_is_closed(loop->loop)) cal_raise_code(L, CASYNC_ECLOSED);
  return loop;
}

/* In debug mode the loop of an application is the thread's that ran its last batch, also between
 * two of them. */
CAL_APART static void check_thread_apart(lua_State *L, const struct cal_loop *loop)
{
  bool is_running = loop->state->running == loop;
  bool is_kept = loop->debug && loop->thread != 0 && casync_loop_is_attached(loop->loop);
  if ((is_running || is_kept) && loop->thread != (unsigned long)pthread_self())
    cal_raise(L, "RuntimeError",
              "Non-thread-safe operation invoked on an event loop other than the current one");
}

void cal_check_thread(lua_State *L, struct cal_loop *loop)
{
  if (loop->state->running != loop || loop->thread != (unsigned long)pthread_self())
    check_thread_apart(L, loop);
}

struct cal_loop *cal_push_loop(lua_State *L, const struct casync_loop *loop)
{
  struct cal_state *state = cal_find_state(L);
  if (state->running != NULL && state->running->loop == loop && cal_is_run_frame(L, state)) {
    lua_pushvalue(L, CAL_RUN_LOOP);
  } else if (state->running != NULL && state->running->loop == loop) {
    cal_push_value(L, CAL_STATE_RUNNING);
  } else {
    cal_push_value(L, CAL_STATE_LOOPS);
    lua_rawgetp(L, -1, loop);
    lua_remove(L, -2);
  }
  return lua_touserdata(L, -1);
}

struct cal_loop *cal_need_running_loop(lua_State *L)
{
  struct cal_state *state = cal_find_state(L);
  if (state->running == NULL) cal_raise(L, "RuntimeError", "no running event loop");
  cal_check_thread(L, state->running);
  cal_push_value(L, CAL_STATE_RUNNING);
  return state->running;
}

struct cal_loop *cal_option_loop(lua_State *L, int options)
{
  if (options != 0 && lua_istable(L, options)) {
    lua_getfield(L, options, "loop");
    if (!lua_isnil(L, -1) && cal_test_loop(L, -1) == NULL)
      cal_raise(L, "TypeError", "bad option 'loop' (Loop expected, got %s)", luaL_typename(L, -1));
    if (!lua_isnil(L, -1)) return cal_check_loop(L, -1);
    lua_pop(L, 1);
  }
  if (cal_find_state(L)->running != NULL) return cal_need_running_loop(L);
  cal_push_value(L, CAL_STATE_HOOKS);
  if (lua_getfield(L, -1, "event_loop") == LUA_TNIL)
    cal_raise(L, "RuntimeError", "There is no current event loop in thread 'MainThread'.");
  lua_remove(L, -2);
  return cal_check_loop(L, -1);
}

/* ---- making and ending ---- */

static int attend(struct casync_loop *runtime, void *data)
{
  struct cal_loop *loop = data;
  lua_State *L = loop->state->L;
  (void)runtime;
  if (loop->state->reports > 0) cal_drain_reports(L, loop);
  if (loop->ps == CAL_PS_DUE || loop->state->ps != NULL) cal_ps_attend(L, loop);
  if (!(loop->relay.flags & CASYNC_HANDLE_QUEUED)) casync_loop_call_soon(loop->loop, &loop->relay);
  return 0;
}

static void run_relay(struct casync_loop *runtime, struct casync_handle *relay)
{
  (void)relay;
  struct cal_loop *loop = casync_loop_data(runtime);
  cal_run_signals(loop->state->L, loop);
}

static void closing(struct casync_loop *runtime, void *data)
{
  struct cal_loop *loop = data;
  (void)runtime;
  cal_ps_forget(loop);
  if (loop->owner != NULL) loop->owner->closing(loop->owner);
  if (loop->slots > 0) cal_abandon_attached(loop); /* the loop that it lived in is destroyed */
}

static void stopped(struct casync_loop *runtime, int status, void *data)
{
  struct cal_loop *loop = data;
  (void)runtime;
  if (loop->owner != NULL) loop->owner->stopped(loop->owner, status);
}

static const struct casync_loop_host host = {.attend = attend,
                                             .closing = closing,
                                             .can_wake = cal_host_can_wake,
                                             .frame = cal_loop_frame,
                                             .stopped = stopped,
                                             .observe = cal_observe};
static const struct casync_handle_type relay_type = {run_relay, NULL};

static void set_new_table(lua_State *L, int index, int value, const char *mode)
{
  lua_newtable(L);
  if (mode != NULL) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_setiuservalue(L, index, value);
}

static int loop_close(lua_State *L);

void cal_loop_use_fields(lua_State *L, int index)
{
  lua_getmetatable(L, index);
  lua_getiuservalue(L, index, CAL_LOOP_FIELDS);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__index");
  lua_setfield(L, -2, "__newindex");
  lua_pop(L, 1);
}

/* The first __newindex. */
static int set_first_field(lua_State *L)
{
  if (cal_test_loop(L, 1) == NULL) luaL_typeerror(L, 1, "Loop");
  lua_settop(L, 3);
  cal_loop_use_fields(L, 1);
  lua_getiuservalue(L, 1, CAL_LOOP_FIELDS);
  lua_insert(L, 2);
  lua_rawset(L, 2);
  return 0;
}

/* Gives the Loop at `index` its tables and its own metatable. */
static void furnish(lua_State *L, int index)
{
  set_new_table(L, index, CAL_LOOP_HELD, NULL);
  set_new_table(L, index, CAL_LOOP_ANCHORS, NULL);
  set_new_table(L, index, CAL_LOOP_FIELDS, NULL);
  set_new_table(L, index, CAL_LOOP_WATCHING, NULL);
  set_new_table(L, index, CAL_LOOP_SIGNALS, NULL);
  set_new_table(L, index, CAL_LOOP_CALLBACKS, "v");
  lua_getmetatable(L, index);
  lua_newtable(L); /* its own metatable: the class's, but for fields */
  for (lua_pushnil(L); lua_next(L, -3);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_getiuservalue(L, index, CAL_LOOP_FIELDS);
  lua_createtable(L, 0, 1);
  lua_getfield(L, -4, "__index"); /* the class */
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
  cal_push_state_slowly(L);
  lua_pushcclosure(L, set_first_field, 1);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, index);
  lua_pop(L, 1);
}

static bool wants_debug(void)
{
  const char *debug = getenv("CASYNC_DEBUG");
  return debug != NULL && *debug != '\0' && strcmp(debug, "0") != 0;
}

struct cal_loop *cal_loop_new(lua_State *L, cal_loop_opener *open, void *data)
{
  struct cal_loop *loop = cal_new(L, CAL_LOOP, sizeof *loop, CAL_LOOP_VALUES);
  loop->state = cal_find_state(L);
  loop->relay.type = &relay_type;
  furnish(L, lua_gettop(L));
  cal_push_value(L, CAL_STATE_LOOPS);
  int status = open(L, loop, &host, data);
  if (status < 0) cal_raise_code(L, status);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, loop->loop);
  lua_pop(L, 1);
  if (wants_debug()) cal_loop_set_debug(L, loop, true);
  return loop;
}

static int open_owned(lua_State *L, struct cal_loop *loop, const struct casync_loop_host *entries,
                      void *data)
{
  (void)L, (void)data;
  return casync_loop_open(&loop->loop, CASYNC_LOOP_OWNED, entries, loop);
}

static int open_virtual(lua_State *L, struct cal_loop *loop, const struct casync_loop_host *entries,
                        void *data)
{
  (void)L, (void)data;
  return casync_loop_open(&loop->loop, CASYNC_LOOP_VIRTUAL, entries, loop);
}

/* new_loop{virtual = bool} -> Loop */
static int new_loop(lua_State *L)
{
  lua_settop(L, 1);
  if (lua_istable(L, 1)) lua_getfield(L, 1, "virtual");
  cal_loop_new(L, lua_toboolean(L, 2) ? open_virtual : open_owned, NULL);
  return 1;
}

static int loop_close(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  if (casync_loop_is_running(loop->loop))
    return cal_raise(L, "RuntimeError", "Cannot close a running event loop");
  if (casync_loop_is_closed(loop->loop)) return 0;
  cal_host_forget(loop);
  lua_State *outer = cal_enter(loop->state, L);
  cal_loop_abandon(L, 1, loop, false);
  casync_loop_close(loop->loop);
  cal_host_take_back(loop->state);
  /* What nobody read, awaited or closed is reported now at the latest: look for it. */
  if (loop->state->suspects > 0 || loop->debug) lua_gc(L, LUA_GCCOLLECT);
  cal_drain_reports(L, loop);
  cal_leave(loop->state, outer);
  return 0;
}

/* The loop itself is gone by the time the report is read. */
static void tell_unclosed(lua_State *L)
{
  cal_report_later(L, "unclosed event loop <Loop running=false closed=false debug=true>", "loop", 0,
                   0, 0);
}

/* The running loop is collected only when the whole state ends, in the middle of its run. */
static int loop_gc(lua_State *L)
{
  struct cal_loop *loop = cal_test_loop(L, 1);
  if (loop == NULL || loop->loop == NULL) return 0;
  cal_host_forget(loop);
  bool is_called = lua_gc(L, LUA_GCISRUNNING) >= 0; /* from Lua, not by the collector */
  if (is_called) return 0;                          /* futures and handles may still refer to it */
  if (loop->owner != NULL) loop->owner->gone(loop->owner);
  loop->owner = NULL;
  lua_State *outer = cal_enter(loop->state, L);
  if (!casync_loop_is_closed(loop->loop)) {
    if (loop->debug && !casync_loop_is_running(loop->loop)) tell_unclosed(L);
    cal_loop_abandon(L, 1, loop, true);
  }
  cal_leave(loop->state, outer);
  cal_free_held(L, loop);
  cal_ps_forget(loop);
  if (casync_loop_is_running(loop->loop)) return 0;
  casync_loop_free(loop->loop);
  loop->loop = NULL;
  return 0;
}

static int loop_stop(lua_State *L)
{
  casync_loop_stop(cal_check_loop(L, 1)->loop);
  return 0;
}

/* ---- callbacks and timers ---- */

static int loop_call_soon(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  int nargs = cal_callback_arguments(L, 2);
  struct cal_handle *handle = cal_handle_new(L, loop, CAL_HANDLE, 2, nargs);
  lua_pushvalue(L, 2);
  cal_handle_queue(L, loop, handle);
  lua_settop(L, 2);
  return 1;
}

static int loop_call_soon_threadsafe(lua_State *L)
{
  loop_call_soon(L);
  casync_loop_wake(cal_check_loop(L, 1)->loop);
  return 1;
}

static int call_at(lua_State *L, struct cal_loop *loop, double when)
{
  int nargs = cal_callback_arguments(L, 3);
  struct cal_handle *handle = cal_handle_new(L, loop, CAL_TIMER, 3, nargs);
  handle->when = when;
  handle->slot = cal_hold(L, loop, 3);
  int status = casync_loop_call_at(loop->loop, &handle->timer, when);
  if (status < 0) {
    cal_unhold(L, loop, handle->slot);
    handle->slot = 0;
    return cal_raise_code(L, status);
  }
  lua_settop(L, 3);
  return 1;
}

static double check_time(lua_State *L, const char *what)
{
  if (lua_isnoneornil(L, 2)) cal_raise(L, "TypeError", "%s cannot be nil", what);
  double time = luaL_checknumber(L, 2);
  if (isnan(time)) cal_raise(L, "ValueError", "Invalid %s: NaN (not a number)", what);
  return time;
}

static int loop_call_later(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  double delay = check_time(L, "delay");
  return call_at(L, loop, casync_loop_time(loop->loop) + delay);
}

static int loop_call_at(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  return call_at(L, loop, check_time(L, "when"));
}

/* ---- questions ---- */

static int loop_time(lua_State *L)
{
  lua_pushnumber(L, casync_loop_time(cal_check_loop(L, 1)->loop));
  return 1;
}

static int loop_is_running(lua_State *L)
{
  lua_pushboolean(L, casync_loop_is_running(cal_check_loop(L, 1)->loop));
  return 1;
}

static int loop_is_closed(lua_State *L)
{
  lua_pushboolean(L, casync_loop_is_closed(cal_check_loop(L, 1)->loop));
  return 1;
}

static int loop_get_debug(lua_State *L)
{
  lua_pushboolean(L, cal_check_loop(L, 1)->debug);
  return 1;
}

static int loop_set_debug(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  cal_loop_set_debug(L, loop, lua_toboolean(L, 2));
  return 0;
}

/* Loop:_iterations(): how many iterations it has made */
static int loop_iterations(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)casync_loop_iterations(cal_check_loop(L, 1)->loop));
  return 1;
}

static int running_loop(lua_State *L)
{
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_RUNNING);
  return 1;
}

void cal_open_loop(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"_iterations", loop_iterations},
      {"call_at", loop_call_at},
      {"call_later", loop_call_later},
      {"call_soon", loop_call_soon},
      {"call_soon_threadsafe", loop_call_soon_threadsafe},
      {"close", loop_close},
      {"create_task", cal_loop_create_task},
      {"get_debug", loop_get_debug},
      {"is_closed", loop_is_closed},
      {"is_running", loop_is_running},
      {"set_debug", loop_set_debug},
      {"stop", loop_stop},
      {"time", loop_time},
      {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {{"__gc", loop_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"new_loop", new_loop}, {"running_loop", running_loop}, {NULL, NULL}};
  static const struct cal_class class = {CAL_LOOP, methods, metamethods};
  cal_class_make(L, &class);
  cal_open_run(L);
  cal_open_watch(L);
  cal_open_signals(L);
  lua_getfield(L, -2, "loop_create_future");
  lua_setfield(L, -2, "create_future");
  lua_setfield(L, -2, "Loop");
  cal_set_functions(L, functions);
}
