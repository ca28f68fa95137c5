/* SPDX-License-Identifier: MIT
 *
 * The mini runtime: the least that a C task runtime for Lua can do.
 *
 * A ready ring, Task and Future userdata, pooled coroutines and, when built
 * with MINI_LIBEV, timers. No cancellation, no error objects, no contexts, no
 * argument checks: it is the limit that casync is compared with, not a
 * library. One runtime a process, so its state is static.
 *
 * Invariant: a task's coroutine has the Task userdata at stack index 1 until
 * the task is done, and every coroutine is anchored in the pool table, so a
 * task that is under way cannot be collected.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MINI_LIBEV
#include <ev.h>
#endif

enum { TASK_AT = 1, RESULT = 1, ITEMS = 1 };

/* Upvalues that every function of the module shares. */
enum { UP_TASK = 1, UP_FUTURE = 2, UP_POOL = 3, UP_COUNT = 3 };

struct task {
  struct task *next;   /* in the ready ring */
  struct task *waiter; /* whom to wake when done */
  lua_State *co;       /* until done */
  int nargs;           /* values on co that the next resume passes */
  int pending;         /* children that a gather or wait_for still awaits */
  char done;
  char joined; /* the waiter counts its children instead of taking a value */
#ifdef MINI_LIBEV
  ev_timer timer;
#endif
};

struct future {
  struct task *waiter;
  char done;
};

struct line {
  struct task *first, *last; /* linked by `next`: a task in line is not ready */
};

struct queue {
  struct line getters, putters;
  unsigned first, count, size;
};

struct pool {
  lua_State **free;
  int count, capacity, made;
};

static struct {
  struct task *first, *last; /* the ready ring */
  struct task *current;
  struct pool pool;
  lua_State *L; /* the state that runs the loop */
#ifdef MINI_LIBEV
  struct ev_loop *ev;
#endif
} R;

static inline void ready(struct task *t)
{
  t->next = NULL;
  if (R.last)
    R.last->next = t;
  else
    R.first = t;
  R.last = t;
}

/* Coroutines stay anchored in the pool table for ever; the array below says
 * which of them are free. */
static lua_State *coroutine_take(lua_State *L)
{
  struct pool *p = &R.pool;
  if (p->count) return p->free[--p->count];
  if (p->made == p->capacity) {
    p->capacity = p->capacity ? p->capacity * 2 : 64;
    p->free = realloc(p->free, (size_t)p->capacity * sizeof *p->free);
  }
  lua_State *co = lua_newthread(L);
  lua_rawseti(L, lua_upvalueindex(UP_POOL), ++p->made);
  return co;
}

static inline void coroutine_give(lua_State *co)
{
  R.pool.free[R.pool.count++] = co;
}

#ifdef MINI_LIBEV
static void on_timer(struct ev_loop *ev, ev_timer *w, int events);
#endif

/* Takes the function at index `at` and what follows it; leaves the Task. */
static struct task *task_make(lua_State *L, int at)
{
  int nargs = lua_gettop(L) - at;
  struct task *t = lua_newuserdatauv(L, sizeof *t, 1);
  lua_pushvalue(L, lua_upvalueindex(UP_TASK));
  lua_setmetatable(L, -2);
  lua_State *co = coroutine_take(L);
  lua_pushvalue(L, -1);
  lua_xmove(L, co, 1);
  lua_insert(L, at);
  lua_xmove(L, co, nargs + 1);
  t->waiter = NULL;
  t->co = co;
  t->nargs = nargs;
  t->pending = 0;
  t->done = t->joined = 0;
#ifdef MINI_LIBEV
  ev_init(&t->timer, on_timer);
  t->timer.data = t;
#endif
  ready(t);
  return t;
}

static int mini_spawn(lua_State *L)
{
  task_make(L, 1);
  return 1;
}

/* Passes the value on top of `from`, popping it, and ends a wait_for. */
static inline void wake_with(lua_State *from, struct task *waiter)
{
#ifdef MINI_LIBEV
  if (ev_is_active(&waiter->timer)) ev_timer_stop(R.ev, &waiter->timer);
#endif
  lua_xmove(from, waiter->co, 1);
  waiter->nargs = 1;
  ready(waiter);
}

static void task_finish(struct task *t)
{
  lua_State *co = t->co;
  lua_settop(co, TASK_AT + 1); /* its first result, nil if there is none */
  t->done = 1;
  if (t->waiter) {
    if (!t->joined) {
      lua_pushvalue(co, -1);
      wake_with(co, t->waiter);
    } else if (--t->waiter->pending == 0) {
      ready(t->waiter);
    }
  }
  lua_setiuservalue(co, TASK_AT, RESULT);
  lua_settop(co, 0);
  coroutine_give(co);
}

static void task_step(struct task *t)
{
  int nres;
  int nargs = t->nargs;
  R.current = t;
  t->nargs = 0;
  int status = lua_resume(t->co, R.L, nargs, &nres);
  if (status == LUA_YIELD) return;
  if (status != LUA_OK) {
    fprintf(stderr, "mini: %s\n", lua_tostring(t->co, -1));
    exit(1);
  }
  task_finish(t);
}

#ifdef MINI_LIBEV
/* A sleeper goes on at once: a way through the ring would only fetch its
 * memory a second time. */
static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
  (void)ev;
  (void)events;
  task_step(w->data);
}
#endif

/* One iteration runs exactly what was ready at its start. */
static void run_batch(void)
{
  struct task *t = R.first, *last = R.last;
  R.first = R.last = NULL;
  for (;;) {
    struct task *next = t->next;
    task_step(t);
    if (t == last) return;
    t = next;
  }
}

static int mini_run(lua_State *L)
{
  R.L = L;
  struct task *main = task_make(L, 1);
#ifdef MINI_LIBEV
  R.ev = ev_default_loop(0);
  unsigned turn = 0;
#endif
  while (!main->done) {
#ifdef MINI_LIBEV
    if (!R.first)
      ev_run(R.ev, EVRUN_ONCE);
    else if (++turn % 256 == 0)
      ev_run(R.ev, EVRUN_NOWAIT);
    if (!R.first) continue;
#endif
    run_batch();
  }
  lua_getiuservalue(L, -1, RESULT);
  return 1;
}

static int mini_switch(lua_State *L)
{
  ready(R.current);
  return lua_yield(L, 0);
}

static int mini_await(lua_State *L)
{
  struct task *t = lua_touserdata(L, 1);
  if (t->done) {
    lua_getiuservalue(L, 1, RESULT);
    return 1;
  }
  t->waiter = R.current;
  return lua_yield(L, 0);
}

static int gathered(lua_State *L, int status, lua_KContext n)
{
  (void)status;
  lua_createtable(L, (int)n, 0);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    lua_getiuservalue(L, -1, RESULT);
    lua_rawseti(L, -3, i);
    lua_pop(L, 1);
  }
  return 1;
}

static int mini_gather(lua_State *L)
{
  struct task *self = R.current;
  int n = (int)lua_rawlen(L, 1);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    struct task *t = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (t->done) continue;
    t->waiter = self;
    t->joined = 1;
    self->pending++;
  }
  return self->pending ? lua_yieldk(L, 0, n, gathered) : gathered(L, 0, n);
}

static int mini_future(lua_State *L)
{
  struct future *f = lua_newuserdatauv(L, sizeof *f, 1);
  lua_pushvalue(L, lua_upvalueindex(UP_FUTURE));
  lua_setmetatable(L, -2);
  f->waiter = NULL;
  f->done = 0;
  return 1;
}

static int mini_set_result(lua_State *L)
{
  struct future *f = lua_touserdata(L, 1);
  f->done = 1;
  if (f->waiter) {
    lua_pushvalue(L, 2);
    wake_with(L, f->waiter);
  }
  lua_setiuservalue(L, 1, RESULT);
  return 0;
}

static int mini_wait(lua_State *L)
{
  struct future *f = lua_touserdata(L, 1);
  if (f->done) {
    lua_getiuservalue(L, 1, RESULT);
    return 1;
  }
  f->waiter = R.current;
  return lua_yield(L, 0);
}

/* ---- a queue: a ring of items and two lines of tasks ---- */

static inline void line_push(struct line *line, struct task *t)
{
  t->next = NULL;
  if (line->last)
    line->last->next = t;
  else
    line->first = t;
  line->last = t;
}

static inline void line_wake(struct line *line)
{
  struct task *t = line->first;
  if (!t) return;
  line->first = t->next;
  if (!line->first) line->last = NULL;
  ready(t);
}

static int mini_queue(lua_State *L)
{
  unsigned size = (unsigned)lua_tointeger(L, 1);
  struct queue *q = lua_newuserdatauv(L, sizeof *q, 1);
  memset(q, 0, sizeof *q);
  q->size = size;
  lua_createtable(L, (int)size, 0);
  lua_setiuservalue(L, -2, ITEMS);
  return 1;
}

/* put(queue, item); a woken task looks again */
static int mini_put(lua_State *L);

static int put_again(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  return mini_put(L);
}

static int mini_put(lua_State *L)
{
  struct queue *q = lua_touserdata(L, 1);
  if (q->count == q->size) {
    line_push(&q->putters, R.current);
    return lua_yieldk(L, 0, 0, put_again);
  }
  lua_getiuservalue(L, 1, ITEMS);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, (lua_Integer)((q->first + q->count++) % q->size) + 1);
  line_wake(&q->getters);
  return 0;
}

/* get(queue) -> item; the same */
static int mini_get(lua_State *L);

static int get_again(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  return mini_get(L);
}

static int mini_get(lua_State *L)
{
  struct queue *q = lua_touserdata(L, 1);
  if (q->count == 0) {
    line_push(&q->getters, R.current);
    return lua_yieldk(L, 0, 0, get_again);
  }
  lua_getiuservalue(L, 1, ITEMS);
  lua_rawgeti(L, -1, (lua_Integer)(q->first++ % q->size) + 1);
  q->count--;
  line_wake(&q->putters);
  return 1;
}

/* Units that tasks hand over to each other, first come first served: a semaphore, or with one unit
 * a lock.  Waiting links the task itself, which is in no ring then. */
struct units {
  int free;
  struct line waiting;
};

static int mini_units(lua_State *L)
{
  struct units *u = lua_newuserdatauv(L, sizeof *u, 0);
  u->free = (int)lua_tointeger(L, 1);
  u->waiting = (struct line){NULL, NULL};
  return 1;
}

static int mini_acquire(lua_State *L)
{
  struct units *u = lua_touserdata(L, 1);
  if (u->free > 0) {
    u->free--;
    return 0;
  }
  line_push(&u->waiting, R.current);
  return lua_yield(L, 0);
}

static int mini_release(lua_State *L)
{
  struct units *u = lua_touserdata(L, 1);
  if (u->waiting.first)
    line_wake(&u->waiting);
  else
    u->free++;
  return 0;
}

#ifdef MINI_LIBEV
static int mini_sleep(lua_State *L)
{
  struct task *self = R.current;
  ev_timer_set(&self->timer, lua_tonumber(L, 1), 0.);
  ev_timer_start(R.ev, &self->timer);
  return lua_yield(L, 0);
}

/* wait_for(what, seconds): what is a done Task or a function. The timer only
 * has to be there: in these benchmarks it never fires first. */
static int mini_wait_for(lua_State *L)
{
  struct task *self = R.current;
  struct task *child = lua_touserdata(L, 1);
  ev_timer_set(&self->timer, lua_tonumber(L, 2), 0.);
  ev_timer_start(R.ev, &self->timer);
  lua_settop(L, 1);
  if (!child) {
    child = task_make(L, 1);
  } else if (child->done) {
    ev_timer_stop(R.ev, &self->timer);
    lua_getiuservalue(L, 1, RESULT);
    return 1;
  }
  child->waiter = self;
  return lua_yield(L, 0); /* wake_with brings the value */
}
#endif

static const luaL_Reg functions[] = {
    {"spawn", mini_spawn},
    {"run", mini_run},
    {"switch", mini_switch},
    {"await", mini_await},
    {"gather", mini_gather},
    {"future", mini_future},
    {"set_result", mini_set_result},
    {"wait", mini_wait},
    {"queue", mini_queue},
    {"put", mini_put},
    {"get", mini_get},
    {"units", mini_units},
    {"acquire", mini_acquire},
    {"release", mini_release},
#ifdef MINI_LIBEV
    {"sleep", mini_sleep},
    {"wait_for", mini_wait_for},
#endif
    {NULL, NULL},
};

#ifdef MINI_LIBEV
int luaopen_mini_ev(lua_State *L);
int luaopen_mini_ev(lua_State *L)
#else
int luaopen_mini(lua_State *L);
int luaopen_mini(lua_State *L)
#endif
{
  luaL_newlibtable(L, functions);
  luaL_newmetatable(L, "mini.Task");
  luaL_newmetatable(L, "mini.Future");
  lua_newtable(L);
  luaL_setfuncs(L, functions, UP_COUNT);
  return 1;
}
