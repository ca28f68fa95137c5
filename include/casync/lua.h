/* SPDX-License-Identifier: MIT
 *
 * casync in an application: opening it in a Lua state, driving it, and what passes between C and
 * the scripts.  docs/guide/embedding.md is the guide, examples/embed/ has whole programs.
 *
 * Words
 *   - A *host* (struct casync_lua) is one loop in one Lua state.  It is C memory of its own: it may
 *     be closed before lua_close() or after it, and every function but casync_lua_close() then
 * gives CASYNC_ECLOSED.
 *   - `L` is any Lua thread of the host's state: functions take values from its stack and leave
 * some there.  They never raise, but those whose comment says so; they can be called without a
 *     protected call around.
 *
 * Results, of all functions that return int
 *   0 or more        done
 *   -EINVAL          an argument is NULL or is not what it should be (all arguments are looked at
 *                    before anything is done; values to be taken are then still on the stack)
 *   CASYNC_ECLOSED   the host is closed, or its Lua state is, or the libev loop that it lived in
 *   CASYNC_ETHREAD   called in another thread than the one that opened the host
 *   CASYNC_EMEMORY   no memory; nothing but the values to be taken is gone
 *   CASYNC_ERAISED   a Lua error: one value, the error, is on top of L's stack instead of results
 * A comment names what else there is.
 *
 * Threads: all functions belong to the thread that opened the host; only a completer may be used
 * in any.
 */
#ifndef CASYNC_LUA_H
#define CASYNC_LUA_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_lua;
struct casync_completer;
struct ev_loop;

/* ---- opening and closing ---- */

enum casync_lua_kind {
  CASYNC_LUA_OWN,    /* a loop of its own: casync_lua_run(), casync_lua_run_task() */
  CASYNC_LUA_GUEST,  /* lives in the application's libev loop, which drives it */
  CASYNC_LUA_STEPPED /* any foreign loop drives it: casync_loop_fd(), _timeout(), _step() */
};

/* To be zeroed but for what is wanted: struct casync_lua_options options = {.size = sizeof options}
 */
struct casync_lua_options {
  size_t size;               /* sizeof(struct casync_lua_options): versions may add to it */
  enum casync_lua_kind kind; /* CASYNC_LUA_OWN */
  struct ev_loop *ev;        /* of a guest: the libev loop it lives in */
  bool handle_sigint;        /* whether asyncio.run() and casync_lua_run_task() treat Ctrl-C as
                                Python does; else SIGINT stays the application's alone */
  bool keep_coroutines;      /* leaves Lua's global coroutine library as it is: the module is then
                                opened as "casync.unpatched" */

  /* Of a guest: it has come to a stand.  As `stopped` of struct casync_loop_host: 0 after a stop,
   * CASYNC_ELEFT after KeyboardInterrupt or SystemExit (casync_lua_push_left()), a failure, or
   * CASYNC_ECLOSED if the libev loop is being destroyed. The host may be closed here. */
  void (*stopped)(struct casync_lua *host, int status, void *data);
  void *data;
};

/* Opens casync in a Lua state: makes `require "casync"` work there, whatever is installed, and
 * makes a loop, which becomes the state's current one (asyncio.new_event_loop, set_event_loop) if
 * there is none yet.
 *   Before: the state has Lua's standard libraries (luaL_openlibs).  `options` NULL: all zero.
 *   After: *host is the caller's, to be closed by casync_lua_close().  A state may have several.
 *   -EINVAL also for options of another version, and a guest without `ev`; CASYNC_ERAISED for what
 * the loading raised; -EMFILE or another -errno of the loop's making.  *host is then NULL, nothing
 * is left behind but loaded modules. */
CASYNC_API int casync_lua_open(lua_State *L, const struct casync_lua_options *options,
                               struct casync_lua **host);

/* Closes the loop (loop.close()) and frees the host.  NULL: nothing is done.
 *   Tasks that are left are reported to the exception handler ("Task was destroyed but it is
 * pending!"); no Lua of theirs runs.  To end them in good order call casync_lua_shutdown() before.
 *   lua_close() may come before or after, and so may the destruction of a guest's libev loop; but
 * not from inside the loop: CASYNC_ERUNNING, and the host goes on.  CASYNC_ETHREAD. */
CASYNC_API int casync_lua_close(struct casync_lua *host);

/* The loop, for the functions of casync/loop.h; it belongs to the host.  NULL if the host is NULL
 * or closed. */
CASYNC_API struct casync_loop *casync_lua_loop(const struct casync_lua *host);

/* Pushes the loop's object, the Loop that Lua sees. */
CASYNC_API int casync_lua_push_loop(struct casync_lua *host, lua_State *L);

/* Has the loops of this Lua state answer `casync ps PID`, which shows their tasks (casync/loop.h):
 * without this call an application opens no socket for it.  A loop of its own can be asked once it
 * has run for 100 ms, an attached one from its next batch on; nothing of it is there before, and
 * nothing wakes an application that nobody asks.  While there is a socket, SIGURG has a handler, if
 * it had none before.  Where CASYNC_PS=0 is in the environment, there is none. */
CASYNC_API int casync_lua_answer_ps(struct casync_lua *host);

/* ---- running ---- */

/* Runs an own loop until casync_loop_stop() or `loop:stop()` (loop.run_forever).
 *   CASYNC_ERUNNING inside a loop of this state, CASYNC_EATTACHED for guests and stepped loops.
 * CASYNC_ERAISED: KeyboardInterrupt or SystemExit has left the loop, which may be run again. */
CASYNC_API int casync_lua_run(struct casync_lua *host, lua_State *L);

/* Runs a function as main task of an own loop until it returns, with the `nargs` values above it as
 * arguments (asyncio.Runner.run); pops them, pushes its results and returns their number.  Other
 * tasks stay for the next run.
 *   Errors as above; CASYNC_ERAISED: what the function raised. */
CASYNC_API int casync_lua_run_task(struct casync_lua *host, lua_State *L, int nargs);

/* Ends an own loop in good order: cancels the tasks that are left and runs them to their end, shuts
 * generators and executor down, closes the loop (asyncio.Runner.close).  Only casync_lua_close() is
 * then left to do.  Errors as of casync_lua_run(); the loop is closed whatever is raised. */
CASYNC_API int casync_lua_shutdown(struct casync_lua *host, lua_State *L);

/* Pushes what has left an attached loop, KeyboardInterrupt or SystemExit, where casync_loop_step()
 * or `stopped` told CASYNC_ELEFT; nil if there is nothing.  It is told once. */
CASYNC_API int casync_lua_push_left(struct casync_lua *host, lua_State *L);

/* ---- the state and the end of a future ---- */

enum casync_lua_state {
  CASYNC_LUA_PENDING,
  CASYNC_LUA_RETURNED, /* it has results */
  CASYNC_LUA_RAISED,   /* it has an error */
  CASYNC_LUA_CANCELLED /* it has a CancelledError */
};

/* Told the end of a task or future, in the loop, in the iteration after it (as by
 * add_done_callback).  The `n` values on top of L are the results, or the error.  It may raise: the
 * loop's exception handler gets that.  The stack need not be cleared. */
typedef void casync_lua_listener(struct casync_lua *host, lua_State *L, enum casync_lua_state state,
                                 int n, void *data);

/* ---- tasks ---- */

/* Makes a task of a function and the `nargs` values above it (loop.create_task); pops them, pushes
 * the Task.  It starts in the loop's next iteration.  `listener` (NULL: none) is told its end; an
 * error that is told counts as read. */
CASYNC_API int casync_lua_spawn(struct casync_lua *host, lua_State *L, int nargs,
                                casync_lua_listener *listener, void *data);

/* How many tasks of the loop are unfinished. */
CASYNC_API int casync_lua_count_tasks(struct casync_lua *host, lua_State *L);

/* Asks all of them to end (task.cancel()); returns how many there are.  What they then do takes
 * iterations of the loop: it is how a guest or a stepped loop is brought to its end. */
CASYNC_API int casync_lua_cancel_tasks(struct casync_lua *host, lua_State *L);

/* ---- futures ---- */

/* The functions below take the index of a Future on L's stack; a Task counts as one where results
 * are not set.  -EINVAL for other values. */

/* Pushes a new pending Future of the loop (loop.create_future). */
CASYNC_API int casync_lua_push_future(struct casync_lua *host, lua_State *L);

/* Pops `n` values, which are not below `index`, and makes them the results (future.set_result).
 * CASYNC_ESTATE if it is done already. */
CASYNC_API int casync_lua_resolve(struct casync_lua *host, lua_State *L, int index, int n);

/* Pops an error, any value but nil, and makes the future raise it (future.set_exception).
 * CASYNC_ESTATE if it is done already. */
CASYNC_API int casync_lua_reject(struct casync_lua *host, lua_State *L, int index);

/* Asks a future or task to be cancelled (future.cancel()).  Returns 1, or 0 if it is done. */
CASYNC_API int casync_lua_cancel(struct casync_lua *host, lua_State *L, int index);

/* Has `listener` told the end of a future or task (add_done_callback); one that is done already is
 * told in the next iteration.  Nothing is told if the loop is closed before. */
CASYNC_API int casync_lua_watch(struct casync_lua *host, lua_State *L, int index,
                                casync_lua_listener *listener, void *data);

/* Returns the enum casync_lua_state of a future or task. */
CASYNC_API int casync_lua_future_state(struct casync_lua *host, lua_State *L, int index);

/* Pushes the results of a future or task that is done (future.result()); returns their number.
 * CASYNC_ESTATE if it is pending; CASYNC_ERAISED: its error, or a CancelledError. */
CASYNC_API int casync_lua_push_results(struct casync_lua *host, lua_State *L, int index);

/* ---- completing a future from any thread ---- */

/* Pushes the values that a future is completed with and returns their number; or raises an error,
 * which the future then raises.  Called in the loop; L has LUA_MINSTACK places. */
typedef int casync_lua_fill(lua_State *L, void *data);

/* Makes a completer for the pending future at `index`: a small object, of C memory alone, that
 * completes it from any thread, once.
 *   After: *completer has one reference, the caller's.  While it has any and is not used, the loop
 * keeps the future alive, and a guest keeps its libev loop from ending.
 *   CASYNC_ESTATE if the future is done. */
CASYNC_API int casync_completer_new(struct casync_lua *host, lua_State *L, int index,
                                    struct casync_completer **completer);

/* Completes the future, from any thread: `fill` (NULL: no results) is called with `data` in the
 * loop's next iteration.  `release` (may be NULL) is called with `data` once, in whatever thread is
 * the last to need it, if the result is 0; else `data` is still the caller's.
 *   CASYNC_ESTATE if the completer has been used; CASYNC_ECLOSED if loop or Lua state are closed.
 * That the future was cancelled meanwhile is no error: `fill` is then not called. */
CASYNC_API int casync_completer_complete(struct casync_completer *completer, casync_lua_fill *fill,
                                         void *data, void (*release)(void *data));

/* One reference more, one less, from any thread.  When the last one goes and the completer has not
 * been used, the future raises RuntimeError ("nobody is left to complete this future").  NULL:
 * nothing is done. */
CASYNC_API void casync_completer_ref(struct casync_completer *completer);
CASYNC_API void casync_completer_unref(struct casync_completer *completer);

/* ---- C functions that await ---- */

/* To be called by C functions that Lua calls, as `return casync_lua_await(L, index, context,
 * back)`: awaits the value at `index` (asyncio's `await`).  When it is done, `back` is called as
 * lua_yieldk() calls a continuation, with what was awaited above the values that were on the stack;
 * what it raises, cancellation included, is raised here and `back` is not called.  What is done
 * already does not suspend.  Raises where nothing can be awaited, as `await` does. */
CASYNC_API int casync_lua_await(lua_State *L, int index, lua_KContext context, lua_KFunction back);

/* The same, with errors caught: `back` gets the status LUA_OK or LUA_YIELD and the results, or
 * another status and the error value.  A CancelledError is to be raised again. */
CASYNC_API int casync_lua_pawait(lua_State *L, int index, lua_KContext context, lua_KFunction back);

/* ---- operations written in C ---- */

enum casync_lua_start {
  CASYNC_LUA_WAITS,   /* until casync_lua_op_wake() */
  CASYNC_LUA_FINISHED /* there is nothing to wait for */
};

/* A kind of operation: a coroutine whose body is C.  `op` is its memory: `size` bytes, as
 * lua_newuserdatauv() aligns them, owned by Lua, there until it is over. */
struct casync_lua_op_type {
  const char *name; /* as messages show it */
  size_t size;
  /* Begins; called when a task awaits it, once.  An enum casync_lua_start, or a negative code or
   * -errno, which the await raises. */
  int (*start)(void *op);
  /* The task waits no more (it is cancelled, the loop closes): undoes what `start` did.  Not called
   * after casync_lua_op_wake().  Must not fail, nor use Lua. */
  void (*undo)(void *op);
  /* It is over: pushes its results and returns their number, or raises (NULL: no results).  Called
   * in the task, after `start` gave CASYNC_LUA_FINISHED, or some time after the wake. */
  int (*finish)(lua_State *L, void *op);
};

/* Pushes a new operation, to be awaited once, and returns 0; *op is its memory, zeroed, for the
 * caller to fill in.  `type` must stay.  In a C function that Lua calls: `return 1` hands it out.
 */
CASYNC_API int casync_lua_push_op(struct casync_lua *host, lua_State *L,
                                  const struct casync_lua_op_type *type, void **op);

/* The operation is over: its task goes on in the loop's next iteration.  In the loop's thread only,
 * anywhere (another thread uses a completer; CASYNC_ETHREAD there, if the loop is in debug mode).
 * CASYNC_ESTATE if no task waits for it; -EINVAL. */
CASYNC_API int casync_lua_op_wake(void *op);

/* ---- work in threads ---- */

struct casync_lua_work_type {
  void (*work)(
      void *data);       /* in a thread of the loop's pool, all signals blocked; no Lua, no loop */
  casync_lua_fill *done; /* in the loop: pushes the future's results or raises; NULL: none */
  void (*release)(void *data); /* the last call, in whatever thread; may be NULL */
};

/* Has `type->work` called in a thread and pushes the Future of what `done` makes of it
 * (loop.run_in_executor).  `release` follows if the result is 0.  Cancelling the Future leaves the
 * work alone; `done` is not called then, nor after the loop's close, which does not wait.
 *   Also what pthread_create() said. */
CASYNC_API int casync_lua_work(struct casync_lua *host, lua_State *L,
                               const struct casync_lua_work_type *type, void *data);

/* ---- errors ---- */

/* Pushes a new exception of class `name`, one of asyncio's or Python's ("TimeoutError",
 * "ValueError" …; an unknown name is RuntimeError), with a message as of lua_pushfstring().  NULL
 * as name, or a Lua state without casync: the message alone, a string.  Raises without memory. */
CASYNC_API void casync_lua_push_error(lua_State *L, const char *name, const char *format, ...);

/* Raises one; `return casync_lua_error(…)` as with luaL_error(). */
CASYNC_API int casync_lua_error(lua_State *L, const char *name, const char *format, ...);

/* Pushes the exception for a code of this library or an -errno (OSError with its subclasses).
 * Raises without memory. */
CASYNC_API void casync_lua_push_code(lua_State *L, int code);

/* The other way: the value at `index` as a code.  -errno of an OSError, CASYNC_EMEMORY of Lua's own
 * "not enough memory", CASYNC_ERAISED of anything else; -EINVAL without L. */
CASYNC_API int casync_lua_error_code(lua_State *L, int index);

/* Whether the value at `index` is an exception of class `name` or one derived from it
 * (asyncio.isinstance); without L or `name` it is none. */
CASYNC_API bool casync_lua_is_error(lua_State *L, int index, const char *name);

#ifdef __cplusplus
}
#endif
#endif
