/* SPDX-License-Identifier: MIT
 *
 * Python's heapq on a Lua table, and what is less than what: `<`, but arrays (tables without a
 * metatable) compare element by element, as Python's tuples do.  The order among equals is that of
 * heapq: comparisons and moves are exactly its own.
 *
 * A comparison may run any Lua code, and raise: each move is an exchange, so that no item is there
 * twice or not at all.
 */
#include "sync/queue.h"

enum { DEEPEST = 100 }; /* arrays in arrays */

/* ---- comparing ---- */

static bool is_array(lua_State *L, int index)
{
  if (!lua_istable(L, index)) return false;
  if (!lua_getmetatable(L, index)) return true;
  lua_pop(L, 1);
  return false;
}

static lua_Integer length(lua_State *L, int index)
{
  lua_pushliteral(L, "n");
  int is_integer;
  lua_rawget(L, index);
  lua_Integer n = lua_tointegerx(L, -1, &is_integer);
  lua_pop(L, 1);
  return is_integer ? n : (lua_Integer)lua_rawlen(L, index);
}

static void check_depth(lua_State *L, int depth)
{
  if (depth > DEEPEST) cal_raise(L, "RecursionError", "arrays nest too deep to be compared");
  luaL_checkstack(L, 6, NULL);
}

/* NOLINTBEGIN(misc-no-recursion): arrays nest, and check_depth() bounds it */

static bool is_equal(lua_State *L, int a, int b, int depth);

/* Pushes the first elements in which the arrays differ; false, and nothing is pushed: there are
 * none up to the length of the shorter one. */
static bool push_difference(lua_State *L, int a, int b, int depth)
{
  lua_Integer na = length(L, a), nb = length(L, b);
  check_depth(L, depth);
  for (lua_Integer i = 1; i <= na && i <= nb; i++) {
    lua_rawgeti(L, a, i);
    lua_rawgeti(L, b, i);
    int top = lua_gettop(L);
    if (!is_equal(L, top - 1, top, depth + 1)) return true;
    lua_settop(L, top - 2);
  }
  return false;
}

static bool is_equal(lua_State *L, int a, int b, int depth)
{
  if (lua_rawequal(L, a, b)) return true;
  if (!is_array(L, a) || !is_array(L, b)) return lua_compare(L, a, b, LUA_OPEQ);
  if (length(L, a) != length(L, b)) return false;
  if (!push_difference(L, a, b, depth)) return true;
  lua_pop(L, 2);
  return false;
}

static bool is_less(lua_State *L, int a, int b, int depth)
{
  if (!is_array(L, a) || !is_array(L, b)) return lua_compare(L, a, b, LUA_OPLT);
  if (!push_difference(L, a, b, depth)) return length(L, a) < length(L, b);
  int top = lua_gettop(L);
  bool less = is_less(L, top - 1, top, depth + 1);
  lua_settop(L, top - 2);
  return less;
}

/* NOLINTEND(misc-no-recursion) */

/* Whether item `i` is less than item `j`; from 0, as in heapq. */
static bool is_item_less(lua_State *L, int table, size_t i, size_t j, const size_t *count)
{
  size_t before = *count;
  lua_rawgeti(L, table, (lua_Integer)i + 1);
  lua_rawgeti(L, table, (lua_Integer)j + 1);
  int top = lua_gettop(L);
  bool less = is_less(L, top - 1, top, 0);
  lua_settop(L, top - 2);
  if (*count != before) cal_raise(L, "RuntimeError", "list changed size during iteration");
  return less;
}

/* ---- moving ---- */

static void exchange(lua_State *L, int table, size_t i, size_t j)
{
  lua_rawgeti(L, table, (lua_Integer)i + 1);
  lua_rawgeti(L, table, (lua_Integer)j + 1);
  lua_rawseti(L, table, (lua_Integer)i + 1);
  lua_rawseti(L, table, (lua_Integer)j + 1);
}

/* heapq's siftdown: towards the root. */
static void sift_down(lua_State *L, int table, size_t place, const size_t *count)
{
  while (place > 0) {
    size_t parent = (place - 1) >> 1;
    if (!is_item_less(L, table, place, parent, count)) return;
    exchange(L, table, place, parent);
    place = parent;
  }
}

/* heapq's siftup: the root goes down to a leaf, always with the lesser child, and up from there. */
static void sift_up(lua_State *L, int table, const size_t *count)
{
  size_t place = 0, end = *count, limit = end >> 1;
  while (place < limit) {
    size_t child = 2 * place + 1;
    if (child + 1 < end && !is_item_less(L, table, child, child + 1, count)) child++;
    exchange(L, table, child, place);
    place = child;
  }
  sift_down(L, table, place, count);
}

void cal_heap_push(lua_State *L, int table, const size_t *count)
{
  luaL_checkstack(L, 6, NULL);
  sift_down(L, table, *count - 1, count);
}

void cal_heap_pop(lua_State *L, int table, size_t *count)
{
  luaL_checkstack(L, 8, NULL);
  lua_rawgeti(L, table, 1);
  lua_rawgeti(L, table, (lua_Integer)*count);
  lua_rawseti(L, table, 1);
  lua_pushnil(L);
  lua_rawseti(L, table, (lua_Integer)*count);
  if (--*count > 1) sift_up(L, table, count);
}
