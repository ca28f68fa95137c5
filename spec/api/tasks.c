/* SPDX-License-Identifier: MIT
 *
 * Running, spawning, being told the end.
 */
#include "check.h"

static void a_function_on_the_stack_runs_as_main_task(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  push_chunk(world, "await(asyncio.sleep(0)) return ...");
  lua_pushinteger(world->L, 1);
  lua_pushliteral(world->L, "two");
  check_equal(2, casync_lua_run_task(world->host, world->L, 2));
  check_equal(2, lua_gettop(world->L));
  check_equal(1, lua_tointeger(world->L, 1));
  check(strcmp(lua_tostring(world->L, 2), "two") == 0);
  close_world(world);
}

static void what_the_main_task_raises_is_on_the_stack(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  lua_pushliteral(world->L, "below");
  push_chunk(world, "await(asyncio.sleep(0)) error('no', 0)");
  check_equal(CASYNC_ERAISED, casync_lua_run_task(world->host, world->L, 0));
  check_equal(2, lua_gettop(world->L));
  check(strcmp(lua_tostring(world->L, -1), "no") == 0);
  close_world(world);
}

static void a_loop_runs_again_and_keeps_its_other_tasks(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  run_chunk(world,
            "other = asyncio.create_task(function() await(asyncio.sleep(0.001)) return 7 end)");
  check_equal(1, casync_lua_count_tasks(world->host, world->L));
  check_equal(1, run_chunk(world, "return await(other)"));
  check_equal(7, lua_tointeger(world->L, -1));
  check_equal(0, casync_lua_count_tasks(world->host, world->L));
  close_world(world);
}

static void a_spawned_task_starts_in_the_loop(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "started = true return (...) + 1, asyncio.get_running_loop():is_running()");
  lua_pushinteger(world->L, 41);
  check_equal(0, casync_lua_spawn(world->host, world->L, 1, note_end, world));
  check_equal(1, lua_gettop(world->L));
  check_equal(LUA_TNIL, lua_getglobal(world->L, "started"));
  check_equal(CASYNC_LUA_PENDING, casync_lua_future_state(world->host, world->L, 1));
  step_to_end(world);
  check_equal(CASYNC_LUA_RETURNED, casync_lua_future_state(world->host, world->L, 1));
  check_equal(2, casync_lua_push_results(world->host, world->L, 1));
  check(lua_toboolean(world->L, -1));
  check_trace(world, "returned 42");
  close_world(world);
}

static void the_end_of_a_task_is_told_with_its_error(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "error('broken', 0)");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  push_chunk(world, "await(asyncio.sleep(3600))");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(1, casync_lua_cancel_tasks(world->host, world->L));
  step_to_end(world);
  check_trace(world, "raised broken cancelled CancelledError");
  close_world(world);
}

static void raise_at_the_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state,
                             int n, void *data)
{
  (void)host, (void)state, (void)n, (void)data;
  luaL_error(L, "the listener's");
}

static void what_a_listener_raises_goes_to_the_exception_handler(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "asyncio.get_event_loop():set_exception_handler(function(_, context) seen = "
                    "context.exception end)");
  lua_call(world->L, 0, 0);
  push_chunk(world, "");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, raise_at_the_end, NULL));
  step_to_end(world);
  check_equal(LUA_TSTRING, lua_getglobal(world->L, "seen"));
  check(strstr(lua_tostring(world->L, -1), "the listener's") != NULL);
  close_world(world);
}

static void stop_at_the_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state,
                            int n, void *data)
{
  note_end(host, L, state, n, data);
  casync_loop_stop(casync_lua_loop(host));
}

static void an_own_loop_runs_until_it_is_stopped(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  push_chunk(world, "await(asyncio.sleep(0.001)) return 'done'");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, stop_at_the_end, world));
  check_equal(0, casync_lua_run(world->host, world->L));
  check_trace(world, "returned done");
  close_world(world);
}

static int run_inside(lua_State *L)
{
  struct casync_lua *host = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushinteger(L, casync_lua_run(host, L));
  lua_pushinteger(L, casync_lua_run_task(host, L, 0));
  lua_pushinteger(L, casync_lua_shutdown(host, L));
  lua_pushinteger(L, casync_lua_close(host));
  return 4;
}

static void a_loop_cannot_be_run_or_closed_inside_itself(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  lua_pushlightuserdata(world->L, world->host);
  lua_pushcclosure(world->L, run_inside, 1);
  lua_setglobal(world->L, "inside");
  check_equal(4, run_chunk(world, "return inside()"));
  for (int i = 1; i <= 4; i++) check_equal(CASYNC_ERUNNING, lua_tointeger(world->L, i));
  close_world(world);
}

static void attached_loops_are_not_run(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "");
  check_equal(CASYNC_EATTACHED, casync_lua_run(world->host, world->L));
  check_equal(CASYNC_EATTACHED, casync_lua_run_task(world->host, world->L, 0));
  check_equal(CASYNC_EATTACHED, casync_lua_shutdown(world->host, world->L));
  check_equal(1, lua_gettop(world->L));
  close_world(world);
}

static void a_script_can_run_a_loop_of_its_own_outside_of_a_batch(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "return asyncio.run(function() await(asyncio.sleep(0)) return 3 end)");
  lua_call(world->L, 0, 1);
  check_equal(3, lua_tointeger(world->L, -1));
  push_chunk(world, "return pcall(asyncio.run, function() end)");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  step_to_end(world);
  check_equal(2, casync_lua_push_results(world->host, world->L, -1));
  check(!lua_toboolean(world->L, -2));
  close_world(world);
}

static int step_inside(lua_State *L)
{
  struct casync_lua *host = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushinteger(L, casync_loop_step(casync_lua_loop(host)));
  return 1;
}

static void an_attached_loop_has_its_batch_while_another_one_runs(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  lua_pushlightuserdata(world->L, world->host);
  lua_pushcclosure(world->L, step_inside, 1);
  lua_setglobal(world->L, "step");
  push_chunk(world, "seen = asyncio.get_running_loop()");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  push_chunk(world, "local attached = asyncio.get_event_loop() return asyncio.run(function() "
                    "local own = asyncio.get_running_loop() await(asyncio.sleep(0)) "
                    "local status = step() await(asyncio.sleep(0)) "
                    "return status == 0 and seen == attached and asyncio.get_running_loop() == own "
                    "end)");
  lua_call(world->L, 0, 1);
  check(lua_toboolean(world->L, -1));
  close_world(world);
}

static void shutting_down_ends_tasks_in_good_order(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  run_chunk(world, "asyncio.create_task(function() local _ <close> = setmetatable({}, {__close = "
                   "function() await(asyncio.sleep(0)) cleaned = true end}) "
                   "await(asyncio.sleep(3600)) end) await(asyncio.sleep(0))");
  check_equal(0, casync_lua_shutdown(world->host, world->L));
  lua_getglobal(world->L, "cleaned");
  check(lua_toboolean(world->L, -1));
  check_equal(CASYNC_ECLOSED, casync_lua_shutdown(world->host, world->L));
  check_equal(CASYNC_ECLOSED, casync_lua_run(world->host, world->L));
  close_world(world);
}

static void shutting_down_what_never_ran_closes_it(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_shutdown(world->host, world->L));
  check(casync_lua_loop(world->host) == NULL);
  close_world(world);
}

static void what_leaves_a_stepped_loop_is_told_once(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "error(asyncio.SystemExit(3), 0)");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  check_equal(CASYNC_ELEFT, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(0, casync_lua_push_left(world->host, world->L));
  check(casync_lua_is_error(world->L, -1, "SystemExit"));
  check_equal(0, casync_lua_push_left(world->host, world->L));
  check(lua_isnil(world->L, -1));
  step_to_end(world);
  check_trace(world, "raised SystemExit: 3");
  close_world(world);
}

static const struct test tests[] = {
    TEST(a_function_on_the_stack_runs_as_main_task),
    TEST(what_the_main_task_raises_is_on_the_stack),
    TEST(a_loop_runs_again_and_keeps_its_other_tasks),
    TEST(a_spawned_task_starts_in_the_loop),
    TEST(the_end_of_a_task_is_told_with_its_error),
    TEST(what_a_listener_raises_goes_to_the_exception_handler),
    TEST(an_own_loop_runs_until_it_is_stopped),
    TEST(a_loop_cannot_be_run_or_closed_inside_itself),
    TEST(attached_loops_are_not_run),
    TEST(a_script_can_run_a_loop_of_its_own_outside_of_a_batch),
    TEST(an_attached_loop_has_its_batch_while_another_one_runs),
    TEST(shutting_down_ends_tasks_in_good_order),
    TEST(shutting_down_what_never_ran_closes_it),
    TEST(what_leaves_a_stepped_loop_is_told_once),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
