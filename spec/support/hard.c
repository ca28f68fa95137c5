/* SPDX-License-Identifier: MIT
 *
 * A Lua module for the hard specs: makes allocations fail, collects at every step, counts open
 * descriptors.  Never installed.  One Lua state a process uses it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>

/* The state's own allocator, and the requests for more memory since the last hard.fail. */
static struct {
  lua_Alloc allocate;
  void *data;
  unsigned long requests;
  unsigned long fail_at; /* 0: none fails */
} memory;

/* A request that fails is made once more, after Lua's emergency collection: that one fails too. */
static bool is_made_to_fail(void)
{
  memory.requests++;
  return memory.fail_at != 0 &&
         (memory.requests == memory.fail_at || memory.requests == memory.fail_at + 1);
}

/* Only what asks for more can fail. */
static void *allocate(void *data, void *block, size_t old_size, size_t size)
{
  bool is_more = block == NULL || size > old_size;
  (void)data;
  if (size > 0 && is_more && is_made_to_fail()) return NULL;
  return memory.allocate(memory.data, block, old_size, size);
}

/* hard.fail(n): the n-th request for memory from now on fails; 0: none does. */
static int hard_fail(lua_State *L)
{
  lua_Integer n = luaL_checkinteger(L, 1);
  memory.requests = 0;
  memory.fail_at = (unsigned long)n;
  return 0;
}

/* hard.requests(): how many requests there were since hard.fail. */
static int hard_requests(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)memory.requests);
  return 1;
}

/* hard.fail_runtime(path, n): as hard.fail, for what the runtime in the module `path` allocates.
 * Returns false where the build does not show the runtime's functions. */
static int hard_fail_runtime(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  lua_Integer n = luaL_checkinteger(L, 2);
  void *module = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  void *found = module != NULL ? dlsym(module, "ca_alloc_fail_at") : NULL;
  if (found != NULL) {
    void (*fail_at)(unsigned long);
    *(void **)&fail_at = found;
    fail_at((unsigned long)n);
  }
  if (module != NULL) dlclose(module);
  lua_pushboolean(L, found != NULL);
  return 1;
}

static void collect(lua_State *L, lua_Debug *event)
{
  (void)event;
  lua_gc(L, LUA_GCCOLLECT);
}

/* hard.collect_every(n): a full collection at every n-th instruction of this thread and of those
 * made after it; 0: no more. */
static int hard_collect_every(lua_State *L)
{
  int n = (int)luaL_checkinteger(L, 1);
  if (n > 0)
    lua_sethook(L, collect, LUA_MASKCOUNT, n);
  else
    lua_sethook(L, NULL, 0, 0);
  return 0;
}

/* hard.collect_always(): the collector never pauses and goes on at every allocation. */
static int hard_collect_always(lua_State *L)
{
  lua_gc(L, LUA_GCINC, 0, 1000, 1);
  lua_gc(L, LUA_GCSETPAUSE, 0);
  return 0;
}

/* hard.open_files(): how many of the first 1024 descriptors are open. */
static int hard_open_files(lua_State *L)
{
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) != -1;
  lua_pushinteger(L, count);
  return 1;
}

static const luaL_Reg functions[] = {
    {"fail", hard_fail},
    {"requests", hard_requests},
    {"fail_runtime", hard_fail_runtime},
    {"collect_every", hard_collect_every},
    {"collect_always", hard_collect_always},
    {"open_files", hard_open_files},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_hard(lua_State *L);

int luaopen_hard(lua_State *L)
{
  if (memory.allocate == NULL) {
    memory.allocate = lua_getallocf(L, &memory.data);
    lua_setallocf(L, allocate, NULL);
  }
  luaL_newlib(L, functions);
  return 1;
}
