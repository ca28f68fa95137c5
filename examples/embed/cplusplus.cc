// From C++: a host that closes itself, a lambda that hears the end of a task.
#include <casync/lua.h>
#include <lua.hpp>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace
{

struct CloseState {
  void operator()(lua_State *L) const
  {
    lua_close(L);
  }
};

struct CloseHost {
  void operator()(casync_lua *host) const
  {
    casync_lua_close(host);
  }
};

using State = std::unique_ptr<lua_State, CloseState>;
using Host = std::unique_ptr<casync_lua, CloseHost>;

// What a function gave that may fail; the error is on the stack if it is Lua's.
int check(lua_State *L, int status)
{
  if (status == CASYNC_ERAISED) throw std::runtime_error(luaL_tolstring(L, -1, nullptr));
  if (status < 0) throw std::runtime_error(casync_strerror(status));
  return status;
}

Host open(lua_State *L)
{
  casync_lua *host = nullptr;
  check(L, casync_lua_open(L, nullptr, &host));
  return Host(host);
}

} // namespace

int main()
{
  State state(luaL_newstate());
  lua_State *L = state.get();
  luaL_openlibs(L);
  Host host = open(L);

  luaL_loadstring(
      L, "local asyncio = require 'casync' asyncio.await(asyncio.sleep(0.01)) return 'C++'");
  std::string told;
  casync_lua_listener *listener = [](casync_lua *h, lua_State *T, casync_lua_state, int,
                                     void *data) {
    *static_cast<std::string *>(data) = lua_tostring(T, -1);
    casync_loop_stop(casync_lua_loop(h));
  };
  check(L, casync_lua_spawn(host.get(), L, 0, listener, &told));
  check(L, casync_lua_run(host.get(), L));
  std::cout << "hello from " << told << std::endl;

  luaL_loadstring(L, "error('no such luck', 0)");
  try {
    check(L, casync_lua_run_task(host.get(), L, 0));
  } catch (const std::exception &error) {
    std::cout << "caught: " << error.what() << std::endl;
  }
}
