/* SPDX-License-Identifier: MIT
 *
 * Bare loops: the calls that a limit program makes, timed without its runtime.
 *
 * Each function makes the primitive calls of one benchmark `ops` times, with
 * no ring, no task states and no choices, and returns nanoseconds of CPU per
 * operation. The driver compares a limit row with its bare loop from the same
 * run: a limit that is much slower was badly written or badly disturbed, and
 * then says nothing about casync.
 */
#include <ev.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "delays.h"

enum { UP_META = 1, UP_COUNT = 1, UP_OTHER = 2 };

/* As large as the mini runtime's Task: without and with a timer. */
struct object {
  void *words[6];
};

struct timed_object {
  void *words[6];
  ev_timer timer;
};

struct ring {
  lua_State **co;
  long n;
};

static double cpu_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int nap(lua_State *L)
{
  return lua_yield(L, 0);
}

/* A suspended coroutine whose Lua body does `body`, anchored at the top. */
static lua_State *coroutine_new(lua_State *L, const char *body)
{
  int nres;
  lua_State *co = lua_newthread(L);
  if (luaL_loadstring(co, body) != LUA_OK) luaL_error(L, "%s", lua_tostring(co, -1));
  lua_pushcfunction(co, nap);
  lua_resume(co, L, 1, &nres);
  return co;
}

/* switch(n, ops): resume and yield of n coroutines in turn. */
static int bare_switch(lua_State *L)
{
  long n = luaL_checkinteger(L, 1), ops = luaL_checkinteger(L, 2);
  lua_State **co = lua_newuserdatauv(L, (size_t)n * sizeof *co, 0);
  lua_createtable(L, (int)n, 0);
  for (long i = 0; i < n; i++) {
    co[i] = coroutine_new(L, "local nap = ... while true do nap() end");
    lua_rawseti(L, -2, i + 1);
  }
  long turns = ops / n;
  double start = cpu_ns();
  for (long turn = 0; turn < turns; turn++)
    for (long i = 0; i < n; i++) {
      int nres;
      lua_resume(co[i], L, 0, &nres);
    }
  lua_pushnumber(L, (cpu_ns() - start) / (double)(turns * n));
  return 1;
}

static struct object *object_new(lua_State *L, size_t size)
{
  struct object *o = lua_newuserdatauv(L, size, 1);
  lua_pushvalue(L, lua_upvalueindex(UP_META));
  lua_setmetatable(L, -2);
  memset(o, 0, size);
  return o;
}

/* make(co, f, x): a task's beginning: an object, and a coroutine that holds
 * it and is ready to run f(x). */
static int bare_make(lua_State *L)
{
  lua_State *co = lua_tothread(L, 1);
  object_new(L, sizeof(struct object));
  lua_pushvalue(L, -1);
  lua_xmove(L, co, 1);
  lua_insert(L, 2);
  lua_xmove(L, co, 2);
  return 1;
}

/* run(coroutines): their ends: what they return goes into their objects. */
static int bare_run(lua_State *L)
{
  int n = (int)lua_rawlen(L, 1);
  for (int i = 1; i <= n; i++) {
    int nres;
    lua_rawgeti(L, 1, i);
    lua_State *co = lua_tothread(L, -1);
    lua_resume(co, L, 1, &nres);
    lua_setiuservalue(co, 1, 1);
    lua_settop(co, 0);
    lua_settop(L, 1);
  }
  return 0;
}

static int bare_results(lua_State *L)
{
  int n = (int)lua_rawlen(L, 1);
  lua_createtable(L, n, 0);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    lua_getiuservalue(L, -1, 1);
    lua_rawseti(L, -3, i);
    lua_pop(L, 1);
  }
  return 1;
}

static int bare_object(lua_State *L)
{
  object_new(L, 2 * sizeof(void *));
  return 1;
}

/* store(object, x): x becomes its value and also goes to the other side. */
static int bare_store(lua_State *L)
{
  struct object *o = lua_touserdata(L, 1);
  o->words[1] = o;
  lua_State *other = lua_tothread(L, lua_upvalueindex(UP_OTHER));
  lua_pushvalue(L, 2);
  lua_xmove(L, other, 1);
  lua_setiuservalue(L, 1, 1);
  return 0;
}

/* wait(object): as nap, after a look at the object. */
static int bare_wait(lua_State *L)
{
  struct object *o = lua_touserdata(L, 1);
  o->words[0] = L;
  return lua_yield(L, 0);
}

/* ping_pong(ops): a message is an object, a store in it, one in a table, and
 * a resume of the other side with the value. */
static int bare_ping_pong(lua_State *L)
{
  static const char body[] = "local wait, object, store, slots, mine, other = ...\n"
                             "wait(slots[mine])\n"
                             "while true do\n"
                             "  slots[mine] = object()\n"
                             "  store(slots[other], mine)\n"
                             "  wait(slots[mine])\n"
                             "end";
  long ops = luaL_checkinteger(L, 1);
  lua_State *side[2];
  int nres;
  lua_settop(L, 1);
  lua_createtable(L, 2, 0);
  for (int i = 0; i < 2; i++) {
    object_new(L, 2 * sizeof(void *));
    lua_rawseti(L, 2, i + 1);
    side[i] = lua_newthread(L); /* stays at 3 + i */
  }
  for (int i = 0; i < 2; i++) {
    luaL_loadstring(side[i], body);
    lua_pushcfunction(side[i], bare_wait);
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    lua_pushcclosure(L, bare_object, 1);
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    lua_pushvalue(L, 3 + !i);
    lua_pushcclosure(L, bare_store, 2);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, i + 1);
    lua_pushinteger(L, 2 - i);
    lua_xmove(L, side[i], 5);
    lua_resume(side[i], L, 6, &nres);
  }
  lua_pushnil(side[0]);
  double start = cpu_ns();
  for (long i = 0; i < ops; i++) lua_resume(side[i & 1], L, 1, &nres);
  lua_pushnumber(L, (cpu_ns() - start) / (double)ops);
  return 1;
}

static int put_on(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 1);
  return 0;
}

/* put(object, x): as nap, then x goes into the object's table. */
static int bare_put(lua_State *L)
{
  return lua_yieldk(L, 0, 0, put_on);
}

static int take_on(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, 1);
  return 1;
}

static int bare_take(lua_State *L)
{
  return lua_yieldk(L, 0, 0, take_on);
}

/* queue(ops): a message is a resume of one side, which stores it in a table, and one of the other
 * side, which takes it out. */
static int bare_queue(lua_State *L)
{
  static const char *const bodies[] = {
      "local put, object = ... local i = 0 while true do i = i + 1 put(object, i) end",
      "local take, object = ... while true do take(object) end"};
  static const lua_CFunction functions[] = {bare_put, bare_take};
  long ops = luaL_checkinteger(L, 1);
  lua_State *side[2];
  int nres;
  lua_settop(L, 1);
  object_new(L, sizeof(struct object)); /* stays at 2 */
  lua_createtable(L, 1, 0);
  lua_setiuservalue(L, 2, 1);
  for (int i = 0; i < 2; i++) {
    side[i] = lua_newthread(L);
    luaL_loadstring(side[i], bodies[i]);
    lua_pushcfunction(side[i], functions[i]);
    lua_pushvalue(L, 2);
    lua_xmove(L, side[i], 1);
    lua_resume(side[i], L, 2, &nres);
  }
  double start = cpu_ns();
  for (long i = 0; i < 2 * ops; i++) lua_resume(side[i & 1], L, 0, &nres);
  lua_pushnumber(L, (cpu_ns() - start) / (double)ops);
  return 1;
}

static void on_timer_wake(struct ev_loop *ev, ev_timer *w, int events)
{
  (void)ev;
  (void)events;
  struct timed_object *o =
      (struct timed_object *)((char *)w - offsetof(struct timed_object, timer));
  lua_State *co = o->words[0];
  int nres;
  lua_resume(co, o->words[1], 0, &nres);
  lua_pushboolean(co, 1);
  lua_setiuservalue(co, 1, 1);
}

/* wait_for(ops): a child object run to its end in a pooled coroutine, a timer
 * started and stopped, and a resume of the one who waits. */
static int bare_wait_for(lua_State *L)
{
  long ops = luaL_checkinteger(L, 1);
  struct ev_loop *ev = ev_default_loop(0);
  ev_timer timer;
  ev_timer_init(&timer, on_timer_wake, 10., 0.);
  lua_settop(L, 1);
  lua_State *child = lua_newthread(L);
  lua_replace(L, 1);
  lua_State *waiting = coroutine_new(L, "local nap = ... while true do nap(nap, 10) end");
  luaL_loadstring(L, "return 1");
  double start = cpu_ns();
  for (long i = 0; i < ops; i++) {
    int nres;
    lua_settop(L, 3);
    lua_pushvalue(L, 3);
    lua_pushnil(L);
    ev_timer_set(&timer, 10., 0.);
    ev_timer_start(ev, &timer);
    object_new(L, sizeof(struct timed_object));
    lua_pushvalue(L, -1);
    lua_xmove(L, child, 1);
    lua_insert(L, 4);
    lua_xmove(L, child, 2);
    lua_resume(child, L, 1, &nres);
    lua_pushvalue(child, -1);
    lua_xmove(child, waiting, 1);
    lua_setiuservalue(child, 1, 1);
    lua_settop(child, 0);
    lua_resume(waiting, L, 1, &nres);
    ev_timer_stop(ev, &timer);
  }
  lua_pushnumber(L, (cpu_ns() - start) / (double)ops);
  return 1;
}

/* Makes n coroutines that wait, each with a timer and, at the bottom of its
 * stack, an object; delay < 0 stands for a pseudo-random one up to -delay.
 * First all are made, then all begin, as tasks do. Leaves a list of the
 * objects and one of the coroutines. */
static void sleepers_new(lua_State *L, struct ev_loop *ev, long n, double delay)
{
  unsigned seed = DELAYS_SEED;
  struct timed_object **made = malloc((size_t)n * sizeof(struct timed_object *));
  lua_newtable(L);
  lua_newtable(L);
  luaL_loadstring(L, "local nap = ... nap()");
  for (long i = 1; i <= n; i++) {
    struct timed_object *o = (struct timed_object *)object_new(L, sizeof(struct timed_object));
    lua_State *co = lua_newthread(L);
    lua_rawseti(L, -4, i);
    lua_pushvalue(L, -1);
    lua_xmove(L, co, 1);
    lua_rawseti(L, -4, i);
    lua_pushvalue(L, -1);
    lua_xmove(L, co, 1);
    lua_pushcfunction(co, nap);
    o->words[0] = co;
    o->words[1] = L;
    made[i - 1] = o;
  }
  lua_pop(L, 1);
  for (long i = 0; i < n; i++) {
    int nres;
    struct timed_object *o = made[i];
    ev_timer_init(&o->timer, on_timer_wake, delay < 0 ? delays_next(&seed) * -delay : delay, 0.);
    ev_timer_start(ev, &o->timer);
    lua_resume(o->words[0], L, 1, &nres);
  }
  free(made);
}

/* create(n): as many waiting coroutines with an object and a long timer. */
static int bare_create(lua_State *L)
{
  long n = luaL_checkinteger(L, 1);
  struct ev_loop *ev = ev_default_loop(0);
  double start = cpu_ns();
  sleepers_new(L, ev, n, 3600.);
  lua_pushnumber(L, (cpu_ns() - start) / (double)n);
  return 3; /* kept by the caller: the loop still knows their timers */
}

/* sleepers(n, seconds): the same, and each timer resumes its coroutine. */
static int bare_sleepers(lua_State *L)
{
  long n = luaL_checkinteger(L, 1);
  double seconds = luaL_checknumber(L, 2);
  struct ev_loop *ev = ev_loop_new(0);
  double start = cpu_ns();
  sleepers_new(L, ev, n, -seconds);
  ev_run(ev, 0);
  lua_replace(L, 2); /* the coroutines; the objects are at 1 */
  lua_replace(L, 1);
  bare_results(L);
  lua_pushnumber(L, (cpu_ns() - start) / (double)n);
  ev_loop_destroy(ev);
  return 1;
}

/* suspended(n): n suspended coroutines with a Lua body and nothing else. */
static int bare_suspended(lua_State *L)
{
  long n = luaL_checkinteger(L, 1);
  lua_createtable(L, (int)n, 0);
  luaL_loadstring(L, "local nap = ... nap()");
  for (long i = 1; i <= n; i++) {
    int nres;
    lua_State *co = lua_newthread(L);
    lua_rawseti(L, -3, i);
    lua_pushvalue(L, -1);
    lua_xmove(L, co, 1);
    lua_pushcfunction(co, nap);
    lua_resume(co, L, 1, &nres);
  }
  lua_pop(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {
    {"switch", bare_switch},
    {"make", bare_make},
    {"run", bare_run},
    {"results", bare_results},
    {"ping_pong", bare_ping_pong},
    {"queue", bare_queue},
    {"wait_for", bare_wait_for},
    {"create", bare_create},
    {"sleepers", bare_sleepers},
    {"suspended", bare_suspended},
    {NULL, NULL},
};

int luaopen_bare(lua_State *L);
int luaopen_bare(lua_State *L)
{
  luaL_newlibtable(L, functions);
  luaL_newmetatable(L, "bare.Object");
  luaL_setfuncs(L, functions, UP_COUNT);
  return 1;
}
