/* A guest in an application's libev loop, beside the application's own timer and socket: the
 * application asks for lines over a socket pair, the script answers through streams of its own. */
#include <casync/lua.h>
#include <ev.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const char script[] = //
    "local asyncio = require 'casync'\n"
    "local await = asyncio.await\n"
    "local fd = ...\n"
    "local loop = asyncio.get_running_loop()\n"
    "local readable = loop:create_future()\n"
    "loop:add_reader(fd, function() readable:set_result() end)\n"
    "await(readable)\n"
    "loop:remove_reader(fd)\n"
    "local question = asyncio.files.read(fd, 100)\n"
    "print('script: asked ' .. question)\n"
    "await(asyncio.sleep(0.03))\n"
    "return question .. '? forty-two'\n";

static struct ev_loop *loop;
static int ends[2];

/* The application's timer. */
static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
  static int ticks;
  (void)events;
  if (++ticks == 1 && write(ends[0], "the answer", 10) == 10) printf("application: asks\n");
  if (ticks == 3) ev_timer_stop(ev, timer);
}

/* The application's socket. */
static void on_answer(struct ev_loop *ev, ev_io *io, int events)
{
  char answer[100];
  ssize_t size = read(io->fd, answer, sizeof answer - 1);
  (void)events;
  printf("application: got '%.*s'\n", size > 0 ? (int)size : 0, answer);
  ev_io_stop(ev, io);
}

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  size_t size;
  const char *text = luaL_tolstring(L, -n, &size);
  (void)host, (void)state, (void)data;
  if (write(ends[1], text, size) < 0) perror("write");
}

int main(void)
{
  ev_timer tick;
  ev_io answer;
  loop = ev_default_loop(0);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  ev_timer_init(&tick, on_tick, 0.01, 0.01);
  ev_timer_start(loop, &tick);
  ev_io_init(&answer, on_answer, ends[0], EV_READ);
  ev_io_start(loop, &answer);

  struct casync_lua_options options = {
      .size = sizeof options, .kind = CASYNC_LUA_GUEST, .ev = loop};
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, &options, &host) < 0) return 1;
  luaL_loadstring(L, script);
  lua_pushinteger(L, ends[1]);
  if (casync_lua_spawn(host, L, 1, on_end, NULL) < 0) return 1;

  ev_run(loop, 0); /* returns when neither the application nor the script has anything left to do */

  casync_lua_close(host);
  lua_close(L);
  return 0;
}
