/* SPDX-License-Identifier: MIT
 *
 * Task, the class: methods of asyncio.Task.  How a task is made is in create_task.c, what a step
 * of it does in step.c.
 */
#include <stdlib.h>

#include "bind.h"

static struct casync_task *as_task(struct casync_future *future)
{
  bool plain = cal_future_of(future)->object.kind->id == CAL_TASK &&
               !(future->flags & CAL_FUTURE_LUA_CANCEL);
  return plain ? (struct casync_task *)(void *)future : NULL;
}

static void fetch_frame(lua_State *co, int level)
{
  lua_Debug frame;
  if (!lua_getstack(co, level, &frame)) return;
  __builtin_prefetch(frame.i_ci); /* an address that is a hint, nothing more */
  __builtin_prefetch((const char *)frame.i_ci + 63);
}

/* What a resume touches: the thread, the frame of await, its caller's and the stack.  Each is found
 * through the one before, so each is fetched a step later. */
static void soon(const struct casync_task *task, unsigned distance)
{
  lua_State *co = cal_task_of(task)->co;
  if (co == NULL) return;
  if (distance == 3) {
    for (int line = 0; line < 4; line++)
      __builtin_prefetch((const char *)co + (ptrdiff_t)64 * line);
  } else if (distance == 2) {
    fetch_frame(co, 0);
  } else {
    fetch_frame(co, 1);
    (void)lua_touserdata(co, -1); /* reads the stack; nobody waits for the result */
  }
}

static const struct casync_task_type task_type = {
    .future = {cal_cancel_virtual},
    .step = cal_task_step,
    .soon = soon,
    .as_task = as_task,
    .cancel_awaited = cal_cancel_awaited,
    .message = cal_keep_message,
    .done = cal_task_done,
};

/* The same with its steps watched: no other task's follow in the same call. */
static const struct casync_task_type watched_type = {
    .future = {cal_cancel_virtual},
    .step = cal_task_step_watched,
    .as_task = as_task,
    .cancel_awaited = cal_cancel_awaited,
    .message = cal_keep_message,
    .done = cal_task_done,
};

void cal_task_watch(struct cal_task *task)
{
  task->task.future.type = &watched_type.future;
}

static struct cal_task *check_task(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  if (!(task->task.future.flags & CAL_FUTURE_OPEN))
    cal_raise(L, "RuntimeError", "Task object is not initialized (call Task.init(self, ...))");
  return task;
}

void cal_push_stepping(lua_State *L, const struct cal_state *state, struct cal_task *task)
{
  if (cal_is_at_run(state))
    lua_rawgeti(L, CAL_RUN_HELD, task->task.future.slot);
  else
    cal_push_task(L, task);
}

void cal_push_task(lua_State *L, struct cal_task *task)
{
  struct cal_loop *loop = casync_loop_data(task->task.future.loop);
  cal_push_held(L, loop, task->task.future.slot);
}

int cal_raise_cancelled(lua_State *L, struct cal_task *task, int place)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  cal_push_task(L, task);
  cal_push_extra(L, -1, place);
  cal_make_cancelled(L);
  cal_error(L);
}

void cal_task_open(lua_State *L, int index, struct cal_loop *loop)
{
  struct cal_state *state = loop->state;
  struct cal_task *task = lua_touserdata(L, index);
  lua_setiuservalue(L, index, CAL_FUTURE_CORO);
  casync_task_init(&task->task, loop->loop, &task_type);
  task->task.future.slot = cal_hold(L, loop, index);
  task->task.future.flags = CAL_FUTURE_OPEN;
  task->serial = ++state->task_serial;
}

void cal_task_launch(lua_State *L, int index, bool eager)
{
  struct cal_task *task = lua_touserdata(L, index);
  if (!eager) {
    casync_task_start(&task->task);
    return;
  }
  struct cal_state *state = cal_state_of(&task->task.future);
  luaL_checkstack(L, 4 * LUA_MINSTACK, NULL);
  struct cal_around around = cal_begin_steps(state, L, false);
  int status = casync_task_start_eagerly(&task->task);
  cal_end_steps(state, &around);
  if (task->task.future.state != CASYNC_PENDING) {
    lua_pushnil(L); /* as in asyncio, an eager task that is done has no coroutine */
    lua_setiuservalue(L, index, CAL_FUTURE_CORO);
    if (cal_debugs(state)) cal_tell_ended(L, state->running, index);
  }
  if (status == CASYNC_ELEFT) cal_raise_left(L);
}

/* ---- methods ---- */

static int task_get_name(lua_State *L)
{
  struct cal_task *task = check_task(L);
  cal_push_extra(L, 1, CAL_EXTRA_NAME);
  if (lua_isnil(L, -1)) lua_pushfstring(L, "Task-%I", (LUAI_UACINT)task->name);
  return 1;
}

static int task_set_name(lua_State *L)
{
  check_task(L);
  luaL_checkany(L, 2);
  luaL_tolstring(L, 2, NULL);
  cal_set_extra(L, 1, CAL_EXTRA_NAME);
  return 0;
}

static int task_get_coro(lua_State *L)
{
  check_task(L);
  lua_getiuservalue(L, 1, CAL_FUTURE_CORO);
  return 1;
}

/* The context is made when somebody asks for it. */
static int task_get_context(lua_State *L)
{
  check_task(L);
  cal_push_extra(L, 1, CAL_EXTRA_CONTEXT);
  if (!lua_isnil(L, -1)) return 1;
  lua_pop(L, 1);
  lua_createtable(L, 2, 0);
  lua_newtable(L);
  lua_rawseti(L, -2, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, 2);
  cal_push_value(L, CAL_STATE_CONTEXT_META);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  cal_set_extra(L, 1, CAL_EXTRA_CONTEXT);
  return 1;
}

static int task_cancelling(lua_State *L)
{
  lua_pushinteger(L, check_task(L)->task.cancel_requests);
  return 1;
}

static int task_uncancel(lua_State *L)
{
  lua_pushinteger(L, casync_task_uncancel(&check_task(L)->task));
  return 1;
}

static int task_new(lua_State *L)
{
  cal_new_of_class(L, CAL_TASK, sizeof(struct cal_task), CAL_FUTURE_VALUES);
  return 1;
}

/* ---- module functions ---- */

/* current_task([loop]) -> Task or nil */
static int current_task(lua_State *L)
{
  struct cal_loop *loop = lua_isnoneornil(L, 1) ? cal_need_running_loop(L) : cal_check_loop(L, 1);
  struct casync_task *task =
      casync_loop_is_closed(loop->loop) ? NULL : casync_loop_current_task(loop->loop);
  if (task == NULL) return 0;
  cal_push_task(L, cal_task_of(task));
  return 1;
}

struct place {
  uint64_t serial;
  uint32_t slot;
};

static int compare_places(const void *a, const void *b)
{
  uint64_t x = ((const struct place *)a)->serial, y = ((const struct place *)b)->serial;
  return x < y ? -1 : x > y;
}

/* Collects the unfinished tasks of the held array at `held`. */
static uint32_t find_tasks(lua_State *L, int held, uint32_t slots, struct place *places)
{
  uint32_t n = 0;
  for (uint32_t slot = 1; slot <= slots; slot++) {
    lua_rawgeti(L, held, slot);
    struct cal_task *task = cal_test(L, -1, CAL_TASK, sizeof *task);
    lua_pop(L, 1);
    if (task != NULL) places[n++] = (struct place){task->serial, slot};
  }
  return n;
}

/* all_tasks([loop]) -> array of the unfinished tasks in the order of their making */
static int all_tasks(lua_State *L)
{
  struct cal_loop *loop = lua_isnoneornil(L, 1) ? cal_need_running_loop(L) : cal_check_loop(L, 1);
  lua_settop(L, 0);
  cal_push_loop(L, loop->loop);
  lua_getiuservalue(L, 1, CAL_LOOP_HELD);
  struct place *places = lua_newuserdatauv(L, (loop->slots + 1) * sizeof *places, 0);
  uint32_t n = find_tasks(L, 2, loop->slots, places);
  qsort(places, n, sizeof *places, compare_places);
  lua_createtable(L, (int)n, 0);
  for (uint32_t i = 0; i < n; i++) {
    lua_rawgeti(L, 2, places[i].slot);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* task_quiet(task): it is the library's own; no report when it is left pending */
static int task_quiet(lua_State *L)
{
  check_task(L)->task.flags |= CASYNC_TASK_QUIET_DESTROY;
  return 0;
}

void cal_open_task(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", task_new},
      {"cancelling", task_cancelling},
      {"get_context", task_get_context},
      {"get_coro", task_get_coro},
      {"get_name", task_get_name},
      {"set_name", task_set_name},
      {"uncancel", task_uncancel},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"all_tasks", all_tasks},
      {"current_task", current_task},
      {"task_quiet", task_quiet},
      {NULL, NULL},
  };
  static const struct cal_class class = {CAL_TASK, methods, NULL};
  cal_class_make(L, &class);
  cal_inherit(L, "Future");
  lua_setfield(L, -2, "Task");
  cal_set_functions(L, functions);
}
