/* SPDX-License-Identifier: MIT
 *
 * The answer of one Lua state: the text that casync.debug.ps makes of its loops, given by a loop
 * between two iterations, or by a hook in code that is busy, between two of its instructions.
 */
#include <stdio.h>

#include "casync/impl/ps.h"
#include "casync/sock.h"
#include "ps/states.h"

/* Arguments: whether it is busy.  Returns the text. */
static int make_text(lua_State *L)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "casync.debug.ps");
  lua_call(L, 1, 1);
  cal_push_value_slowly(L, CAL_STATE_LOOPS);
  lua_pushvalue(L, 1);
  lua_call(L, 2, 1);
  luaL_checktype(L, -1, LUA_TSTRING);
  return 1;
}

/* One who asks is told the text on top. */
static void tell_text(lua_State *L, int connection)
{
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  casync_ps_hand_over(connection, text, size);
}

/* One who asks is told the error on top, the beginning of it in one line. */
static void tell_error(lua_State *L, int connection)
{
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without text";
  char line[CASYNC_PS_LINE];
  snprintf(line, sizeof line, "failed %.200s", text);
  for (char *c = line; *c != '\0'; c++)
    if (*c == '\n') *c = ' ';
  casync_ps_tell(connection, line);
}

int cal_ps_serve(lua_State *L, struct cal_ps *ps, bool is_busy)
{
  int connections[CAL_PS_ASKED];
  int count = cal_ps_take(ps, connections);
  if (count <= 0) return count;
  for (int i = 0; i < count; i++) casync_ps_tell(connections[i], "begin");
  lua_pushcfunction(L, make_text);
  lua_pushboolean(L, is_busy);
  bool is_text = lua_pcall(L, 1, 1, 0) == LUA_OK;
  for (int i = 0; i < count; i++) {
    (is_text ? tell_text : tell_error)(L, connections[i]);
    casync_sock_close(connections[i]);
  }
  lua_pop(L, 1);
  return count;
}

/* The hook of the user's, if there was one, is back before anything else happens. */
void cal_ps_on_busy(lua_State *L, lua_Debug *frame)
{
  struct cal_ps *ps = cal_find_state_slowly(L)->ps;
  (void)frame;
  if (ps == NULL) {
    lua_sethook(L, NULL, 0, 0);
    return;
  }
  lua_sethook(L, ps->hook, ps->hook_mask, ps->hook_count);
  if (lua_checkstack(L, LUA_MINSTACK)) cal_ps_serve(L, ps, true);
}
