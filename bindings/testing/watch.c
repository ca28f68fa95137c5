/* SPDX-License-Identifier: MIT
 *
 * Tasks whose steps are watched: hooks.watched(task, "suspends") is called when the task has
 * suspended, hooks.watched(task, "resumes") just before it goes on, where it may still be cancelled
 * as if that had happened in the turn in which what it waited for was over.
 */
#include "testing/testing.h"

struct news {
  struct cal_task *task;
  const char *what;
};

static int call_watcher(lua_State *L)
{
  const struct news *news = lua_touserdata(L, 1);
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "watched");
  cal_push_task(L, news->task);
  lua_pushstring(L, news->what);
  lua_call(L, 2, 0);
  return 0;
}

void cal_tell_watcher(lua_State *L, struct cal_task *task, const char *what)
{
  struct news news = {task, what};
  struct cal_loop *loop = casync_loop_data(task->task.future.loop);
  if (cal_try(L, call_watcher, &news) != LUA_OK) cal_leave_with(L, loop);
}

/* watch(task): a pending task that has not begun, or is suspended */
static int watch(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  luaL_argcheck(L, task->task.future.state == CASYNC_PENDING, 1, "pending task expected");
  cal_task_watch(task);
  return 0;
}

const luaL_Reg cal_testing_watch[] = {{"watch", watch}, {NULL, NULL}};
