/* SPDX-License-Identifier: MIT
 *
 * Making tasks: create_task, Loop:create_task, Task(coro, options).  A task can run a coroutine
 * object, a (coroutine) function with arguments, an op, or a Lua thread that has not started.
 *
 * The functions here lay their stack out alike: the Task (nil before it is made), its Loop, options
 * or nil, what to run, arguments.
 */
#include "bind.h"

enum { TASK = 1, LOOP, OPTIONS, BODY };

/* ---- arguments ---- */

/* The index of the options among "body, …" from `first` on; 0 if there are none. */
static int find_options(lua_State *L, int first)
{
  int last = lua_gettop(L);
  if (last <= first) return 0;
  if (!lua_isfunction(L, first)) {
    luaL_argcheck(L, last == first + 1, first + 2, "only a function takes arguments");
    if (lua_isnil(L, last)) return last;
    luaL_argexpected(L, cal_is_kw(L, last), last, "options");
    return last;
  }
  if (!lua_istable(L, last) || !lua_getmetatable(L, last)) return 0;
  bool marked = lua_topointer(L, -1) == cal_find_state(L)->kw_meta;
  lua_pop(L, 1);
  return marked ? last : 0;
}

/* Moves the options in front of "body, …", which stands at OPTIONS. */
static void lay_out(lua_State *L)
{
  luaL_checkany(L, OPTIONS);
  if (find_options(L, OPTIONS) == 0) lua_pushnil(L);
  lua_insert(L, OPTIONS);
  if (lua_istable(L, OPTIONS))
    cal_check_option_names(L, OPTIONS, "create_task", "name context eager_start loop");
}

static void wrap_thread(lua_State *L)
{
  lua_settop(L, BODY);
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "await_thread");
  lua_replace(L, -2);
  lua_insert(L, BODY);
  cal_coroutine_new(L, BODY, false, true);
}

/* Brings what is to run into a form that a step can start: an op, a coroutine object, or a
 * function, above which its arguments stay; `object`: never a function. */
static void normalize_body(lua_State *L, bool object)
{
  if (lua_isfunction(L, BODY)) {
    if (lua_iscfunction(L, BODY) && cal_push_async_body(L, BODY)) lua_replace(L, BODY);
    if (object) cal_coroutine_new(L, BODY, false, false);
  } else if (lua_isthread(L, BODY)) {
    wrap_thread(L);
  } else if (cal_test_coroutine(L, BODY) == NULL && cal_test_op(L, BODY) == NULL) {
    cal_raise(L, "TypeError", "a coroutine was expected, got %s", luaL_typename(L, BODY));
  }
}

/* ---- making ---- */

/* Takes name, context and eager_start from the options; true if eager. */
static bool apply_options(lua_State *L)
{
  if (lua_getfield(L, OPTIONS, "name") != LUA_TNIL) {
    luaL_tolstring(L, -1, NULL);
    cal_set_extra(L, TASK, CAL_EXTRA_NAME);
  }
  lua_pop(L, 1);
  if (lua_getfield(L, OPTIONS, "context") != LUA_TNIL) {
    cal_check_context(L, -1);
    cal_set_extra(L, TASK, CAL_EXTRA_CONTEXT);
  } else {
    lua_pop(L, 1);
  }
  lua_getfield(L, OPTIONS, "eager_start");
  bool eager = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return eager;
}

static bool has_extra(lua_State *L, int place)
{
  cal_push_extra(L, TASK, place);
  bool found = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return found;
}

static void inherit_context(lua_State *L)
{
  cal_capture_context(L);
  if (lua_isnil(L, -1))
    lua_pop(L, 1);
  else
    cal_set_extra(L, TASK, CAL_EXTRA_CONTEXT);
}

/* Opens and launches the blank task at TASK. */
static void open_task(lua_State *L, struct cal_loop *loop, bool may_override)
{
  struct cal_task *self = lua_touserdata(L, TASK);
  bool eager = lua_istable(L, OPTIONS) && apply_options(L);
  if (!has_extra(L, CAL_EXTRA_CONTEXT)) inherit_context(L);
  if (!has_extra(L, CAL_EXTRA_NAME)) self->name = ++loop->state->task_names;
  lua_pushvalue(L, BODY);
  if (__builtin_expect(loop->debug, 0)) cal_tell(L, "made", TASK);
  cal_task_open(L, TASK, loop);
  if (may_override) cal_note_cancel_method(L, TASK);
  cal_task_launch(L, TASK, eager && loop->state->running == loop);
}

/* factory(loop, coro, options or nil) */
static int create_by_factory(lua_State *L)
{
  normalize_body(L, true);
  lua_getfield(L, LOOP, "_task_factory");
  lua_pushvalue(L, LOOP);
  lua_pushvalue(L, BODY);
  lua_pushvalue(L, OPTIONS);
  lua_call(L, 3, 1);
  if (cal_test_future(L, -1) == NULL)
    return cal_raise(L, "TypeError", "the task factory returned no task, but %s",
                     luaL_typename(L, -1));
  return 1;
}

static int create(lua_State *L, struct cal_loop *loop)
{
  if (casync_loop_is_closed(loop->loop)) return cal_raise_code(L, CASYNC_ECLOSED);
  lay_out(L);
  if (loop->has_factory) return create_by_factory(L);
  normalize_body(L, false);
  int nargs = lua_gettop(L) - BODY;
  luaL_argcheck(L, nargs < 200, nargs + 1, "too many arguments");
  struct cal_task *task = cal_new(L, CAL_TASK, sizeof(struct cal_task), CAL_FUTURE_VALUES + nargs);
  lua_replace(L, TASK);
  for (int i = nargs; i >= 1; i--) lua_setiuservalue(L, TASK, CAL_FUTURE_VALUES + i);
  task->nargs = (uint8_t)nargs;
  open_task(L, loop, false);
  lua_settop(L, TASK);
  return 1;
}

/* The usual case, without the moving about: a Lua function and no options. */
static int create_plainly(lua_State *L, struct cal_loop *loop)
{
  int nargs = lua_gettop(L) - 1, self = nargs + 2;
  struct cal_task *task = cal_new_here(L, CAL_TASK, sizeof *task, CAL_FUTURE_VALUES + nargs);
  for (int i = 1; i <= nargs; i++) {
    lua_pushvalue(L, i + 1);
    lua_setiuservalue(L, self, CAL_FUTURE_VALUES + i);
  }
  task->nargs = (uint8_t)nargs;
  task->is_plain = nargs <= CAL_FEW_ARGUMENTS;
  task->name = ++loop->state->task_names;
  lua_pushvalue(L, 1);
  cal_task_open(L, self, loop);
  casync_task_start(&task->task);
  return 1;
}

static bool is_plain(lua_State *L, const struct cal_loop *loop)
{
  if (lua_type(L, 1) != LUA_TFUNCTION || lua_iscfunction(L, 1)) return false;
  int top = lua_gettop(L);
  if (top > 1 && (top >= 200 || lua_istable(L, top))) return false;
  return !loop->has_factory && !loop->state->has_contexts && !loop->debug;
}

/* create_task(coro or f, …) on the running loop */
static int create_task(lua_State *L)
{
  struct cal_loop *running = cal_state(L)->running;
  if (running != NULL && is_plain(L, running)) {
    cal_check_thread(L, running);
    return create_plainly(L, running);
  }
  lua_pushnil(L);
  lua_insert(L, TASK);
  struct cal_loop *loop = cal_need_running_loop(L);
  lua_insert(L, LOOP);
  return create(L, loop);
}

int cal_loop_create_task(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  lua_pushnil(L);
  lua_insert(L, TASK);
  return create(L, loop);
}

/* Task.init(self, coro[, {loop=, name=, context=, eager_start=}]) */
static int task_init(lua_State *L)
{
  struct cal_task *self = cal_check(L, TASK, CAL_TASK, sizeof *self);
  if (self->task.future.flags & CAL_FUTURE_OPEN)
    return cal_raise(L, "RuntimeError", "Task.init() was called already");
  luaL_checkany(L, 2);
  struct cal_loop *loop = cal_option_loop(L, find_options(L, 2));
  if (casync_loop_is_closed(loop->loop)) return cal_raise_code(L, CASYNC_ECLOSED);
  lua_insert(L, LOOP);
  lay_out(L);
  normalize_body(L, lua_gettop(L) > BODY);
  open_task(L, loop, true);
  return 0;
}

/* set_has_factory(loop, bool): whether create_task has to ask field `_task_factory` */
static int set_has_factory(lua_State *L)
{
  cal_check_loop(L, 1)->has_factory = lua_toboolean(L, 2);
  return 0;
}

void cal_open_create_task(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"create_task", create_task}, {"set_has_factory", set_has_factory}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"init", task_init}, {NULL, NULL}};
  cal_set_functions(L, functions);
  lua_getfield(L, -1, "Task");
  cal_set_functions(L, methods);
  lua_pop(L, 1);
}
