/* SPDX-License-Identifier: MIT
 *
 * add_reader and add_writer: a Handle that is queued at each iteration in which its descriptor is
 * ready.  The Loop keeps it in a table by descriptor and direction.
 */
#include "bind.h"

#include <errno.h>
#include <limits.h> /* INT_MAX */
#include <stdio.h>

/* Bytes that files.read() takes at most, unless told. */
enum { CHUNK = 65536 };

static int check_file(lua_State *L, const luaL_Stream *file)
{
  if (file->closef == NULL) cal_raise(L, "ValueError", "I/O operation on closed file");
  return fileno(file->f);
}

/* A descriptor: a number, a file of Lua's, or an object with a method fileno(). */
static int check_fd(lua_State *L, int index)
{
  const luaL_Stream *file = luaL_testudata(L, index, LUA_FILEHANDLE);
  if (file != NULL) return check_file(L, file);
  if (lua_type(L, index) != LUA_TNUMBER && luaL_getmetafield(L, index, "__index")) {
    lua_pop(L, 1);
    lua_getfield(L, index, "fileno");
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    lua_replace(L, index);
  }
  lua_Integer fd = luaL_checkinteger(L, index);
  if (fd < 0 || fd > 0x3fffffff) cal_raise(L, "ValueError", "Invalid file descriptor: %I", fd);
  return (int)fd;
}

static lua_Integer key_of(int fd, enum casync_direction direction)
{
  return (lua_Integer)fd * 2 + direction;
}

/* Stops the watching of `fd`; the handle that is queued still will not run. */
static bool forget(lua_State *L, struct cal_loop *loop, int fd, enum casync_direction direction)
{
  struct casync_handle *handle = casync_loop_unwatch(loop->loop, fd, direction);
  if (handle == NULL) return false;
  handle->flags |= CASYNC_HANDLE_CANCELLED;
  lua_getiuservalue(L, 1, CAL_LOOP_WATCHING);
  lua_pushnil(L);
  lua_rawseti(L, -2, key_of(fd, direction));
  lua_pop(L, 1);
  return true;
}

static int add(lua_State *L, enum casync_direction direction)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  int fd = check_fd(L, 2);
  int nargs = cal_callback_arguments(L, 3);
  struct cal_handle *handle = cal_handle_new(L, loop, CAL_HANDLE, 3, nargs);
  handle->timer.handle.type = &cal_watch_handle;
  handle->slot = (uint32_t)key_of(fd, direction);
  forget(L, loop, fd, direction);
  lua_getiuservalue(L, 1, CAL_LOOP_WATCHING);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, key_of(fd, direction));
  int status = casync_loop_watch(loop->loop, fd, direction, &handle->timer.handle);
  if (status == 0) return 0;
  lua_pushnil(L);
  lua_rawseti(L, -2, key_of(fd, direction));
  return cal_raise_code(L, status);
}

static int remove_watch(lua_State *L, enum casync_direction direction)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  int fd = check_fd(L, 2);
  lua_pushboolean(L, forget(L, loop, fd, direction));
  return 1;
}

static int loop_add_reader(lua_State *L)
{
  return add(L, CASYNC_READ);
}

static int loop_add_writer(lua_State *L)
{
  return add(L, CASYNC_WRITE);
}

static int loop_remove_reader(lua_State *L)
{
  return remove_watch(L, CASYNC_READ);
}

static int loop_remove_writer(lua_State *L)
{
  return remove_watch(L, CASYNC_WRITE);
}

/* files.read(file[, n]): what is there now, at most n bytes; "" if nothing is there yet, nil at the
 * end.  It reads past the buffer of a file of Lua's. */
static int file_read(lua_State *L)
{
  int fd = check_fd(L, 1);
  lua_Integer n = luaL_optinteger(L, 2, CHUNK);
  luaL_argcheck(L, n > 0 && n <= INT_MAX, 2, "size out of range");
  luaL_Buffer buffer;
  int got = casync_fd_read(fd, luaL_buffinitsize(L, &buffer, (size_t)n), (int)n);
  if (got < 0 && got != -EAGAIN) return cal_raise_code(L, got);
  luaL_pushresultsize(&buffer, got > 0 ? (size_t)got : 0);
  if (got == 0) lua_pushnil(L);
  return 1;
}

/* files.fileno(file): the descriptor of what add_reader takes. */
static int file_fileno(lua_State *L)
{
  lua_pushinteger(L, check_fd(L, 1));
  return 1;
}

void cal_open_watch(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"add_reader", loop_add_reader},
      {"add_writer", loop_add_writer},
      {"remove_reader", loop_remove_reader},
      {"remove_writer", loop_remove_writer},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"file_read", file_read}, {"file_fileno", file_fileno}, {NULL, NULL}};
  cal_set_functions(L, methods);
  lua_pushvalue(L, -2);
  cal_set_functions(L, functions);
  lua_pop(L, 1);
}
