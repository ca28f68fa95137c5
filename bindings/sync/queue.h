/* SPDX-License-Identifier: MIT
 *
 * The part of the bindings' private header that is about asyncio's queues.  The classes are made on
 * first use, by lua/casync/sync/queue.lua.
 *
 * An object of one of the three classes themselves is handled here and in C alone.  An object of a
 * class below them may have methods of its own (the hooks _init, _get, _put, but also full() and
 * the others that asyncio's own code calls): then each is called as a method.
 */
#ifndef CAL_QUEUE_H
#define CAL_QUEUE_H

#include "bind.h"
#include "casync/impl/sync.h"
#include "casync/sync.h"

enum cal_queue_value {
  CAL_QUEUE_ITEMS = 1, /* table: a ring (FIFO), or a list from 1 on; nil: nothing yet */
  CAL_QUEUE_LOOP,      /* where somebody has waited for an item or for room */
  CAL_QUEUE_JOIN_LOOP, /* where somebody has joined */
  CAL_QUEUE_GET,       /* a get() and a put() to hand out again */
  CAL_QUEUE_PUT,
  CAL_QUEUE_FIELDS,
  CAL_QUEUE_VALUES = CAL_QUEUE_FIELDS
};

enum cal_queue_order { CAL_QUEUE_FIFO, CAL_QUEUE_PRIORITY, CAL_QUEUE_LIFO, CAL_QUEUE_ORDERS };

struct cal_queue {
  struct cal_object object;
  struct casync_queue queue;
  lua_Integer maxsize;
  size_t first, count; /* in the ring: place of the oldest item, from 0; how many there are */
  size_t capacity;     /* places of the ring; of a list: the most items it has had */
  const struct cal_loop *loop, *join_loop; /* identities; NULL: nobody has waited yet */
  uint8_t order;                           /* enum cal_queue_order */
  bool is_open;                            /* init() has run */
  bool is_subclass;                        /* its methods may be others */
};

/* Argument 1, initialized; or an error. */
struct cal_queue *cal_check_queue(lua_State *L);

/* ---- what the three keep (sync/items.c) ---- */

/* Adds the value on top (popped) to the items of the queue at `index`.  Raises for want of memory,
 * and what a comparison raises: the item is in then. */
void cal_items_put(lua_State *L, int index, struct cal_queue *self);
/* Pushes the next item, above the table of all, and takes it out; there is one. */
void cal_items_take(lua_State *L, int index, struct cal_queue *self);
void cal_items_clear(lua_State *L, int index, struct cal_queue *self);
/* Pushes item `n`, from 1, in the order in which they are kept. */
void cal_items_peek(lua_State *L, int index, const struct cal_queue *self, size_t n);

/* ---- a heap in the table at `table` (sync/heap.c) ---- */

/* The last of the `*count` items finds its place. */
void cal_heap_push(lua_State *L, int table, const size_t *count);
/* Takes the least one out, pushes it. */
void cal_heap_pop(lua_State *L, int table, size_t *count);

/* ---- a step of asyncio's methods on the queue at `index` (sync/queue.c) ---- */

bool cal_queue_is_empty(lua_State *L, int index, struct cal_queue *self);
bool cal_queue_is_full(lua_State *L, int index, struct cal_queue *self);
/* get_nowait(), and put_nowait() of the value on top (popped), as methods. */
void cal_queue_get_now(lua_State *L, int index, struct cal_queue *self);
void cal_queue_put_now(lua_State *L, int index, struct cal_queue *self);

/* ---- waiting (sync/queue_wait.c) ---- */

/* queue_step(queue): as Queue.get(), but a queue that is shut down and empty gives no value. */
int cal_queue_step(lua_State *L);

void cal_open_queue_waits(lua_State *L); /* adds get, put, join, items to the class on top */
void cal_open_queue(lua_State *L);

#endif
