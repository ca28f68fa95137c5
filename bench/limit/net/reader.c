/* SPDX-License-Identifier: MIT
 *
 * The limits of reading: C functions that a Lua loop calls, on a blocking
 * socket. No buffer but one, no tasks, no limit to overrun.
 *
 *     reader.connect(port)
 *     reader.readline()   a line with its end; nil at the end
 *     reader.read()       at most 256 KiB; nil at the end
 *     reader.scan()       reads and searches as much without a string; how much
 *     reader.keep_memory()  from now on malloc gives none back to the kernel
 *
 * Strings of 256 KiB are above malloc's threshold for mapping and unmapping
 * memory: every one of them costs page faults, unless malloc keeps memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 256 * 1024 };

static int fd;
static char buffer[SIZE];
static size_t from, to;

static int reader_connect(lua_State *L)
{
  struct sockaddr_in a = {.sin_family = AF_INET};
  a.sin_port = htons((uint16_t)luaL_checkinteger(L, 1));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
    return luaL_error(L, "%s", strerror(errno));
  return 0;
}

/* Moves what is left to the front and reads more behind it. */
static size_t fill(void)
{
  memmove(buffer, buffer + from, to - from);
  to -= from;
  from = 0;
  ssize_t n = read(fd, buffer + to, sizeof buffer - to);
  if (n <= 0) return 0;
  to += (size_t)n;
  return (size_t)n;
}

static int reader_readline(lua_State *L)
{
  size_t scanned = 0;
  for (;;) {
    char *begin = buffer + from;
    char *end = memchr(begin + scanned, '\n', to - from - scanned);
    if (end != NULL) {
      lua_pushlstring(L, begin, (size_t)(end + 1 - begin));
      from = (size_t)(end + 1 - buffer);
      return 1;
    }
    scanned = to - from;
    if (fill() == 0) return 0;
  }
}

static int reader_read(lua_State *L)
{
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n <= 0) return 0;
  lua_pushlstring(L, buffer, (size_t)n);
  return 1;
}

static int reader_scan(lua_State *L)
{
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n <= 0) return 0;
  if (memchr(buffer, '\n', (size_t)n) != NULL) return luaL_error(L, "an end of line");
  lua_pushinteger(L, n);
  return 1;
}

static int reader_keep_memory(lua_State *L)
{
  (void)L;
  mallopt(M_MMAP_THRESHOLD, 64 * SIZE);
  mallopt(M_TRIM_THRESHOLD, 256 * SIZE);
  return 0;
}

int luaopen_reader(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"connect", reader_connect}, {"readline", reader_readline},       {"read", reader_read},
      {"scan", reader_scan},       {"keep_memory", reader_keep_memory}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
