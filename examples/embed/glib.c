/* In GLib's main loop: casync is a GSource beside the application's own. */
#include <casync/lua.h>
#include <glib.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>

struct source {
  GSource source; /* first */
  struct casync_loop *loop;
  GPollFD descriptor;
};

static gboolean prepare(GSource *any, gint *timeout)
{
  double seconds = casync_loop_timeout(((struct source *)any)->loop);
  *timeout = seconds < 0 ? -1 : (gint)ceil(seconds * 1000);
  return seconds == 0;
}

static gboolean check(GSource *any)
{
  struct source *source = (struct source *)any;
  return source->descriptor.revents != 0 || casync_loop_timeout(source->loop) == 0;
}

static gboolean dispatch(GSource *any, GSourceFunc callback, gpointer data)
{
  (void)callback, (void)data;
  return casync_loop_step(((struct source *)any)->loop) >= 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static GSourceFuncs functions = {prepare, check, dispatch, NULL, NULL, NULL};

static GSource *attach(struct casync_lua *host)
{
  GSource *any = g_source_new(&functions, sizeof(struct source));
  struct source *source = (struct source *)any;
  source->loop = casync_lua_loop(host);
  source->descriptor.fd = casync_loop_fd(source->loop);
  source->descriptor.events = G_IO_IN;
  g_source_add_poll(any, &source->descriptor);
  g_source_attach(any, NULL);
  return any;
}

static gboolean on_timeout(gpointer data)
{
  (void)data;
  printf("GLib: a timer\n");
  return G_SOURCE_REMOVE;
}

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  (void)host, (void)state;
  printf("the script ended: %s\n", luaL_tolstring(L, -n, NULL));
  g_main_loop_quit(data);
}

int main(void)
{
  struct casync_lua_options options = {.size = sizeof options, .kind = CASYNC_LUA_STEPPED};
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  GMainLoop *main_loop = g_main_loop_new(NULL, FALSE);
  luaL_openlibs(L);
  if (casync_lua_open(L, &options, &host) < 0) return 1;
  luaL_loadstring(L, "local asyncio = require 'casync'\n"
                     "print('casync: a task')\n"
                     "asyncio.await(asyncio.sleep(0.1))\n"
                     "return 'good night'\n");
  if (casync_lua_spawn(host, L, 0, on_end, main_loop) < 0) return 1;

  GSource *source = attach(host);
  g_timeout_add(20, on_timeout, NULL);
  g_main_loop_run(main_loop);

  g_source_destroy(source); /* before the loop, whose descriptor it polls */
  g_source_unref(source);
  g_main_loop_unref(main_loop);
  casync_lua_close(host);
  lua_close(L);
  return 0;
}
