/* In libuv's loop: casync's descriptor is a uv_poll_t, its timeout a uv_timer_t, asked in a
 * uv_prepare_t, the last thing before libuv waits. */
#include <casync/lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <uv.h>

static struct casync_loop *loop;
static uv_prepare_t prepare;
static uv_poll_t descriptor;
static uv_timer_t timeout, own;

static void step(void)
{
  if (casync_loop_step(loop) < 0) uv_stop(uv_default_loop());
}

static void on_descriptor(uv_poll_t *handle, int status, int events)
{
  (void)handle, (void)status, (void)events;
  step();
}

static void on_timeout(uv_timer_t *timer)
{
  (void)timer;
  step();
}

static void on_prepare(uv_prepare_t *handle)
{
  double seconds = casync_loop_timeout(loop);
  (void)handle;
  if (seconds < 0)
    uv_timer_stop(&timeout);
  else
    uv_timer_start(&timeout, on_timeout, (uint64_t)ceil(seconds * 1000), 0);
}

static void on_own_timer(uv_timer_t *timer)
{
  printf("libuv: a timer\n");
  uv_close((uv_handle_t *)timer, NULL);
}

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  (void)host, (void)state, (void)data;
  printf("the script ended: %s\n", luaL_tolstring(L, -n, NULL));
  uv_close((uv_handle_t *)&prepare, NULL);
  uv_close((uv_handle_t *)&descriptor, NULL);
  uv_close((uv_handle_t *)&timeout, NULL);
}

int main(void)
{
  struct casync_lua_options options = {.size = sizeof options, .kind = CASYNC_LUA_STEPPED};
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, &options, &host) < 0) return 1;
  luaL_loadstring(L, "local asyncio = require 'casync'\n"
                     "print('casync: a task')\n"
                     "asyncio.await(asyncio.sleep(0.1))\n"
                     "return 'good night'\n");
  if (casync_lua_spawn(host, L, 0, on_end, NULL) < 0) return 1;

  uv_loop_t *uv = uv_default_loop();
  loop = casync_lua_loop(host);
  uv_prepare_init(uv, &prepare);
  uv_poll_init(uv, &descriptor, casync_loop_fd(loop));
  uv_timer_init(uv, &timeout);
  uv_timer_init(uv, &own);
  uv_prepare_start(&prepare, on_prepare);
  uv_poll_start(&descriptor, UV_READABLE, on_descriptor);
  uv_update_time(uv);
  uv_timer_start(&own, on_own_timer, 20, 0);
  uv_run(uv, UV_RUN_DEFAULT);

  uv_loop_close(uv);
  casync_lua_close(host); /* behind the handles that poll its descriptor */
  lua_close(L);
  return 0;
}
