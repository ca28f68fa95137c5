/* SPDX-License-Identifier: MIT
 *
 * Completers: a future's result from any thread.
 *
 *   UNUSED -> USED, in the mailbox -> settled in the loop, or dropped when that closes
 *
 * A completer owns no Lua memory: the host's record keeps the future, under the completer's
 * address, until it is settled or given up.  What is posted to the loop is the mailbox, as long as
 * there is anything in it.
 */
#include "embed/embed.h"

#include <errno.h>
#include <stdlib.h>

struct casync_completer {
  int references; /* this and `is_used` under the mailbox's lock */
  bool is_used;
  bool is_abandoned; /* nobody is left to complete it */
  struct cal_mailbox *mailbox;
  struct casync_lua *host; /* good while the mailbox is open */
  struct casync_completer *next;
  casync_lua_fill *fill;
  void *data;
  void (*release)(void *data);
};

/* ---- the mailbox ---- */

static void deliver(struct casync_loop *loop, struct casync_post *post);

struct cal_mailbox *cal_mailbox_new(void)
{
  struct cal_mailbox *mailbox = calloc(1, sizeof *mailbox);
  if (mailbox == NULL) return NULL;
  if (pthread_mutex_init(&mailbox->lock, NULL) != 0) {
    free(mailbox);
    return NULL;
  }
  mailbox->references = 1;
  mailbox->post.deliver = deliver;
  return mailbox;
}

void cal_mailbox_open(struct cal_mailbox *mailbox, struct cal_loop *loop)
{
  mailbox->loop = loop->loop;
  mailbox->lua_loop = loop;
}

void cal_mailbox_unref(struct cal_mailbox *mailbox)
{
  if (__atomic_sub_fetch(&mailbox->references, 1, __ATOMIC_ACQ_REL) > 0) return;
  pthread_mutex_destroy(&mailbox->lock);
  free(mailbox);
}

/* Gives up one reference and the lock with it. */
static void drop_and_unlock(struct casync_completer *completer)
{
  struct cal_mailbox *mailbox = completer->mailbox;
  bool is_last = --completer->references == 0;
  pthread_mutex_unlock(&mailbox->lock);
  if (!is_last) return;
  cal_mailbox_unref(mailbox);
  free(completer);
}

static void drop(struct casync_completer *completer)
{
  pthread_mutex_lock(&completer->mailbox->lock);
  drop_and_unlock(completer);
}

static void release_data(struct casync_completer *completer)
{
  if (completer->release != NULL) completer->release(completer->data);
  completer->release = NULL;
}

void cal_mailbox_close(struct cal_mailbox *mailbox)
{
  pthread_mutex_lock(&mailbox->lock);
  struct casync_completer *completer = mailbox->first;
  mailbox->loop = NULL;
  mailbox->first = mailbox->last = NULL;
  pthread_mutex_unlock(&mailbox->lock);
  while (completer != NULL) {
    struct casync_completer *next = completer->next;
    release_data(completer);
    drop(completer);
    completer = next;
  }
}

/* Under the lock: the completer is used, and the list's reference is the caller's gift. */
static void put(struct cal_mailbox *mailbox, struct casync_completer *completer)
{
  completer->is_used = true;
  completer->next = NULL;
  if (mailbox->last != NULL)
    mailbox->last->next = completer;
  else
    mailbox->first = completer;
  mailbox->last = completer;
  if (!mailbox->is_posted)
    mailbox->is_posted = casync_loop_post(mailbox->loop, &mailbox->post) == 0;
}

static struct casync_completer *take(struct cal_mailbox *mailbox)
{
  pthread_mutex_lock(&mailbox->lock);
  struct casync_completer *completer = mailbox->first;
  if (completer != NULL) mailbox->first = completer->next;
  if (mailbox->first == NULL) mailbox->last = NULL;
  if (completer == NULL) mailbox->is_posted = false;
  pthread_mutex_unlock(&mailbox->lock);
  return completer;
}

/* ---- settling, in the loop ---- */

/* fill(light completer) -> results */
static int fill(lua_State *L)
{
  const struct casync_completer *completer = lua_touserdata(L, 1);
  lua_settop(L, 0);
  if (completer->is_abandoned)
    return cal_raise(L, "RuntimeError", "nobody is left to complete this future");
  int n = completer->fill(L, completer->data);
  if (n < 0 || n > lua_gettop(L)) return luaL_error(L, "%d results are not on the stack", n);
  return n;
}

/* settle(future, light completer): completes the future */
static int settle(lua_State *L)
{
  const struct casync_completer *completer = lua_touserdata(L, 2);
  int status = LUA_OK;
  if (completer->fill != NULL || completer->is_abandoned) {
    lua_pushcfunction(L, fill);
    lua_pushvalue(L, 2);
    status = lua_pcall(L, 1, LUA_MULTRET, 0);
    if (status != LUA_OK) cal_replace_nil(L);
  }
  lua_getfield(L, 1, status == LUA_OK ? "set_result" : "set_exception");
  lua_replace(L, 2);
  lua_pushvalue(L, 1);
  lua_insert(L, 3);
  lua_call(L, lua_gettop(L) - 2, 0);
  return 0;
}

/* The error on top (popped) is the result of the future below it, without any more memory. */
static void fail(lua_State *L)
{
  struct cal_future *future = lua_touserdata(L, -2);
  if (future->future.state != CASYNC_PENDING) {
    lua_pop(L, 1);
    return;
  }
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
  casync_future_complete(&future->future, CASYNC_ERROR);
  cal_drop_callbacks(L, lua_gettop(L));
}

/* Pushes the completer's future, which the host then keeps no longer. */
static struct cal_future *take_future(lua_State *L, const struct casync_completer *completer)
{
  cal_embed_push(L, completer->host, CAL_RECORD_FUTURES);
  lua_rawgetp(L, -1, completer);
  lua_pushnil(L);
  lua_rawsetp(L, -3, completer);
  lua_remove(L, -2);
  casync_loop_end_real(completer->mailbox->loop);
  return lua_touserdata(L, -1);
}

static void settle_now(struct casync_completer *completer)
{
  lua_State *L = completer->mailbox->lua_loop->state->L;
  int top = lua_gettop(L);
  struct cal_future *future = take_future(L, completer);
  if (future->future.state == CASYNC_PENDING) {
    lua_pushcfunction(L, settle);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, completer);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) fail(L);
  }
  lua_settop(L, top);
}

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  struct cal_mailbox *mailbox =
      (struct cal_mailbox *)(void *)((char *)post - offsetof(struct cal_mailbox, post));
  struct casync_completer *completer;
  (void)loop;
  while ((completer = take(mailbox)) != NULL) {
    settle_now(completer);
    release_data(completer);
    drop(completer);
  }
}

void cal_completer_settle(struct casync_completer *completer, casync_lua_fill *function, void *data)
{
  completer->is_used = true;
  completer->fill = function;
  completer->data = data;
  settle_now(completer);
}

void cal_completer_discard(struct casync_completer *completer)
{
  lua_State *L = completer->host->L;
  completer->is_used = true;
  take_future(L, completer);
  lua_pop(L, 1);
  drop(completer);
}

/* ---- the interface ---- */

/* register(request, future) */
static int keep_future(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_FUTURES);
  lua_insert(L, 2);
  lua_rawsetp(L, 2, request->data);
  return 0;
}

static struct casync_completer *new_completer(struct casync_lua *host)
{
  struct casync_completer *completer = calloc(1, sizeof *completer);
  if (completer == NULL) return NULL;
  completer->references = 1;
  completer->host = host;
  completer->mailbox = host->mailbox;
  __atomic_add_fetch(&host->mailbox->references, 1, __ATOMIC_RELAXED);
  return completer;
}

/* CASYNC_LUA_PENDING is 0. */
static int check_pending(struct casync_lua *host, lua_State *L, int index)
{
  int state = casync_lua_future_state(host, L, index);
  if (state < 0) return state;
  if (cal_kind_at(L, index) == CAL_TASK) return -EINVAL;
  return state == CASYNC_LUA_PENDING ? 0 : CASYNC_ESTATE;
}

int casync_completer_new(struct casync_lua *host, lua_State *L, int index,
                         struct casync_completer **result)
{
  if (result == NULL) return -EINVAL;
  *result = NULL;
  int status = check_pending(host, L, index);
  if (status < 0) return status;
  if (!lua_checkstack(L, LUA_MINSTACK)) return CASYNC_EMEMORY;
  struct casync_completer *completer = new_completer(host);
  if (completer == NULL) return CASYNC_EMEMORY;
  struct cal_request request = {.host = host, .data = completer};
  lua_pushvalue(L, index);
  status = cal_embed_call(L, keep_future, &request, 1);
  if (status < 0) {
    drop(completer);
    return status;
  }
  casync_loop_begin_real(host->loop->loop);
  *result = completer;
  return 0;
}

int casync_completer_complete(struct casync_completer *completer, casync_lua_fill *function,
                              void *data, void (*release)(void *data))
{
  if (completer == NULL) return -EINVAL;
  struct cal_mailbox *mailbox = completer->mailbox;
  int status = 0;
  pthread_mutex_lock(&mailbox->lock);
  if (completer->is_used) {
    status = CASYNC_ESTATE;
  } else if (mailbox->loop == NULL) {
    status = CASYNC_ECLOSED;
  } else {
    completer->fill = function;
    completer->data = data;
    completer->release = release;
    completer->references++;
    put(mailbox, completer);
  }
  pthread_mutex_unlock(&mailbox->lock);
  return status;
}

void casync_completer_ref(struct casync_completer *completer)
{
  if (completer == NULL) return;
  pthread_mutex_lock(&completer->mailbox->lock);
  completer->references++;
  pthread_mutex_unlock(&completer->mailbox->lock);
}

/* The last reference to one that was not used becomes the mailbox's. */
void casync_completer_unref(struct casync_completer *completer)
{
  if (completer == NULL) return;
  struct cal_mailbox *mailbox = completer->mailbox;
  pthread_mutex_lock(&mailbox->lock);
  if (completer->references > 1 || completer->is_used || mailbox->loop == NULL) {
    drop_and_unlock(completer);
    return;
  }
  completer->is_abandoned = true;
  put(mailbox, completer);
  pthread_mutex_unlock(&mailbox->lock);
}
