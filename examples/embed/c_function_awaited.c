/* C functions that await: by continuation, as operation of its own, as work in a thread. */
#include <casync/lua.h>
#include <ctype.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

static struct casync_lua *host;

/* ---- by continuation: twice(awaitable) awaits it and returns its result two times ---- */

static int after_await(lua_State *L, int status, lua_KContext context)
{
  (void)status, (void)context;
  lua_pushvalue(L, -1);
  return 2;
}

static int twice(lua_State *L)
{
  lua_settop(L, 1);
  return casync_lua_await(L, 1, 0, after_await);
}

/* ---- an operation: press() waits for a button that button_pressed() tells ---- */

struct button {
  int presses;
};

static struct button *waiting; /* one at a time, for the example */

static int start_waiting(void *op)
{
  if (waiting != NULL) return CASYNC_EBUSY;
  waiting = op;
  return CASYNC_LUA_WAITS;
}

static void stop_waiting(void *op)
{
  (void)op;
  waiting = NULL;
}

static int push_presses(lua_State *L, void *op)
{
  lua_pushinteger(L, ((struct button *)op)->presses);
  return 1;
}

static const struct casync_lua_op_type press_type = {"press", sizeof(struct button), start_waiting,
                                                     stop_waiting, push_presses};

static int press(lua_State *L)
{
  void *op;
  int status = casync_lua_push_op(host, L, &press_type, &op);
  if (status < 0) return casync_lua_error(L, "RuntimeError", "%s", casync_strerror(status));
  return 1;
}

/* What a driver of the application would call, in the loop's thread. */
static int button_pressed(lua_State *L)
{
  struct button *button = waiting;
  (void)L;
  if (button == NULL) return 0;
  waiting = NULL;
  button->presses++;
  casync_lua_op_wake(button);
  return 0;
}

/* ---- work in a thread: shout(text) ---- */

static char text[64];

static void make_upper(void *data)
{
  for (char *c = data; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
}

static int push_text(lua_State *L, void *data)
{
  lua_pushstring(L, data);
  return 1;
}

static const struct casync_lua_work_type upper_type = {make_upper, push_text, NULL};

static int shout(lua_State *L)
{
  snprintf(text, sizeof text, "%s", luaL_checkstring(L, 1));
  int status = casync_lua_work(host, L, &upper_type, text);
  if (status < 0) return casync_lua_error(L, "RuntimeError", "%s", casync_strerror(status));
  return 1; /* the Future */
}

/* ---- all of it in a script ---- */

static const char script[] = //
    "local asyncio = require 'casync'\n"
    "local await = asyncio.await\n"
    "print(twice(asyncio.sleep(0.01, 'again')))\n"
    "local pressed = asyncio.create_task(press())\n"
    "await(asyncio.sleep(0))\n"
    "button_pressed()\n"
    "print('presses: ' .. await(pressed))\n"
    "local ok, err = pcall(await, asyncio.wait_for(press(), 0.01))\n"
    "print('nobody presses: ' .. err.name)\n"
    "print(await(shout 'in a thread'))\n";

int main(void)
{
  static const luaL_Reg functions[] = {{"twice", twice},
                                       {"press", press},
                                       {"button_pressed", button_pressed},
                                       {"shout", shout},
                                       {NULL, NULL}};
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, NULL, &host) < 0) return 1;
  lua_pushglobaltable(L);
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);

  if (luaL_loadstring(L, script) != LUA_OK) return 1;
  int status = casync_lua_run_task(host, L, 0);
  if (status == CASYNC_ERAISED) printf("failed: %s\n", luaL_tolstring(L, -1, NULL));
  casync_lua_close(host);
  lua_close(L);
  return status < 0;
}
