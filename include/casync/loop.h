/* SPDX-License-Identifier: MIT
 *
 * The event loop (asyncio's BaseEventLoop): handles, timers, descriptors, signals, other threads.
 * All functions belong to the loop's thread but casync_loop_post() and casync_loop_wake().
 * Those that open, run, drive, stop, wake, close and ask a loop take NULL for one that is closed:
 * casync_lua_loop() gives it behind the end.
 */
#ifndef CASYNC_LOOP_H
#define CASYNC_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_loop;
struct casync_handle;
struct casync_timer;
struct casync_task;

struct ev_loop;

/* What the embedder of a loop supplies; every entry may be NULL. */
struct casync_loop_host {
  /* Called at each iteration before the handles run, when casync_loop_attend() asked for it.
   * A negative result leaves the loop with it. */
  int (*attend)(struct casync_loop *loop, void *data);

  /* The loop closes, whoever asked for it: called once, while everything of it is still there.
   * Must not fail. */
  void (*closing)(struct casync_loop *loop, void *data);

  /* Of loops with a poller of their own (CASYNC_LOOP_OWNED).  One is about to wait without end:
   * there is no timer, no watched descriptor, nothing under way in real time, no post.  Whether
   * something else may still wake it, from another thread or by a signal; NULL: it may.  If not, it
   * is left with CASYNC_EDEADLOCK.  Must not fail. */
  bool (*can_wake)(struct casync_loop *loop, void *data);

  /* Of attached loops (casync_loop_is_attached()); those that casync_loop_run() runs have no use
   * for the following.  `frame` is what casync_loop_run() is for the others: it calls `run` once,
   * which collects what is ready and runs handles, and returns what that returned; the loop is
   * running meanwhile.  If it cannot, it returns a negative code instead, and nothing has been run.
   * It must neither close the loop nor free it. */
  int (*frame)(struct casync_loop *loop, int (*run)(struct casync_loop *loop), void *data);

  /* Of guests: the loop has come to a stand, outside of `frame`.  `status` is what
   * casync_loop_run() would have returned: 0 after casync_loop_stop(), CASYNC_ELEFT, a failure;
   * CASYNC_ECLOSED if the host's ev_loop is being destroyed, which has closed this loop.  Here one
   * may do what one wants: resume the loop, close it, free it, break the host's ev_run(). */
  void (*stopped)(struct casync_loop *loop, int status, void *data);

  /* Debug mode, where casync_loop_observe() asked for it: runs a handle, by casync_handle_run(),
   * with whatever is to be looked at before and behind it. */
  void (*observe)(struct casync_loop *loop, struct casync_handle *handle, void *data);
};

/* The kinds of clock and poller that casync_loop_open() knows; casync_loop_open_guest() opens one
 * more. */
enum casync_loop_kind {
  CASYNC_LOOP_OWNED,   /* its own libev loop and the monotonic clock */
  CASYNC_LOOP_VIRTUAL, /* a clock that starts at 0 and jumps to the next timer when nothing is
                          ready */
  CASYNC_LOOP_STEPPED  /* a poller of its own that a foreign loop drives: casync_loop_step() */
};

/* Opens a loop.  `data` is handed to the host's functions.
 *   -EINVAL without `loop`, CASYNC_EMEMORY, -EMFILE or another -errno. */
CASYNC_API int casync_loop_open(struct casync_loop **loop, enum casync_loop_kind kind,
                                const struct casync_loop_host *host, void *data);

/* Opens a loop that lives in the application's libev loop `ev`, as asyncio lives in the loop of
 * another toolkit: whenever the application runs `ev`, this loop has its iterations behind the
 * application's own events.  Only watchers of its own are added to `ev`; while nothing is to be
 * done, none of them wakes it.
 *   Before: `ev` was made by a libev of the same ABI as the one that casync was built with, and is
 * used by this thread alone.
 *   After: the loop goes on by itself until casync_loop_stop() or casync_loop_leave(), which the
 * host's `stopped` tells; casync_loop_run() refuses it.  While it has handles that are ready,
 * timers, watched descriptors or something under way in real time, ev_run(ev, 0) does not return;
 * waiting for posts and signals alone does not keep it.
 *   `ev` stays the application's.  It may be destroyed before the loop is freed: that closes the
 * loop (`stopped` is told); but not from inside a handle of the loop, as libev forbids to destroy a
 * loop that is running.  A handle should not run `ev` either: this loop stands still meanwhile.
 *   -EINVAL without `ev` or `loop`, CASYNC_EMEMORY, -EMFILE or another -errno; then nothing was
 * changed. */
CASYNC_API int casync_loop_open_guest(struct casync_loop **loop, struct ev_loop *ev,
                                      const struct casync_loop_host *host, void *data);

/* Closes a loop: queued handles are dropped, watchers and timers unlinked.  CASYNC_ERUNNING while
 * it runs.  Closing again does nothing. */
CASYNC_API int casync_loop_close(struct casync_loop *loop);

/* Frees a loop (closing it first).  It must not run. */
CASYNC_API void casync_loop_free(struct casync_loop *loop);

CASYNC_API void *casync_loop_data(const struct casync_loop *loop);
/* True inside casync_loop_run(); of an attached loop, while a batch of its handles runs. */
CASYNC_API bool casync_loop_is_running(const struct casync_loop *loop);
CASYNC_API bool casync_loop_is_closed(const struct casync_loop *loop);

/* loop.time(): seconds of the loop's clock. */
CASYNC_API double casync_loop_time(struct casync_loop *loop);

/* How many iterations the loop has made. */
CASYNC_API uint64_t casync_loop_iterations(const struct casync_loop *loop);

/* run_forever(): runs until casync_loop_stop(), casync_loop_leave() or a failure of the poller.
 * Returns 0, CASYNC_ELEFT, CASYNC_EDEADLOCK, CASYNC_ECLOSED, CASYNC_ERUNNING, CASYNC_EATTACHED or a
 * system error. */
CASYNC_API int casync_loop_run(struct casync_loop *loop);

/* Whether another loop drives this one (a guest, a stepped loop): casync_loop_run() then gives
 * CASYNC_EATTACHED. */
CASYNC_API bool casync_loop_is_attached(const struct casync_loop *loop);

/* Lets a guest that stopped or was left go on, as another run_forever() would; does nothing if it
 * goes on anyway.  Callable from anywhere in the loop's thread, `stopped` included.
 * CASYNC_ECLOSED; CASYNC_ESTATE for loops that are no guests. */
CASYNC_API int casync_loop_resume(struct casync_loop *loop);

/* The three functions by which a foreign loop drives one of CASYNC_LOOP_STEPPED, over and over:
 *
 *   struct pollfd wanted = {.fd = casync_loop_fd(loop), .events = POLLIN};
 *   double timeout = casync_loop_timeout(loop);
 *   poll(&wanted, 1, timeout < 0 ? -1 : (int)ceil(timeout * 1000));
 *   int status = casync_loop_step(loop);
 *
 * Whatever the foreign loop does between asking for the timeout and waiting may make the timeout
 * shorter: ask last.
 */

/* The descriptor that is readable while the loop has something to collect: a watched descriptor
 * that is ready, a post, a wake, a signal.  It is to be polled for reading, level-triggered (poll,
 * select, epoll without EPOLLET, GLib, libuv), never read.  It belongs to the loop and is the same
 * until casync_loop_close(); take it out of the foreign loop before that.
 * CASYNC_ECLOSED; CASYNC_ESTATE for loops of other kinds. */
CASYNC_API int casync_loop_fd(const struct casync_loop *loop);

/* How long the foreign loop may wait for that descriptor: seconds until the next timer is due, 0 if
 * there is something to do now, negative if there is no end to the wait (also after the close). */
CASYNC_API double casync_loop_timeout(struct casync_loop *loop);

/* Runs an iteration without waiting (asyncio's _run_once): collects everything that the descriptor
 * stands for, then the timers that are due, then runs what is queued.  If that queued more and no
 * descriptor is watched, further iterations may follow at once, for some microseconds in all, as
 * casync_loop_run() does it.  Calling it early or too often does no harm.
 * Returns 0; 1 if casync_loop_stop() ended it (the next step goes on as another run_forever()
 * would); CASYNC_ELEFT or a failure, as casync_loop_run(); CASYNC_ERUNNING inside itself;
 * CASYNC_ECLOSED; CASYNC_ESTATE for loops of other kinds. */
CASYNC_API int casync_loop_step(struct casync_loop *loop);

/* stop(): the current (or the next) iteration is the last one. */
CASYNC_API void casync_loop_stop(struct casync_loop *loop);

/* Leaves the loop as soon as the running handle returns; what is still ready stays queued. */
CASYNC_API void casync_loop_leave(struct casync_loop *loop);

/* call_soon(): queues a handle at the end of the ready queue.  It must not be linked anywhere. */
CASYNC_API void casync_loop_call_soon(struct casync_loop *loop, struct casync_handle *handle);

/* call_at(): queues a handle when the loop's time has reached `when` (seconds).
 * CASYNC_EMEMORY or CASYNC_ECLOSED; equal deadlines are served in the order of their making. */
CASYNC_API int casync_loop_call_at(struct casync_loop *loop, struct casync_timer *timer,
                                   double when);

/* Handle.cancel(): a timer leaves the heap at once; a queued handle stays queued and its
 * run() only lets it go. */
CASYNC_API void casync_handle_cancel(struct casync_loop *loop, struct casync_handle *handle);

/* The task whose step runs, or NULL. */
CASYNC_API struct casync_task *casync_loop_current_task(const struct casync_loop *loop);

enum casync_direction { CASYNC_READ = 0, CASYNC_WRITE = 1 };

/* add_reader()/add_writer(): queues `handle` at each iteration in which `fd` is ready, until it is
 * removed.  One handle a direction: CASYNC_EBUSY if there is one; -EPERM for regular files. */
CASYNC_API int casync_loop_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                                 struct casync_handle *handle);

/* Returns the handle that watched, or NULL.  It may still be on the ready queue.  To be called
 * before the descriptor is closed. */
CASYNC_API struct casync_handle *casync_loop_unwatch(struct casync_loop *loop, int fd,
                                                     enum casync_direction direction);

/* Reads what is there from `fd` without waiting, at most `size` bytes (more than 0): their number,
 * 0 at the end, -EAGAIN if nothing is there yet, another -errno. */
CASYNC_API int casync_fd_read(int fd, void *bytes, int size);

/* A message from another thread; see casync_loop_post(). */
struct casync_post {
  struct casync_post *next;
  void (*deliver)(struct casync_loop *loop, struct casync_post *post); /* in the loop's thread */
};

/* Hands `post` to the loop, from any thread: it is delivered before the handles of the next
 * iteration.  CASYNC_ECLOSED after its close: the post is then the caller's again.  (Posts that a
 * close finds undelivered are dropped.)  The loop must not be freed meanwhile. */
CASYNC_API int casync_loop_post(struct casync_loop *loop, struct casync_post *post);

/* Ends the wait of the loop, from any thread or from a signal handler. */
CASYNC_API void casync_loop_wake(struct casync_loop *loop);

/* Whether the host's `observe` runs every handle from now on, which costs a loop that is not
 * observed nothing.  Callable in a handle: the next one of the same iteration is observed. */
CASYNC_API void casync_loop_observe(struct casync_loop *loop, bool is_observed);

/* Runs a handle that the host's `observe` was given. */
CASYNC_API void casync_handle_run(struct casync_loop *loop, struct casync_handle *handle);

/* The task of whose step a handle is, or NULL. */
CASYNC_API struct casync_task *casync_handle_task(struct casync_handle *handle);

/* Asks for one call of the host's `attend`, from the loop's thread or from a signal handler that
 * also calls casync_loop_wake(). */
CASYNC_API void casync_loop_attend(struct casync_loop *loop);

/* Asks for it once the clock has come to `when` (seconds; 0: not any more), without a timer: the
 * wait that goes on then is ended, and nothing else is different, neither the order of what runs
 * nor whether the loop has something to do.  CASYNC_ECLOSED; CASYNC_ESTATE for attached loops and
 * for those with a virtual clock. */
CASYNC_API int casync_loop_attend_at(struct casync_loop *loop, double when);

/* Asks for it whenever `fd` is readable, until it is called with another one or -1, to be called
 * before the descriptor is closed.  That is no watch: such a descriptor keeps no loop from ending,
 * and the kernel is asked no more often for its sake.
 * -errno; CASYNC_EMEMORY; CASYNC_ECLOSED; CASYNC_ESTATE for loops with a virtual clock. */
CASYNC_API int casync_loop_attend_on(struct casync_loop *loop, int fd);

/* Something of this loop is under way in real time (a job in a thread, a child process, an
 * operation on a socket) until casync_loop_end_real(): a virtual clock stands still meanwhile, and
 * the loop waits for whatever wakes it; no loop is stuck meanwhile.  Calls come in pairs. */
CASYNC_API void casync_loop_begin_real(struct casync_loop *loop);
CASYNC_API void casync_loop_end_real(struct casync_loop *loop);

/* Takes over signal `number` for this loop: each delivery asks for `attend`, where
 * casync_signal_take() tells which came.  CASYNC_EBUSY if another loop has it; -errno. */
CASYNC_API int casync_signal_watch(struct casync_loop *loop, int number);

/* Gives the signal its former handler back.  False if this loop did not have it. */
CASYNC_API bool casync_signal_unwatch(struct casync_loop *loop, int number);

/* Returns how often `number` came since the last call. */
CASYNC_API int casync_signal_take(struct casync_loop *loop, int number);

/* Sets what is called, inside the signal handler, when `number` arrives (async-signal-safe code
 * only), besides waking the loop; NULL for nothing. */
CASYNC_API void casync_signal_notify(struct casync_loop *loop, int number,
                                     void (*notify)(void *data), void *data);

/* Checks every invariant of the loop; asserts in builds with CA_HARD, else does nothing. */
CASYNC_API void casync_loop_verify(const struct casync_loop *loop);

/* ---- asking a process from outside ---- */

/* Where a process can be asked what its tasks do, as `casync ps` asks.  Whether it can be asked is
 * up to the process: scripts of the command `casync` and of a plain Lua can once a loop has run for
 * 100 ms, an application where it says so (casync_lua_answer_ps() in casync/lua.h), none where
 * CASYNC_PS=0 is in the environment.
 *
 * What is asked is a Unix socket.  Whoever connects, and has the process's own user id or root's,
 * is told lines: "casync VERSION N", where N parts are to come, one of each Lua state that runs a
 * loop; of each of them "begin", when it has started to answer, and then either "part", together
 * with a descriptor of a file that holds it as JSON, or "failed WHY".  Nothing is read from the
 * connection, and nobody waits for who asks: it is the file that is as long as it has to be.
 *   A process that is busy tells nothing before it is back in its loop.  The signal SIGURG, which
 * nobody minds who is none of these processes, makes Lua code that is busy answer where it is.
 */

/* Gives the path at which the process `pid` of this user listens, if it does: `size` is that of
 * `path`.  A process uses the first `place` that it can: 0 is $XDG_RUNTIME_DIR/casync/PID, 1
 * casync-UID/PID in $TMPDIR, else in /tmp.  Its environment may have been another one than that of
 * who asks: 2 and 3 are the same as 0 and 1 with what is usual, /run/user/UID and /tmp.
 *   0: the folder is there, is this user's, and nobody else may do anything in it.  Else -ENOENT
 * (there is none), -EACCES (others may write there: it is not to be trusted; its path is given),
 * -ENAMETOOLONG, -EINVAL (there is no such place) or another -errno. */
CASYNC_API int casync_ps_path(int place, long pid, char *path, size_t size);

#ifdef __cplusplus
}
#endif
#endif
