/* SPDX-License-Identifier: MIT
 *
 * C libev + Lua coroutines: the limit of a server whose handlers are written
 * in Lua. A coroutine a connection, which only reading suspends; no errors, no
 * cancellation, no back-pressure, no argument checks.
 *
 *     wire.serve(port, function(connection) … end)
 *     connection:read()        what has come, "" at the end
 *     connection:readline()    a line with its end, "" at the end
 *     connection:write(bytes)
 *
 * Invariant: a connection and its coroutine are values of the module's table,
 * keyed by the descriptor, until the coroutine ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <lauxlib.h>
#include <lua.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHARED = 256 * 1024, LINES = 4096, BACKLOG = 4096 };

struct wire {
  ev_io io;
  ev_io room; /* for what a send left over */
  lua_State *co;
  int by_line;
  char *rest; /* not sent yet */
  size_t rest_from, rest_to;
  char *lines;     /* what readline has not handed out yet */
  size_t from, to; /* in lines */
};

static char shared[SHARED];
static struct ev_loop *ev;
static lua_State *main_state;
static int anchors, handler; /* stack indices of main_state */

static void finish(struct wire *w)
{
  ev_io_stop(ev, &w->io);
  ev_io_stop(ev, &w->room);
  free(w->rest);
  free(w->lines);
  close(w->io.fd);
  lua_pushnil(main_state);
  lua_rawseti(main_state, anchors, w->io.fd); /* frees w */
}

static void resume(struct wire *w, int nargs)
{
  int nres, status = lua_resume(w->co, main_state, nargs, &nres);
  if (status == LUA_YIELD) return;
  if (status != LUA_OK) luaL_error(main_state, "%s", lua_tostring(w->co, -1));
  finish(w);
}

/* Pushes a whole line, or returns 0. */
static int push_line(lua_State *L, struct wire *w)
{
  if (w->from == w->to) return 0;
  char *begin = w->lines + w->from, *end = memchr(begin, '\n', w->to - w->from);
  if (end == NULL) return 0;
  lua_pushlstring(L, begin, (size_t)(end + 1 - begin));
  w->from = (size_t)(end + 1 - w->lines);
  if (w->from == w->to) w->from = w->to = 0;
  return 1;
}

static void on_lines(struct wire *w)
{
  ssize_t n = recv(w->io.fd, w->lines + w->to, LINES - w->to, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    lua_pushliteral(w->co, "");
  } else {
    w->to += (size_t)n;
    if (!push_line(w->co, w)) return;
  }
  resume(w, 1);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
  (void)loop;
  (void)events;
  struct wire *w = io->data;
  if (w->by_line) {
    on_lines(w);
    return;
  }
  ssize_t n = recv(io->fd, shared, sizeof shared, 0);
  if (n < 0 && errno == EAGAIN) return;
  lua_pushlstring(w->co, shared, n > 0 ? (size_t)n : 0);
  resume(w, 1);
}

static void on_room(struct ev_loop *loop, ev_io *io, int events)
{
  (void)events;
  struct wire *w = io->data;
  ssize_t n = send(io->fd, w->rest + w->rest_from, w->rest_to - w->rest_from, MSG_NOSIGNAL);
  if (n > 0) w->rest_from += (size_t)n;
  if (w->rest_from == w->rest_to || (n < 0 && errno != EAGAIN)) ev_io_stop(loop, io);
}

static int wire_read(lua_State *L)
{
  struct wire *w = lua_touserdata(L, 1);
  w->by_line = 0;
  return lua_yield(L, 0);
}

static int wire_readline(lua_State *L)
{
  struct wire *w = lua_touserdata(L, 1);
  if (push_line(L, w)) return 1;
  if (w->lines == NULL) w->lines = malloc(LINES);
  memmove(w->lines, w->lines + w->from, w->to - w->from);
  w->to -= w->from;
  w->from = 0;
  w->by_line = 1;
  return lua_yield(L, 0);
}

/* One message is under way on a connection, so at most one rest. */
static int wire_write(lua_State *L)
{
  struct wire *w = lua_touserdata(L, 1);
  size_t length;
  const char *bytes = lua_tolstring(L, 2, &length);
  ssize_t n = send(w->io.fd, bytes, length, MSG_NOSIGNAL);
  if (n == (ssize_t)length) return 0;
  size_t sent = n > 0 ? (size_t)n : 0;
  size_t left = w->rest_to - w->rest_from;
  char *rest = malloc(left + length - sent);
  if (left > 0) memcpy(rest, w->rest + w->rest_from, left);
  memcpy(rest + left, bytes + sent, length - sent);
  free(w->rest);
  w->rest = rest;
  w->rest_from = 0;
  w->rest_to = left + length - sent;
  ev_io_start(ev, &w->room);
  return 0;
}

static void begin_connection(int fd)
{
  lua_State *L = main_state;
  struct wire *w = lua_newuserdatauv(L, sizeof *w, 1);
  memset(w, 0, sizeof *w);
  luaL_setmetatable(L, "wire");
  w->co = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, handler);
  lua_pushvalue(L, -2);
  lua_xmove(L, w->co, 2);
  lua_rawseti(L, anchors, fd);
  ev_io_init(&w->io, on_readable, fd, EV_READ);
  ev_io_init(&w->room, on_room, fd, EV_WRITE);
  w->io.data = w->room.data = w;
  ev_io_start(ev, &w->io);
  resume(w, 1);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
  int one = 1;
  (void)loop;
  (void)events;
  for (int fd; (fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    begin_connection(fd);
  }
}

static int wire_serve(lua_State *L)
{
  struct sockaddr_in a = {.sin_family = AF_INET};
  a.sin_port = htons((uint16_t)luaL_checkinteger(L, 1));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0)
    return luaL_error(L, "%s", strerror(errno));
  lua_newtable(L);
  main_state = L;
  handler = 2;
  anchors = 3;
  ev = ev_default_loop(0);
  ev_io listening;
  ev_io_init(&listening, on_connection, fd, EV_READ);
  ev_io_start(ev, &listening);
  ev_run(ev, 0);
  return 0;
}

int luaopen_wire(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"read", wire_read}, {"readline", wire_readline}, {"write", wire_write}, {NULL, NULL}};
  luaL_newmetatable(L, "wire");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  lua_pushcfunction(L, wire_serve);
  lua_setfield(L, -2, "serve");
  return 1;
}
