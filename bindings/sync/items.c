/* SPDX-License-Identifier: MIT
 *
 * The items of a queue: a table and, in C, how many there are, so that nil is an item.  Queue keeps
 * them in a ring, the others in a list from 1 on.  Taking allocates nothing.
 */
#include "sync/queue.h"

enum { FEWEST = 4 };           /* places of a ring */
enum { WORTH_KEEPING = 1024 }; /* places that an empty queue keeps */

static inline lua_Integer place(const struct cal_queue *self, size_t n)
{
  return (lua_Integer)((self->first + n) & (self->capacity - 1)) + 1;
}

/* Replaces the ring on top by one of twice the size. */
static void grow(lua_State *L, int index, struct cal_queue *self)
{
  size_t capacity = self->capacity == 0 ? FEWEST : 2 * self->capacity;
  if (capacity > INT32_MAX) cal_raise(L, "RuntimeError", "too many items");
  lua_createtable(L, (int)capacity, 0);
  for (size_t n = 0; n < self->count; n++) {
    lua_rawgeti(L, -2, place(self, n));
    lua_rawseti(L, -2, (lua_Integer)n + 1);
  }
  lua_replace(L, -2);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, index, CAL_QUEUE_ITEMS);
  self->first = 0;
  self->capacity = capacity;
}

/* Adds the value below the ring on top; both are popped. */
static inline void put_in_ring(lua_State *L, int index, struct cal_queue *self)
{
  if (self->count == self->capacity) grow(L, index, self);
  lua_insert(L, -2);
  lua_rawseti(L, -2, place(self, self->count));
  self->count++;
  lua_pop(L, 1);
}

/* Adds the value below the list on top; both are popped. */
static void put_in_list(lua_State *L, int index, struct cal_queue *self)
{
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, FEWEST, 0);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, CAL_QUEUE_ITEMS);
  }
  lua_insert(L, -2);
  lua_rawseti(L, -2, (lua_Integer)self->count + 1);
  self->count++;
  if (self->count > self->capacity) self->capacity = self->count;
  if (self->order == CAL_QUEUE_PRIORITY) cal_heap_push(L, lua_gettop(L), &self->count);
  lua_pop(L, 1);
}

void cal_items_put(lua_State *L, int index, struct cal_queue *self)
{
  lua_getiuservalue(L, index, CAL_QUEUE_ITEMS);
  if (self->order == CAL_QUEUE_FIFO)
    put_in_ring(L, index, self);
  else
    put_in_list(L, index, self);
}

void cal_items_clear(lua_State *L, int index, struct cal_queue *self)
{
  lua_pushnil(L);
  lua_setiuservalue(L, index, CAL_QUEUE_ITEMS);
  self->first = self->count = self->capacity = 0;
}

/* Pushes what is at `n` of the table on top, and lets go of it there: a number may stay. */
static inline void take_place(lua_State *L, lua_Integer n)
{
  if (lua_rawgeti(L, -1, n) < LUA_TSTRING) return;
  lua_pushnil(L);
  lua_rawseti(L, -3, n);
}

void cal_items_take(lua_State *L, int index, struct cal_queue *self)
{
  lua_getiuservalue(L, index, CAL_QUEUE_ITEMS);
  switch ((enum cal_queue_order)self->order) {
  case CAL_QUEUE_FIFO:
    take_place(L, place(self, 0));
    self->first++;
    self->count--;
    break;
  case CAL_QUEUE_LIFO: take_place(L, (lua_Integer)self->count--); break;
  case CAL_QUEUE_PRIORITY: cal_heap_pop(L, lua_gettop(L), &self->count); break;
  case CAL_QUEUE_ORDERS: break;
  }
  if (self->count == 0 && self->capacity > WORTH_KEEPING) cal_items_clear(L, index, self);
}

void cal_items_peek(lua_State *L, int index, const struct cal_queue *self, size_t n)
{
  lua_getiuservalue(L, index, CAL_QUEUE_ITEMS);
  lua_rawgeti(L, -1, self->order == CAL_QUEUE_FIFO ? place(self, n - 1) : (lua_Integer)n);
  lua_remove(L, -2);
}
