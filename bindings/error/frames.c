/* SPDX-License-Identifier: MIT
 *
 * The frames of one Lua thread as text: the user's, as Lua's own tracebacks have them, without
 * those of the library.  However deep the stack is, the text is short and found soon.
 */
#include "bind.h"

#include <string.h>

/* Of a deep stack so many lines of the newest levels are shown, in so many levels, and so many of
 * the oldest levels. */
enum { NEWEST_LINES = 10, NEWEST_LEVELS = 30, OLDEST_LEVELS = 12 };
struct writer {
  lua_State *L, *co; /* where the text grows; whose stack it is about */
  luaL_Buffer text;
  const char *own; /* what the sources of the library begin with */
  size_t own_length;
  size_t pending; /* length of the lines of C functions whose caller is not known yet */
  int lines;      /* of Lua functions */
  bool over;      /* a loop runs what is above */
  bool is_found;  /* the frame that holds the scope was met */
  int scope;      /* index in L of a scope to look for, 0: none */
  struct cal_holder holder;
};

/* Pushes the folder of the library's Lua files as their sources name it, or "": that of a function
 * which is there whenever the classes of exceptions are. */
static void push_own_path(lua_State *L)
{
  lua_Debug info = {.source = ""};
  cal_push_value(L, CAL_STATE_OWN_PATH);
  if (lua_isstring(L, -1)) return;
  int place = lua_gettop(L);
  cal_push_value(L, CAL_STATE_ERRORS);
  if (lua_istable(L, -1) && lua_getfield(L, -1, "isinstance") == LUA_TFUNCTION)
    lua_getinfo(L, ">S", &info);
  const char *end = strrchr(info.source, '/');
  lua_pushlstring(L, info.source, end != NULL ? (size_t)(end + 1 - info.source) : 0);
  lua_replace(L, place);
  lua_settop(L, place);
  if (end == NULL) return;
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_OWN_PATH);
}

static bool is_own(const struct writer *w, const lua_Debug *frame)
{
  return w->own_length > 0 && strncmp(frame->source, w->own, w->own_length) == 0;
}

static void drop_pending(struct writer *w)
{
  luaL_buffsub(&w->text, w->pending);
  w->pending = 0;
}

static bool says_only_that_it_raised(const char *name)
{
  return strcmp(name, "error") == 0 || strcmp(name, "assert") == 0;
}

/* Whether the C function on top is the library's, a hook, or one that only says that it raised. */
static bool is_dull(lua_State *L, const lua_Debug *frame)
{
  if (frame->name == NULL || *frame->namewhat == 'h' || says_only_that_it_raised(frame->name))
    return true;
  if (lua_getupvalue(L, -1, 1) == NULL) return false;
  bool is_state = lua_touserdata(L, -1) == (void *)cal_find_state(L);
  lua_pop(L, 1);
  return is_state;
}

/* Pushes the name that the function at `function` has in the module above it; false if none. */
static bool push_name_in_module(lua_State *L, int function)
{
  int name = function + 1, module = function + 2; /* the module's name, the module */
  if (lua_type(L, name) != LUA_TSTRING || !lua_istable(L, module)) return false;
  for (lua_pushnil(L); lua_next(L, module); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, function)) continue;
    if (strcmp(lua_tostring(L, name), LUA_GNAME) == 0)
      lua_pushvalue(L, -2);
    else
      lua_pushfstring(L, "%s.%s", lua_tostring(L, name), lua_tostring(L, -2));
    return true;
  }
  return false;
}

/* Replaces the function on top by its name in a loaded module, or pops it: false. */
static bool find_module_name(lua_State *L)
{
  int function = lua_gettop(L);
  bool found = false;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_insert(L, function);
  function++;
  for (lua_pushnil(L); lua_next(L, function - 1); lua_settop(L, function + 1)) {
    found = push_name_in_module(L, function);
    if (found) break;
  }
  if (found) lua_replace(L, function - 1);
  lua_settop(L, found ? function - 1 : function - 2);
  return found;
}

/* Replaces the C function on top by what it is called; nil: nothing that is worth a line. */
static void name_c_function(lua_State *L, const lua_Debug *frame)
{
  bool is_global = strcmp(frame->namewhat, "global") == 0;
  if (is_dull(L, frame)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  } else if (is_global) {
    lua_pop(L, 1);
    lua_pushfstring(L, "function '%s'", frame->name);
  } else if (!find_module_name(L)) {
    lua_pushfstring(L, "%s '%s'", frame->namewhat, frame->name);
  } else if (says_only_that_it_raised(lua_tostring(L, -1))) {
    lua_pop(L, 1);
    lua_pushnil(L);
  } else {
    lua_pushfstring(L, "function '%s'", lua_tostring(L, -1));
    lua_remove(L, -2);
  }
}

/* The function is on top (popped).  Which Lua function called it is not known yet. */
static void add_c_frame(struct writer *w, const lua_Debug *frame)
{
  lua_State *L = w->L;
  name_c_function(L, frame);
  if (lua_isnil(L, -1)) {
    w->over = frame->name != NULL && strcmp(frame->name, "_run") == 0;
    lua_pop(L, 1);
    return;
  }
  lua_pushfstring(L, "\n\t[C]: in %s", lua_tostring(L, -1));
  lua_remove(L, -2);
  w->pending += lua_rawlen(L, -1);
  luaL_addvalue(&w->text);
}

/* Whether the function at a level has its name in the library's code. */
static bool is_called_by_own(const struct writer *w, int level)
{
  lua_Debug caller;
  return lua_getstack(w->co, level + 1, &caller) && lua_getinfo(w->co, "S", &caller) &&
         is_own(w, &caller);
}

/* Pushes what a Lua function, which is on top (popped), is called, as Lua's tracebacks do. */
static void push_name(struct writer *w, const lua_Debug *frame, int level)
{
  lua_State *L = w->L;
  bool is_global = strcmp(frame->namewhat, "global") == 0;
  if (*frame->what == 'm') {
    lua_pushliteral(L, "main chunk");
  } else if (frame->name != NULL && !is_called_by_own(w, level)) {
    lua_pushfstring(L, "%s '%s'", is_global ? "function" : frame->namewhat, frame->name);
  } else {
    cal_push_value(L, CAL_STATE_NAMES);
    lua_pushvalue(L, -2);
    if (lua_rawget(L, -2) == LUA_TSTRING)
      lua_pushfstring(L, "function '%s'", lua_tostring(L, -1));
    else
      lua_pushfstring(L, "function <%s:%d>", frame->short_src, frame->linedefined);
    lua_insert(L, -3);
    lua_pop(L, 2);
  }
  lua_remove(L, -2);
}

/* Whether the frame is the one that holds the scope, in a local variable. */
static bool holds_scope(struct writer *w, lua_Debug *frame)
{
  if (w->scope == 0 || w->is_found) return false;
  for (int i = 1; lua_getlocal(w->co, frame, i) != NULL; i++) {
    if (w->co != w->L) lua_xmove(w->co, w->L, 1);
    if (lua_rawequal(w->L, -1, w->scope)) w->is_found = true;
    lua_pop(w->L, 1);
    if (w->is_found) return true;
  }
  return false;
}

/* Where the scope was entered, if the function did it itself. */
static void note_holder(struct writer *w, const lua_Debug *frame)
{
  lua_rawgeti(w->L, w->scope, CAL_SCOPE_LINE);
  int line = (int)lua_tointeger(w->L, -1);
  lua_pop(w->L, 1);
  bool is_inside = line >= frame->linedefined && line <= frame->lastlinedefined;
  w->holder.line = frame->currentline;
  if (line > 0 && (is_inside || *frame->what == 'm')) w->holder.entered = line;
}

/* The function is on top (popped). */
static void add_lua_frame(struct writer *w, lua_Debug *frame, int level)
{
  lua_State *L = w->L;
  bool holds = holds_scope(w, frame);
  if (is_own(w, frame)) {
    lua_pop(L, 1);
    drop_pending(w);
    if (holds) w->holder.offset = luaL_bufflen(&w->text);
    return;
  }
  if (holds) {
    w->holder.offset = luaL_bufflen(&w->text);
    note_holder(w, frame);
  }
  push_name(w, frame, level);
  lua_pushfstring(L, "\n\t%s:%d: in %s", frame->short_src, frame->currentline, lua_tostring(L, -1));
  lua_remove(L, -2);
  w->pending = 0;
  w->lines++;
  luaL_addvalue(&w->text);
}

/* Adds the frame at a level, if it is of interest; false if there is none. */
static bool add_level(struct writer *w, int level)
{
  lua_Debug frame;
  if (!lua_getstack(w->co, level, &frame) || !lua_checkstack(w->co, 1)) return false;
  lua_getinfo(w->co, "Slnf", &frame);
  if (w->co != w->L) lua_xmove(w->co, w->L, 1);
  if (*frame.what == 'C')
    add_c_frame(w, &frame);
  else
    add_lua_frame(w, &frame, level);
  return !w->over;
}

/* The oldest level of a stack that has level `known`. */
static int find_oldest(lua_State *co, int known)
{
  lua_Debug frame;
  int low = known, high = known + 1;
  while (lua_getstack(co, high, &frame)) {
    low = high;
    high *= 2;
  }
  while (low + 1 < high) {
    int middle = low + (high - low) / 2;
    if (lua_getstack(co, middle, &frame))
      low = middle;
    else
      high = middle;
  }
  return low;
}

static void add_levels(struct writer *w, int level)
{
  int newest_end = level + NEWEST_LEVELS;
  while (level < newest_end && w->lines < NEWEST_LINES)
    if (!add_level(w, level++)) return;
  lua_Debug frame;
  if (!lua_getstack(w->co, level, &frame)) return;
  int oldest = find_oldest(w->co, level), skipped = oldest + 1 - OLDEST_LEVELS - level;
  if (skipped > 0) {
    lua_pushfstring(w->L, "\n\t...\t(skipping %d levels)", skipped);
    w->pending = 0;
    luaL_addvalue(&w->text);
    level += skipped;
  }
  while (add_level(w, level)) level++;
}

void cal_push_frames(lua_State *L, lua_State *co, int level, int scope, struct cal_holder *holder)
{
  struct writer w = {.L = L, .co = co, .scope = scope};
  push_own_path(L);
  w.own = lua_tolstring(L, -1, &w.own_length);
  luaL_buffinit(L, &w.text);
  add_levels(&w, level);
  drop_pending(&w);
  luaL_pushresult(&w.text);
  lua_remove(L, -2);
  if (holder != NULL) *holder = w.holder;
}
