/* SPDX-License-Identifier: MIT
 *
 * Private header of the C interface, casync/lua.h.
 *
 * An application's C functions have upvalues of their own, so what is called straight from them
 * must not take upvalue 1 for the state: either it uses the functions of bind.h named _slowly, or
 * it runs in a frame of its own, as everything does that cal_embed_call() calls.
 */
#ifndef CAL_EMBED_H
#define CAL_EMBED_H

#include <pthread.h>

#include "bind.h"
#include "casync/lua.h"

/* Where completers meet the loop, from any thread.  It outlives both host and loop. */
struct cal_mailbox {
  pthread_mutex_t lock; /* over everything below, and `is_used` of each completer */
  int references;
  struct casync_loop *loop; /* NULL: closed */
  struct cal_loop *lua_loop;
  struct casync_post post;
  bool is_posted;
  struct casync_completer *first, *last; /* those that were completed */
};

/* What the registry keeps for an open host, in a table by the host's address. */
enum cal_record {
  CAL_RECORD_LOOP = 1,
  CAL_RECORD_THREAD,
  CAL_RECORD_RUNNER, /* nil until casync_lua_run_task() */
  CAL_RECORD_FUTURES /* light userdata of a completer -> its future */
};

struct casync_lua {
  struct cal_owner owner; /* first */
  lua_State *L;           /* a thread of its own; NULL: the loop is closed */
  struct cal_loop *loop;
  const void *registry; /* identity of the Lua state */
  struct cal_mailbox *mailbox;
  pthread_t thread;
  void (*stopped)(struct casync_lua *host, int status, void *data);
  void *data;
};

/* ---- open.c ---- */

/* 0, or why `host` cannot be used, with `L` (NULL: none is needed). */
int cal_embed_check(const struct casync_lua *host, lua_State *L);
/* Pushes one value of the host's record. */
void cal_embed_push(lua_State *L, const struct casync_lua *host, enum cal_record value);

/* Pushes the module casync.core. */
void cal_embed_push_core(lua_State *L);

/* ---- call.c ---- */

/* What a function is called with that cal_embed_call() calls. */
struct cal_request {
  struct casync_lua *host;
  int n;
  const void *type;
  void *data;
  void *result;
};

/* Calls `function`, protected, with a light userdata of `request` and the `nargs` values on top
 * (popped): the number of its results, which are pushed; or CASYNC_EMEMORY, or CASYNC_ERAISED with
 * the error pushed. */
int cal_embed_call(lua_State *L, lua_CFunction function, struct cal_request *request, int nargs);

/* ---- memory.c ---- */

/* Lets the system take the pages of the embedded Lua files, which are read again on use. */
void cal_embed_release_files(void);

/* ---- completer.c ---- */

struct cal_mailbox *cal_mailbox_new(void);
void cal_mailbox_open(struct cal_mailbox *mailbox, struct cal_loop *loop);
/* Nothing is completed any more. */
void cal_mailbox_close(struct cal_mailbox *mailbox);
void cal_mailbox_unref(struct cal_mailbox *mailbox);
/* For the work queue: completes at once, in the loop; `data` stays the caller's. */
void cal_completer_settle(struct casync_completer *completer, casync_lua_fill *function,
                          void *data);
/* It will not be used, and the future is left as it is. */
void cal_completer_discard(struct casync_completer *completer);

#endif
