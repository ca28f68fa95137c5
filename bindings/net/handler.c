/* SPDX-License-Identifier: MIT
 *
 * The task that handles a connection of a server, and what is done when it ends.  It is what a done
 * callback would be, without its objects: thousands of connections are idle.
 */
#include "net.h"

/* Arguments: Transport. */
static int tell(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "connection_handled");
  lua_pushvalue(L, 1);
  lua_getiuservalue(L, 1, CAL_TRANSPORT_WRITER);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, CAL_TRANSPORT_WRITER);
  lua_call(L, 2, 0);
  return 0;
}

static void on_handled(struct casync_loop *runtime, struct casync_handle *handle)
{
  struct cal_transport *self = cal_transport_of(
      (struct casync_stream *)(void *)((char *)handle - offsetof(struct casync_stream, begin)));
  struct cal_loop *loop = casync_loop_data(runtime);
  lua_State *L = loop->state->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, LUA_MINSTACK)) return;
  if (cal_transport_run(L, self, tell, NULL, NULL) != LUA_OK) {
    if (cal_leaves_loop(L))
      cal_leave_with(L, loop);
    else
      cal_report(L, loop, "Exception in callback", "transport", top + 1);
  }
  self->is_handled = false;
  if (casync_stream_fd(&self->stream) < 0) cal_transport_let_go(L, top + 1, self);
  lua_settop(L, top);
}

static const struct casync_handle_type handled_type = {on_handled, NULL};

/* handle_connection(transport, task, writer): when the task has ended,
 * core.hooks.connection_handled is called with the transport and the writer, which live so long */
int cal_handle_connection(lua_State *L)
{
  struct cal_transport *self = cal_check(L, 1, CAL_TRANSPORT, sizeof *self);
  struct cal_future *task = cal_check_future(L, 2);
  lua_settop(L, 3);
  bool has_begun = !(self->stream.begin.flags & CASYNC_HANDLE_QUEUED);
  if (self->is_handled || self->slot == 0 || !has_begun)
    return cal_raise(L, "RuntimeError", "the transport cannot be handled (again)");
  lua_setiuservalue(L, 1, CAL_TRANSPORT_WRITER);
  self->stream.begin = (struct casync_handle){.type = &handled_type};
  self->is_handled = true;
  casync_future_wait(&task->future, &self->stream.begin);
  return 0;
}
