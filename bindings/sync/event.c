/* SPDX-License-Identifier: MIT
 *
 * The class Event (asyncio.Event).
 */
#include "sync/sync.h"

struct cal_event {
  struct cal_sync sync;
  struct casync_event event;
};

static struct cal_event *check_event(lua_State *L)
{
  struct cal_event *self = cal_check(L, 1, CAL_EVENT, sizeof *self);
  cal_sync_tidy(&self->sync, &self->event.queue);
  return self;
}

/* Event.__new(class) */
static int event_new(lua_State *L)
{
  struct cal_event *self = cal_new_of_class(L, CAL_EVENT, sizeof *self, CAL_SYNC_VALUES);
  casync_event_init(&self->event);
  return 1;
}

/* Event:init() */
static int event_init(lua_State *L)
{
  check_event(L);
  return 0;
}

/* ---- wait() ---- */

static int wait_back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, wait_back);
  casync_waitqueue_return(cal_waiter_of(lua_touserdata(L, 1)));
  cal_come_back(L, state);
  return cal_wait_over(L, lua_touserdata(L, 1));
}

static int wait_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_event *self = op->of.native.object;
  if (self->event.is_set) return cal_wait_over(L, op);
  cal_sync_wait(L, state, op, &self->event.queue);
  return cal_wait(L, state, wait_back);
}

static const struct cal_native_type wait_type = {{"Event.wait", NULL, casync_waiter_undo},
                                                 wait_body};

/* Event:wait() -> true, once the event is set */
static int event_wait(lua_State *L)
{
  return cal_wait_new(L, &wait_type, check_event(L));
}

/* ---- the flag ---- */

/* Event:set() */
static int event_set(lua_State *L)
{
  struct cal_event *self = check_event(L);
  if (self->event.queue.size > 0) cal_check_waking(L, cal_state(L));
  casync_event_set(&self->event);
  return 0;
}

/* Event:clear() */
static int event_clear(lua_State *L)
{
  casync_event_clear(&check_event(L)->event);
  return 0;
}

/* Event:is_set() */
static int event_is_set(lua_State *L)
{
  lua_pushboolean(L, check_event(L)->event.is_set);
  return 1;
}

/* event_waiters(event) -> how many wait */
static int event_waiters(lua_State *L)
{
  lua_pushinteger(L, casync_waitqueue_size(&check_event(L)->event.queue));
  return 1;
}

void cal_open_event(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", event_new}, {"clear", event_clear}, {"init", event_init}, {"is_set", event_is_set},
      {"set", event_set},   {"wait", event_wait},   {NULL, NULL},
  };
  static const luaL_Reg functions[] = {{"event_waiters", event_waiters}, {NULL, NULL}};
  static const struct cal_class class = {CAL_EVENT, methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Event");
  cal_set_functions(L, functions);
}
