/* SPDX-License-Identifier: MIT
 *
 * The held array of a loop: what it refers to without being asked by Lua (unfinished tasks, timers,
 * gathers).  A place is found when the object is made, where an error is allowed; letting go
 * overwrites it and cannot fail.
 */
#include "bind.h"
#include "net.h"

/* Pushes the held array; that of the running loop is at hand in the state. */
static void push_array(lua_State *L, struct cal_loop *loop)
{
  if (loop->state->running == loop) {
    cal_push_value(L, CAL_STATE_HELD);
    return;
  }
  cal_push_loop(L, loop->loop);
  lua_getiuservalue(L, -1, CAL_LOOP_HELD);
  lua_remove(L, -2);
}

/* Makes room for one more place to be free some day. */
static void reserve(lua_State *L, struct cal_loop *loop)
{
  void *data;
  lua_Alloc alloc = lua_getallocf(L, &data);
  uint32_t capacity = loop->capacity + loop->capacity / 2 + 16;
  uint32_t *free_slots = alloc(data, loop->free_slots, loop->capacity * sizeof *free_slots,
                               capacity * sizeof *free_slots);
  if (free_slots == NULL) cal_raise_code(L, CASYNC_EMEMORY);
  loop->free_slots = free_slots;
  loop->capacity = capacity;
}

uint32_t cal_hold(lua_State *L, struct cal_loop *loop, int index)
{
  bool is_new = loop->free_count == 0;
  if (is_new && loop->slots == loop->capacity) reserve(L, loop);
  uint32_t slot = is_new ? loop->slots + 1 : loop->free_slots[loop->free_count - 1];
  if (loop->state->running == loop) /* called by functions that have the state at hand */
    lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_HELD);
  else
    push_array(L, loop);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, slot); /* may fail */
  lua_pop(L, 1);
  if (is_new)
    loop->slots = slot;
  else
    loop->free_count--;
  return slot;
}

void cal_push_held(lua_State *L, struct cal_loop *loop, uint32_t slot)
{
  if (loop->state->running == loop && cal_is_run_frame(L, loop->state)) {
    lua_rawgeti(L, CAL_RUN_HELD, slot);
    return;
  }
  push_array(L, loop);
  lua_rawgeti(L, -1, slot);
  lua_remove(L, -2);
}

void cal_unhold(lua_State *L, struct cal_loop *loop, uint32_t slot)
{
  if (slot == 0) return;
  if (loop->state->running == loop && cal_is_run_frame(L, loop->state)) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, CAL_RUN_HELD, slot);
  } else {
    push_array(L, loop);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
  }
  loop->free_slots[loop->free_count++] = slot;
}

void cal_unhold_at_run(lua_State *L, struct cal_loop *loop, uint32_t slot)
{
  if (slot == 0 || !cal_is_at_run(loop->state)) {
    cal_unhold(L, loop, slot);
    return;
  }
  lua_pushboolean(L, 0);
  lua_rawseti(L, CAL_RUN_HELD, slot);
  loop->free_slots[loop->free_count++] = slot;
}

/* ---- awaited futures ---- */

void cal_anchor(lua_State *L, int anchors, struct casync_task *task)
{
  lua_pushvalue(L, 1);
  lua_rawseti(L, anchors, task->future.slot);
  task->spare[1] = 1;
}

void cal_unanchor(lua_State *L, int anchors, struct casync_task *task)
{
  lua_pushboolean(L, 0);
  lua_rawseti(L, anchors, task->future.slot);
  task->spare[1] = 0;
}

/* The table on top (popped) becomes the one that await uses. */
static void use_anchors(lua_State *L)
{
  cal_push_value(L, CAL_STATE_AWAIT);
  lua_pushvalue(L, -2);
  lua_setupvalue(L, -2, 2);
  lua_pop(L, 1);
  cal_store_value(L, CAL_STATE_ANCHORS);
}

void cal_begin_anchors(lua_State *L, int loop)
{
  lua_getiuservalue(L, loop, CAL_LOOP_ANCHORS);
  use_anchors(L);
}

void cal_end_anchors(lua_State *L)
{
  cal_push_value(L, CAL_STATE_NO_ANCHORS);
  use_anchors(L);
}

/* ---- the end of a loop ---- */

void cal_free_held(lua_State *L, struct cal_loop *loop)
{
  void *data;
  lua_Alloc alloc = lua_getallocf(L, &data);
  alloc(data, loop->free_slots, loop->capacity * sizeof *loop->free_slots, 0);
  loop->free_slots = NULL;
  loop->capacity = loop->free_count = 0;
}

static void abandon_task(lua_State *L, struct cal_task *task, bool is_gone)
{
  casync_task_abandon(&task->task);
  task->task.spare[1] = 0;
  task->task.future.slot = 0;
  if (is_gone) task->task.future.loop = NULL;
  if (task->task.flags & CASYNC_TASK_QUIET_DESTROY) return;
  int object = lua_gettop(L);
  if (is_gone)
    lua_pushnil(L);
  else
    lua_pushvalue(L, 1); /* the Loop that closes */
  cal_report_later(L, "Task was destroyed but it is pending!", "task", object, 0, object + 1);
}

static void abandon_transport(lua_State *L, struct cal_transport *transport, bool is_gone)
{
  if (transport->loop->debug) cal_report_unclosed(L, "transport", -1, is_gone ? 0 : 1);
  cal_transport_abandon(L, transport);
}

static void abandon(lua_State *L, bool is_gone)
{
  struct cal_object *object = lua_touserdata(L, -1);
  if (object == NULL) return;
  switch (object->kind->id) {
  case CAL_TASK: abandon_task(L, (struct cal_task *)object, is_gone); break;
  case CAL_GATHER:
    casync_gather_abandon((struct casync_gather *)&((struct cal_future *)object)->future);
    ((struct cal_future *)object)->future.slot = 0;
    break;
  case CAL_LOOKUP: cal_lookup_abandon((struct cal_lookup *)object); break;
  case CAL_LISTENER: cal_listener_abandon((struct cal_listener *)object); break;
  case CAL_TIMER: ((struct cal_handle *)object)->slot = 0; break;
  case CAL_TRANSPORT: abandon_transport(L, (struct cal_transport *)object, is_gone); break;
  case CAL_FUTURE:
  case CAL_HANDLE:
  case CAL_LOOP:
  case CAL_COROUTINE:
  case CAL_OP:
  case CAL_SENTINEL:
  case CAL_BUFFER:
  case CAL_STREAM_READER:
  case CAL_SOCKET:
  case CAL_SOCKET_VIEW:
  case CAL_LOCK:
  case CAL_EVENT:
  case CAL_SEMAPHORE:
  case CAL_BOUNDED_SEMAPHORE:
  case CAL_LINE:
  case CAL_QUEUE:
  case CAL_KINDS: break;
  }
}

void cal_loop_abandon(lua_State *L, int index, struct cal_loop *loop, bool is_gone)
{
  index = lua_absindex(L, index);
  lua_getiuservalue(L, index, CAL_LOOP_HELD);
  int held = lua_gettop(L);
  for (uint32_t slot = 1; slot <= loop->slots; slot++) {
    if (lua_rawgeti(L, held, slot) == LUA_TUSERDATA) abandon(L, is_gone);
    lua_pushboolean(L, 0);
    lua_rawseti(L, held, slot);
    lua_settop(L, held);
  }
  loop->slots = loop->free_count = 0;
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_LOOP_ANCHORS);
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_LOOP_FIRST);
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_LOOP_LAST);
  lua_pop(L, 1);
}
