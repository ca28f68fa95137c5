/* SPDX-License-Identifier: MIT
 *
 * C functions of the application that await, and operations that it writes in C.
 *
 * An operation is a native coroutine (await/native.c) whose type is its own: both are in one
 * userdata, in front of the application's memory, which the coroutine keeps alive.
 */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <string.h>

#include "embed/embed.h"

/* ---- awaiting ---- */

/* Pushes `await` and the value at `index`. */
static void push_await(lua_State *L, int index)
{
  index = lua_absindex(L, index);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (cal_find_state_slowly(L) == NULL) luaL_error(L, "casync is not open in this Lua state");
  cal_push_value_slowly(L, CAL_STATE_AWAIT);
  lua_pushvalue(L, index);
}

int casync_lua_await(lua_State *L, int index, lua_KContext context, lua_KFunction back)
{
  push_await(L, index);
  lua_callk(L, 1, LUA_MULTRET, context, back);
  return back(L, LUA_OK, context);
}

int casync_lua_pawait(lua_State *L, int index, lua_KContext context, lua_KFunction back)
{
  push_await(L, index);
  int status = lua_pcallk(L, 1, LUA_MULTRET, 0, context, back);
  return back(L, status, context);
}

/* ---- operations ---- */

struct operation {
  struct cal_native_type native; /* first: the op's type */
  const struct casync_lua_op_type *type;
  struct casync_task *task; /* who waits; NULL: nobody */
  alignas(max_align_t) char memory[];
};

static struct operation *operation_of(void *memory)
{
  return (struct operation *)(void *)((char *)memory - offsetof(struct operation, memory));
}

static void undo(struct casync_task *task)
{
  struct operation *operation = task->object;
  operation->task = NULL;
  if (operation->type->undo != NULL) operation->type->undo(operation->memory);
}

static int finish(lua_State *L, struct operation *operation)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  return operation->type->finish == NULL ? 0 : operation->type->finish(L, operation->memory);
}

/* The operation of the op at index 1. */
static struct operation *operation_at(lua_State *L)
{
  const struct cal_op *op = lua_touserdata(L, 1);
  return (struct operation *)(void *)op->of.op.type;
}

static int back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, back);
  cal_come_back(L, state);
  return finish(L, operation_at(L));
}

static int body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct operation *operation = operation_at(L);
  (void)op;
  struct casync_task *task = cal_may_wait(L, state);
  int status = operation->type->start(operation->memory);
  if (status < 0) return cal_raise_code(L, status);
  if (status == CASYNC_LUA_FINISHED) return finish(L, operation);
  operation->task = task;
  casync_task_wait(task, &operation->native.op, operation);
  return cal_wait(L, state, back);
}

/* make(request) -> op; upvalue: the state */
static int make(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  const struct casync_lua_op_type *type = request->type;
  size_t size = sizeof(struct operation) + type->size;
  struct operation *operation = lua_newuserdatauv(L, size, 0);
  memset(operation, 0, size);
  operation->native.op.name = type->name;
  operation->native.op.undo = undo;
  operation->native.body = body;
  operation->type = type;
  cal_native_new(L, &operation->native, 1);
  request->result = operation->memory;
  return 1;
}

/* push_op(request) -> op */
static int push_op(lua_State *L)
{
  cal_push_state_slowly(L);
  lua_pushcclosure(L, make, 1);
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int casync_lua_push_op(struct casync_lua *host, lua_State *L, const struct casync_lua_op_type *type,
                       void **op)
{
  struct cal_request request = {.host = host, .type = type};
  if (op == NULL) return -EINVAL;
  *op = NULL;
  if (L == NULL || type == NULL || type->name == NULL || type->start == NULL) return -EINVAL;
  int status = cal_embed_check(host, L);
  if (status == 0) status = cal_embed_call(L, push_op, &request, 0);
  if (status < 0) return status;
  *op = request.result;
  return 0;
}

int casync_lua_op_wake(void *op)
{
  if (op == NULL) return -EINVAL;
  struct operation *operation = operation_of(op);
  struct casync_task *task = operation->task;
  if (task == NULL) return CASYNC_ESTATE;
  const struct cal_loop *loop = casync_loop_data(task->future.loop);
  if (loop->debug && loop->thread != (unsigned long)pthread_self()) return CASYNC_ETHREAD;
  operation->task = NULL;
  casync_task_wake(task);
  return 0;
}
