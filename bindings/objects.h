/* SPDX-License-Identifier: MIT
 *
 * The second half of the bindings' private header: what each kind of object embeds, where its Lua
 * values are, and the functions of its files.  Included by bind.h only.
 */
#ifndef CAL_OBJECTS_H
#define CAL_OBJECTS_H

/* ---- futures (future/) ---- */

enum cal_future_value {
  CAL_FUTURE_VALUE = 1, /* pending: Loop, task's thread or body, gather's children; done: result */
  CAL_FUTURE_EXTRA,     /* table of rare things, see enum cal_extra */
  CAL_FUTURE_CORO,      /* tasks: what get_coro() returns */
  CAL_FUTURE_VALUES = CAL_FUTURE_CORO
};

/* Places in the extra table. */
enum cal_extra {
  CAL_EXTRA_CALLBACKS = 1, /* array of handles, in order */
  CAL_EXTRA_FIELDS,        /* fields of a subclass's instance */
  CAL_EXTRA_SENTINEL,      /* reports an exception that nobody read */
  CAL_EXTRA_TRACEBACK,     /* where the error was raised */
  CAL_EXTRA_NAME,          /* a task's name, if given */
  CAL_EXTRA_CONTEXT,       /* a task's context, if there is one */
  CAL_EXTRA_MESSAGE,       /* message of a flagged cancellation */
  CAL_EXTRA_OP_MESSAGE,    /* message of the cancellation that undid the task's op */
  CAL_EXTRA_SCOPE          /* who holds it is told where a cancellation met the task */
};

/* casync_future.kind as the bindings use it. */
enum { CAL_FUTURE_HAS_EXTRA = 1 }; /* there is an extra table */

/* casync_future.flags as the bindings use it. */
enum cal_future_flag {
  CAL_FUTURE_MULTI = 1,       /* the value is a table of several results */
  CAL_FUTURE_UNREAD = 2,      /* an exception that nobody has read */
  CAL_FUTURE_SAVED = 4,       /* cancelled: the value is the error itself, good for one raise */
  CAL_FUTURE_OPEN = 8,        /* init() has run */
  CAL_FUTURE_LUA_CANCEL = 16, /* a subclass has its own cancel() */
  CAL_FUTURE_SEEN = 64,       /* a gather that is being made has met it */
  CAL_FUTURE_MESSAGE = 32,    /* cancelled: the value is the message */
  CAL_FUTURE_TRACED = 128     /* a task: where a cancellation meets it is kept */
};

struct cal_future {
  struct cal_object object;
  struct casync_future future;
};

struct cal_future *cal_test_future(lua_State *L, int index);
struct cal_future *cal_check_future(lua_State *L, int index); /* opened ones only */
static inline struct cal_future *cal_future_of(const struct casync_future *future)
{
  return (struct cal_future *)(void *)((char *)future - offsetof(struct cal_future, future));
}
/* Pushes results and returns their number, or raises; the future at `index` is done. */
int cal_future_result(lua_State *L, int index);
/* Pushes the error of the failed future at `index`, with its traceback kept beside it. */
void cal_push_failure(lua_State *L, int index);
/* Whether raising the future's error raises a CancelledError. */
bool cal_future_raises_cancelled(lua_State *L, int index);
/* Stores the `n` values on top as the result. */
void cal_future_store(lua_State *L, int index, int n);
/* Stores the error on top and arms its report. */
void cal_future_store_error(lua_State *L, int index);
void cal_push_extra(lua_State *L, int index, int place); /* nil if there is none */
void cal_set_extra(lua_State *L, int index, int place);  /* pops the value */
/* Pushes the error that result() raises for a cancelled future. */
void cal_push_cancelled(lua_State *L, int index);
/* An error that nobody has read, or that somebody has. */
void cal_mark_unread(lua_State *L, struct cal_future *future);
void cal_mark_read(lua_State *L, struct cal_future *future);
/* Forgets the callbacks of the future at `index`: it is done, they are queued. */
void cal_drop_callbacks(lua_State *L, int index);
/* Opens the blank future at 1 for the Loop on top (popped). */
void cal_future_open(lua_State *L, struct cal_future *self, struct cal_loop *loop);
/* Pushes the Loop at option "loop", else the running or the current one. */
struct cal_loop *cal_option_loop(lua_State *L, int options);
void cal_open_sentinel(lua_State *L);

/* ---- cancelling (future/cancel.c) ---- */

/* Method cancel(self[, msg]) of every future. */
int cal_cancel_method(lua_State *L);
/* Cancels the future whose object is on top, as its kind or its subclass does. */
bool cal_cancel_top(lua_State *L);
/* Notes at init() whether the class of the object at `index` has a cancel() of its own. */
void cal_note_cancel_method(lua_State *L, int index);
bool cal_cancel_virtual(struct casync_future *future); /* casync_future_type.cancel of all */
bool cal_cancel_awaited(struct casync_task *task);
void cal_keep_message(struct casync_task *task, enum casync_message what);
void cal_open_future(lua_State *L);

/* ---- tasks (task/) ---- */

struct cal_task {
  struct cal_object object;
  struct casync_task task;
  lua_State *co;   /* the thread that runs it, kept alive by CAL_FUTURE_VALUE; NULL before */
  uint64_t name;   /* N of "Task-N" */
  uint64_t serial; /* order of making */
  uint8_t nargs;   /* arguments of its function, in the user values after the named ones */
  bool is_plain;   /* it runs a Lua function with few of them */
};

/* casync_task.spare[0]: how its coroutine is suspended: in an await, by Lua's own yield, or by that
 * with values, which is an error. */
/* casync_task.spare[1]: whether it has anchored a future (cal_anchor). */
enum cal_suspension { CAL_TASK_AWAITS, CAL_TASK_GOOD_YIELD, CAL_TASK_BAD_YIELD };

static inline struct cal_task *cal_task_of(const struct casync_task *task)
{
  return (struct cal_task *)(void *)((char *)task - offsetof(struct cal_task, task));
}

/* Pushes the Task of a pending task. */
void cal_push_task(lua_State *L, struct cal_task *task);
/* The same for `step`, before it calls anything. */
void cal_push_stepping(lua_State *L, const struct cal_state *state, struct cal_task *task);
enum { CAL_FEW_ARGUMENTS = 8 };
/* Raises the CancelledError of a flagged or op cancellation of the current task. */
CAL_NORETURN int cal_raise_cancelled(lua_State *L, struct cal_task *task, int place);
void cal_open_task(lua_State *L);
/* From its next step on somebody is told what it does (testing/watch.c). */
void cal_task_watch(struct cal_task *task);
void cal_tell_watcher(lua_State *L, struct cal_task *task, const char *what);
void cal_open_create_task(lua_State *L);
int cal_loop_create_task(lua_State *L); /* Loop:create_task */
/* Opens the blank task at `index` for the body on top (popped). */
void cal_task_open(lua_State *L, int index, struct cal_loop *loop);
/* Starts the one at `index`: queued, or at once if `eager`; raises what left an eager one. */
void cal_task_launch(lua_State *L, int index, bool eager);
/* casync_task_type.step and .done */
enum casync_action cal_task_step(struct casync_task *runtime, enum casync_resume how);
enum casync_action cal_task_step_watched(struct casync_task *runtime, enum casync_resume how);
void cal_task_done(struct casync_task *runtime);
int cal_body(lua_State *co); /* the base of a task's coroutine */
/* Prepares the first step: `nargs` values, function included, wait on its thread to be resumed; or
 * it stays 0 and the result is what the step ended with. */
enum casync_action cal_task_start(lua_State *L, struct cal_state *state, struct cal_task *task,
                                  enum casync_resume how, int *nargs);
/* The op that is the task's body is over. */
enum casync_action cal_task_finish_op(lua_State *L, struct cal_task *task, enum casync_resume how);
/* Ends a task, whose object is on top of L below its `n` results (all popped), or with the error on
 * top (popped). */
enum casync_action cal_task_return(lua_State *L, struct cal_task *task, int n);
enum casync_action cal_task_fail(lua_State *L, struct cal_task *task);

/* ---- finished threads (task/pool.c) ---- */

/* Borrows a thread, NULL if that is not possible now; it stays in the pool. */
lua_State *cal_pool_borrow(struct cal_state *state);
bool cal_pool_is_borrowed(const struct cal_state *state, const lua_State *co);
void cal_pool_return(struct cal_state *state);             /* the borrowed one, fit for use */
void cal_pool_drop(lua_State *L, struct cal_state *state); /* the borrowed one, which is dead */
/* Makes the borrowed thread that of the Task at `task`. */
void cal_pool_keep(lua_State *L, struct cal_state *state, int task);
/* A thread for the Task on top, pooled or new; NULL, with an error on top, without memory. */
lua_State *cal_pool_own(lua_State *L, struct cal_state *state);
/* Puts the thread of the Task at `task` into the pool, unless that is full. */
void cal_pool_give(lua_State *L, struct cal_state *state, int task, lua_State *co);

/* ---- a task's coroutine that Lua's own yield left (task/stock_yield.c) ---- */

/* Its `n` yielded values are on its stack (popped): what the task does. */
enum casync_action cal_stock_yield(struct cal_task *task, int n);
/* Replaces the error on top by the one that says that the coroutine was closed from outside. */
void cal_replace_by_closed(lua_State *L);
/* Prepares it to go on; false, with an error on L, if it cannot. */
bool cal_resume_stock_yield(lua_State *L, struct cal_task *task, enum casync_resume how);

/* ---- coroutine objects and ops (await/coroutine_object.c, await/op.c) ---- */

enum cal_coroutine_value { CAL_COROUTINE_FUNCTION = 1, CAL_COROUTINE_ARGUMENTS };
enum cal_coroutine_state { CAL_COROUTINE_NEW, CAL_COROUTINE_TAKEN, CAL_COROUTINE_CLOSED };

struct cal_coroutine {
  struct cal_object object;
  uint16_t nargs;
  uint8_t state; /* enum cal_coroutine_state */
  bool checked;  /* counted among the suspects until it starts */
  bool library;  /* made by the library for one of its own coroutine functions */
};

struct cal_coroutine *cal_test_coroutine(lua_State *L, int index);
/* Ends its NEW state. */
void cal_coroutine_leave_new(lua_State *L, struct cal_coroutine *coroutine,
                             enum cal_coroutine_state state);
/* Makes one of the function at `index` and the values after it. */
void cal_coroutine_new(lua_State *L, int index, bool checked, bool library);
/* Marks it as awaited and pushes function and arguments on `to`; their number - 1. Raises. */
int cal_coroutine_take(lua_State *L, int index, lua_State *to);
/* If the function at `index` is a coroutine function, pushes its body. */
bool cal_push_async_body(lua_State *L, int index);
void cal_open_coroutine_object(lua_State *L);

struct cal_op;

/* A native coroutine: an op without a `start`, whose body is C code that awaits. */
struct cal_native_type {
  struct casync_op_type op;
  /* Runs in the frame of `await`, with the op at index 1: returns results as a C function does, or
   * raises, or suspends (await/native.c). */
  int (*body)(lua_State *L, struct cal_state *state, struct cal_op *op);
};

struct cal_op {
  struct cal_object object;
  int nresults; /* user values: what the op returns; of a native coroutine: what it works on */
  bool checked; /* counted among the suspects until it starts */
  bool shared;  /* the one of sleep(0): each mention is a new coroutine, so it stays NEW */
  bool known;   /* a task has it for its body: never a spare */
  bool spare;   /* cal_native_over() */
  union {
    struct casync_op op;
    struct casync_sleep sleep;
    struct {
      struct casync_op op;
      lua_Integer n; /* what the body may use */
      void *object;  /* the same; a user value keeps it alive */
    } native;
  } of;
};

static inline bool cal_op_is_native(const struct cal_op *op)
{
  return op->of.op.type->start == NULL;
}
/* Makes a native coroutine, with the `n` values on top (popped) as its user values, in a function
 * that has the state as upvalue. */
struct cal_op *cal_native_new(lua_State *L, const struct cal_native_type *type, int n);
/* The same about the object at index 1, which is its `native.object` and its only user value, and
 * stays there.  `size`: of a struct that begins with the cal_op; the rest is zeroed. */
struct cal_op *cal_native_about(lua_State *L, const struct cal_native_type *type, void *object,
                                size_t size);
/* The same of a plain size, with the value at index 2 as its second user value. */
struct cal_op *cal_native_about_two(lua_State *L, const struct cal_native_type *type, void *object);

/* An object may keep the op of a method of its own in a user value, and hand it out again once it
 * has returned from a plain await: such calls then make no object (docs/design/ownership.md). */

/* Pushes the op of `size` that user value `value` of the object at `index` keeps, new again; NULL,
 * and nothing is pushed: one has to be made. */
struct cal_op *cal_native_again(lua_State *L, const struct cal_native_type *type, int index,
                                int value, size_t size);
/* Makes the op on top, of the object at index 1, the one that is kept there; not if it is checked,
 * since it would be collected, and found never to have been awaited, with the object only. */
static inline void cal_native_keep(lua_State *L, int value)
{
  if (((const struct cal_op *)lua_touserdata(L, -1))->checked) return;
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, value);
}
/* In its body, when nothing can fail any more. */
static inline void cal_native_over(struct cal_op *op)
{
  op->spare = !op->known;
}

struct cal_op *cal_test_op(lua_State *L, int index);
int cal_op_results(lua_State *L, int index); /* pushes what it returns */
/* casync_op_start() and casync_op_close() */
int cal_op_start(lua_State *L, struct cal_op *op, struct casync_task *task);
void cal_op_close(lua_State *L, struct cal_op *op);
void cal_open_op(lua_State *L);

/* ---- awaiting (await/suspend.c, await/coroutine.c) ---- */

/* Suspends L in an await; `back` is called, with the state as context, when somebody resumes L:
 * the scheduler if `state->expected` is L. */
int cal_yield_await(lua_State *L, struct cal_state *state, lua_KFunction back);
/* The state that a continuation of these gets as its context: an integer to Lua. */
static inline struct cal_state *cal_context_state(lua_KContext context)
{
  return (struct cal_state *)context; /* NOLINT(performance-no-int-to-ptr): lua_KContext is one */
}
/* Goes on waiting after a forged resume, whose values are dropped: `top` values were L's own. */
int cal_wait_on(lua_State *L, struct cal_state *state, int top, lua_KFunction back);
/* Raises what throw() throws in, or the cancellation that the step has to deliver, if any. */
void cal_raise_if_due(lua_State *L, struct cal_state *state);
/* Await what stands at index 1: a future, an op.  (await/turn.h: nothing but the next iteration.)
 */
int cal_await_future(lua_State *L, struct cal_state *state, struct cal_future *future);
int cal_await_op(lua_State *L, struct cal_state *state, struct cal_op *op);
/* Calls the function above index 1, with the arguments above it, as the rest of this await. */
int cal_await_call(lua_State *L, struct cal_state *state);
int cal_await(lua_State *L); /* await itself */
void cal_open_await(lua_State *L);
/* Address that an await leaves on top of the stack of what it suspends. */
extern const char cal_await_mark;
/* Whether the thread `co`, which has just yielded or is suspended, waits in an await. */
bool cal_is_awaiting(lua_State *co);
/* Raises the error that says why nothing can be awaited here. */
CAL_NORETURN int cal_refuse_await(lua_State *L, struct cal_state *state);
void cal_open_suspend(lua_State *L);
bool cal_is_coroutine_function(lua_CFunction function); /* resume, or what wrap returns */
void cal_open_coroutine(lua_State *L);

/* ---- native coroutines (await/native.c) ---- */

/* The running task, if what runs at this place may suspend; else raises why not.  To be called
 * before anything is registered; the object at index 1 is kept alive until the task comes back.
 * NULL: what runs is driven by hand (never so in the body of a native coroutine), and only
 * cal_await_op() can suspend it. */
struct casync_task *cal_may_wait(lua_State *L, struct cal_state *state);
/* The same, but nothing is kept alive: for what can go while a task waits at it.  The continuation
 * then looks what is at index 1 before it believes it. */
struct casync_task *cal_may_wait_loosely(lua_State *L, struct cal_state *state);
/* Suspends: the task waits for an op (casync_task.op is set and knows the undo).  `back` begins
 * with cal_is_forged() and cal_come_back(). */
int cal_wait(lua_State *L, struct cal_state *state, lua_KFunction back);
/* Gives up one iteration. */
int cal_wait_turn(lua_State *L, struct cal_state *state, lua_KFunction back);
/* Whether somebody else than the scheduler resumed L: `back` then returns
 * cal_wait_on(L, state, top, back), where `top` values are the frame's own. */
static inline bool cal_is_forged(lua_State *L, const struct cal_state *state)
{
  return state->expected != L;
}
/* Whether cal_come_back() is going to raise: the wait was cancelled, or the task was afterwards. */
bool cal_comes_back_raising(const struct cal_state *state);
/* The wait is over: takes the mark off the stack and raises the cancellation that is due. */
void cal_come_back(lua_State *L, struct cal_state *state);

/* ---- handles (loop/handle.c) ---- */

enum cal_handle_value {
  CAL_HANDLE_CALLBACK = 1,
  CAL_HANDLE_NEXT, /* the handle queued after this one */
  CAL_HANDLE_CONTEXT,
  CAL_HANDLE_ARGUMENTS
};

struct cal_handle {
  struct cal_object object;
  struct casync_timer timer; /* a Handle uses only timer.handle */
  struct cal_loop *loop;
  double when;   /* TimerHandle */
  uint32_t slot; /* TimerHandle: held; a watching handle: its key */
  int nargs;
};

struct cal_handle *cal_test_handle(lua_State *L, int index);
/* Makes a handle of the callback at `index`, `nargs` arguments after it, and context (popped). */
struct cal_handle *cal_handle_new(lua_State *L, struct cal_loop *loop, enum cal_kind_id kind,
                                  int index, int nargs);
/* Appends the Handle on top to the list of queued ones (popped) and queues it. */
void cal_handle_queue(lua_State *L, struct cal_loop *loop, struct cal_handle *handle);
void cal_handle_clear(lua_State *L, int index, struct cal_handle *handle);
/* If what is about to run is a Handle, pushes it; else nil.  Before it is taken off the list. */
bool cal_push_first_handle(lua_State *L, const struct cal_loop *loop,
                           const struct casync_handle *handle);
/* Splits "callback, arguments…[, options]" from `first` on; pushes the context; count of args. */
int cal_callback_arguments(lua_State *L, int first);
void cal_check_callable(lua_State *L, int index);
/* Whether the error on top is one that leaves the loop: KeyboardInterrupt or SystemExit. */
bool cal_leaves_loop(lua_State *L);
/* Keeps a handle that waits in a future findable by its address. */
void cal_handle_register(lua_State *L, struct cal_loop *loop, int index);
extern const struct casync_handle_type cal_callback_handle;
extern const struct casync_handle_type cal_watch_handle;
extern const struct casync_handle_type cal_signal_handle;
void cal_open_handle(lua_State *L);

/* ---- loops (loop/) ---- */

enum cal_loop_value {
  CAL_LOOP_HELD = 1, /* array: tasks, timers, gathers; free places are chained by number */
  CAL_LOOP_ANCHORS,  /* place of a task in the held array -> the plain future it awaits */
  CAL_LOOP_FIELDS,
  CAL_LOOP_FIRST, /* queued handles, first and last */
  CAL_LOOP_LAST,
  CAL_LOOP_WATCHING,  /* descriptor * 2 + direction -> Handle */
  CAL_LOOP_SIGNALS,   /* number -> Handle, or the function of the Runner for SIGINT */
  CAL_LOOP_CALLBACKS, /* weak: light userdata -> Handle that waits in a future */
  CAL_LOOP_BATCHES,   /* attached: the Lua thread that its batches run in */
  CAL_LOOP_VALUES = CAL_LOOP_BATCHES
};

/* The application that opened a Loop through casync/lua.h (embed/). */
struct cal_owner {
  void (*closing)(struct cal_owner *owner); /* the loop closes */
  void (*gone)(struct cal_owner *owner);    /* the Lua state ends, and the Loop with it */
  void (*stopped)(struct cal_owner *owner, int status);
};

/* Signals that a loop has for its Runner or its host, and not for a handler of the user's. */
enum { CAL_KEEPS_SIGINT = 1, CAL_KEEPS_SIGTERM = 2, CAL_ENDS_BY_SIGTERM = 4 };

/* Whether a loop can be asked by `casync ps` (bindings/ps/). */
enum cal_ps_watch {
  CAL_PS_NEW,
  CAL_PS_DUE,     /* it has run, and will be when it has for some time */
  CAL_PS_WATCHES, /* it watches the process's socket */
  CAL_PS_NEVER
};
struct cal_loop {
  struct cal_object object;
  struct casync_loop *loop;   /* NULL before init and after the end */
  struct casync_handle relay; /* runs what signals asked for */
  struct cal_state *state;
  uint32_t slots;       /* length of the held array */
  uint32_t *free_slots; /* its free places; room for `capacity` of them, all there can be */
  uint32_t free_count, capacity;
  bool debug;
  bool has_factory;
  uint8_t keeps;           /* CAL_KEEPS_… */
  uint8_t ps;              /* enum cal_ps_watch */
  double ps_due;           /* the time that CAL_PS_DUE waits for */
  int interrupts;          /* SIGINTs since the Runner took it over */
  unsigned long thread;    /* identity of the thread that runs it */
  lua_State *batches;      /* CAL_LOOP_BATCHES */
  struct cal_owner *owner; /* NULL: Lua opened it */
};

/* Opens loop->loop with these entries for the Loop that is being made, two below the top. */
typedef int cal_loop_opener(lua_State *L, struct cal_loop *loop,
                            const struct casync_loop_host *entries, void *data);
/* Pushes a new Loop. */
struct cal_loop *cal_loop_new(lua_State *L, cal_loop_opener *open, void *data);
/* Prepares the Loop at `index` for its batches (loop/run.c): it is to be attached. */
void cal_loop_attach(lua_State *L, int index, struct cal_loop *loop);
/* casync_loop_host.frame */
int cal_loop_frame(struct casync_loop *runtime, int (*run)(struct casync_loop *), void *data);
/* Abandons everything of an attached loop that closes by itself. */
void cal_abandon_attached(struct cal_loop *loop);

struct cal_loop *cal_test_loop(lua_State *L, int index);
void cal_loop_use_fields(lua_State *L, int index);             /* from now on it may have fields */
struct cal_loop *cal_check_loop(lua_State *L, int index);      /* not closed: any state */
struct cal_loop *cal_check_open_loop(lua_State *L, int index); /* raises if closed */
/* The state of a pending future (whose loop is alive). */
static inline struct cal_state *cal_state_of(const struct casync_future *future)
{
  return ((struct cal_loop *)casync_loop_data(future->loop))->state;
}
/* Pushes the Loop of a runtime loop and returns its struct; nil and NULL if it is gone (the
 * address is then only a number). */
struct cal_loop *cal_push_loop(lua_State *L, const struct casync_loop *loop);
/* The running loop, pushed; raises "no running event loop". */
struct cal_loop *cal_need_running_loop(lua_State *L);
/* Finds a place for the value at `index` (not a relative one) in the held array; may raise. */
uint32_t cal_hold(lua_State *L, struct cal_loop *loop, int index);
void cal_free_held(lua_State *L, struct cal_loop *loop);
void cal_push_held(lua_State *L, struct cal_loop *loop, uint32_t slot);
/* Keeps the plain future at index 1, which the task awaits, alive whatever becomes of the
 * coroutine's stack: in the table at index `anchors` (CAL_LOOP_ANCHORS).  May raise; letting go
 * does not. */
void cal_anchor(lua_State *L, int anchors, struct casync_task *task);
void cal_unanchor(lua_State *L, int anchors, struct casync_task *task);
void cal_begin_anchors(lua_State *L, int loop); /* the Loop at `loop` runs */
void cal_end_anchors(lua_State *L);             /* none runs */
void cal_unhold(lua_State *L, struct cal_loop *loop, uint32_t slot);
/* The same for callbacks of the running loop, before they call anything. */
void cal_unhold_at_run(lua_State *L, struct cal_loop *loop, uint32_t slot);
/* Ends everything of a loop that closes, or is collected: tasks are abandoned and reported. */
void cal_loop_abandon(lua_State *L, int index, struct cal_loop *loop, bool is_gone);
void cal_check_thread(lua_State *L, struct cal_loop *loop);
/* The same in debug mode, for what would wake a task of the running loop. */
static inline void cal_check_waking(lua_State *L, const struct cal_state *state)
{
  if (cal_debugs(state)) cal_check_thread(L, state->running);
}
void cal_open_loop(lua_State *L);
void cal_open_run(lua_State *L);     /* adds to the Loop class on top */
void cal_open_watch(lua_State *L);   /* the same */
void cal_open_signals(lua_State *L); /* the same */
void cal_open_host(lua_State *L);
void cal_run_signals(lua_State *L, struct cal_loop *loop);
/* Leaves the loop with the error on top (popped). */
void cal_leave_with(lua_State *L, struct cal_loop *loop);
/* Raises the error that left it. */
CAL_NORETURN void cal_raise_left(lua_State *L);

void cal_open_searcher(lua_State *L);
void cal_open_inspect(lua_State *L);
/* Pushes the children of the gather at `index` that are worth a look; their number. */
int cal_push_gather_children(lua_State *L, int index);
void cal_open_testing(lua_State *L); /* testing/ */
void cal_open_gather(lua_State *L);
bool cal_gather_cancel(lua_State *L, int index); /* the message is in the state */

/* Pushes what the innermost await of the thread `co` waits for; nil if that is not kept. */
void cal_push_awaited(lua_State *L, lua_State *co);

#endif
