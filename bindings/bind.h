/* SPDX-License-Identifier: MIT
 *
 * Private header of the bindings: the state, the classes, and every function named cal_.
 *
 * Ownership (docs/design/ownership.md says why)
 *   - An object that Lua can see is one full userdata that embeds the runtime's struct; Lua's
 *     collector frees it.  Its Lua values are in its user values, whose places are enums here.
 *   - What a loop refers to is kept in that loop's user values: unfinished tasks, timers and
 *     gathers in its *held array* (a place is found when the object is made), queued handles in a
 *     list that runs beside the ready queue, watching handles in a table by descriptor.
 *   - The state is upvalue 1 of every C function and the only registry entry besides the loops.
 *   - Runtime callbacks use `state->L`; no Lua error leaves them (error/call.c).
 */
#ifndef CAL_BIND_H
#define CAL_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "casync.h"
#include "casync/impl/gather.h"
#include "casync/impl/op.h"

/* ---- kinds of userdata (class.c) ---- */

enum cal_kind_id {
  CAL_FUTURE, /* the three futures come first */
  CAL_TASK,
  CAL_GATHER,
  CAL_HANDLE,
  CAL_TIMER,
  CAL_LOOP,
  CAL_COROUTINE,
  CAL_OP,
  CAL_SENTINEL,
  CAL_TRANSPORT,
  CAL_BUFFER,
  CAL_STREAM_READER,
  CAL_LOOKUP,
  CAL_SOCKET,
  CAL_SOCKET_VIEW,
  CAL_LISTENER,
  CAL_LOCK,
  CAL_EVENT,
  CAL_SEMAPHORE,
  CAL_BOUNDED_SEMAPHORE,
  CAL_LINE,
  CAL_QUEUE,
  CAL_KINDS
};

/* Every userdata begins with the address of its kind: that, and not a metatable, is what the type
 * check trusts, since metatables can be exchanged from Lua. */
struct cal_kind {
  enum cal_kind_id id;
  const char *name;
};

extern const struct cal_kind cal_kinds[CAL_KINDS];

struct cal_object {
  const struct cal_kind *kind;
};

/* ---- the state (state.c) ---- */

/* User values of the state. */
enum cal_state_value {
  CAL_STATE_METAS = 1, /* instance metatables: + enum cal_kind_id */
  CAL_STATE_COROUTINE_PLAIN = CAL_STATE_METAS + CAL_KINDS, /* Coroutine without __gc */
  CAL_STATE_OP_CHECKED,                                    /* Op with __gc */
  CAL_STATE_KW,                                            /* metatable that marks options */
  CAL_STATE_POOL,                                          /* finished Lua threads */
  CAL_STATE_LOOPS,        /* weak: light userdata of a casync_loop -> Loop */
  CAL_STATE_RUNNING,      /* the running Loop */
  CAL_STATE_HELD,         /* its held array */
  CAL_STATE_ANCHORS,      /* the running loop's table of awaited futures, or an empty one */
  CAL_STATE_AWAIT,        /* the function await, whose upvalue 2 is that table */
  CAL_STATE_NO_ANCHORS,   /* the empty one */
  CAL_STATE_ERRORS,       /* name -> exception class */
  CAL_STATE_CANCELLED,    /* instance metatable of CancelledError */
  CAL_STATE_HOOKS,        /* functions of the Lua layer that C calls */
  CAL_STATE_MESSAGE,      /* message of the cancellation being requested */
  CAL_STATE_TRACEBACK,    /* where the error in flight was raised */
  CAL_STATE_TRACED,       /* the error it belongs to */
  CAL_STATE_OWN_PATH,     /* what the sources of the library's Lua files begin with */
  CAL_STATE_REPORTS,      /* contexts for the exception handler, made by finalizers */
  CAL_STATE_CONTEXT,      /* current context outside of tasks */
  CAL_STATE_CONTEXT_META, /* metatable of contexts */
  CAL_STATE_NAMES,        /* weak: function -> name */
  CAL_STATE_SLEEP0,       /* the shared op of sleep(0) */
  CAL_STATE_READ,         /* ops to hand out again: a read of no reader, a drain of no writer */
  CAL_STATE_DRAIN,
  CAL_STATE_LEFT,   /* the error that leaves the loop */
  CAL_STATE_THROWN, /* what throw() throws in */
  CAL_STATE_CALLED, /* debug mode: the method of a protocol that the handle has called */
  CAL_STATE_VALUES = CAL_STATE_CALLED
};

/* Finished threads kept for reuse: as many as the table was made for; adding cannot fail. */
enum { CAL_POOL_SIZE = 256 };

/* What stands where in the frame of Loop:_run(), for callbacks that run right below it. */
enum cal_run_index { CAL_RUN_LOOP = 1, CAL_RUN_HELD, CAL_RUN_OUTER };

/* What interrupts Lua code that does not return to its loop. */
enum cal_interrupt {
  CAL_INTERRUPT_NONE,
  CAL_INTERRUPT_KEYBOARD, /* a second SIGINT: KeyboardInterrupt */
  CAL_INTERRUPT_TO_END,   /* SIGTERM in a host: SystemExit */
  CAL_INTERRUPT_LIMIT     /* a test's time is over: what hooks.limit() returns */
};

/* How the error in flight comes to whoever raises it next. */
enum cal_trace {
  CAL_TRACE_RAISED,  /* by itself */
  CAL_TRACE_AWAITED, /* out of a future */
  CAL_TRACE_RESUMED  /* out of a Lua coroutine */
};

/* Whether the loops of a state answer `casync ps`. */
enum cal_ps_wish { CAL_PS_UNSAID, CAL_PS_UNWANTED, CAL_PS_WANTED };

struct cal_loop;
struct cal_ps;
struct cal_task;

struct cal_state {
  struct cal_object object; /* kind NULL */
  lua_State *L;             /* where runtime callbacks may push, and who resumes tasks */
  unsigned entered;         /* 0: while a loop runs, L is in the frame of its _run() then */
  lua_State *current;       /* the coroutine that may await; NULL = none */
  lua_State *expected;      /* the coroutine that the scheduler resumes now */
  lua_State *suspended;     /* the coroutine that an await has just suspended; NULL = a yield */
  lua_State *closer;        /* who runs coroutine.close; NULL = nobody */
  lua_State *innermost;     /* the innermost coroutine that runs, for interrupts */
  struct cal_loop *running; /* NULL = none */
  const struct cal_object *sleep0;
  const void *cancelled_meta; /* identity of CancelledError's metatable */
  const void *kw_meta;
  enum casync_resume how;              /* how the coroutine goes on */
  enum casync_action action;           /* what a suspension wants */
  struct casync_future *awaited;       /* the future it waits for */
  bool has_message;                    /* CAL_STATE_MESSAGE is not nil */
  unsigned depth;                      /* calls by await since the coroutine was resumed last */
  bool bouncing;                       /* the coroutine suspended only to be resumed at once */
  bool has_contexts;                   /* casync.contextvars is loaded: contexts may have values */
  bool debugs;                         /* the running loop is in debug mode */
  bool by_hand;                        /* what runs is driven by send() and throw() */
  bool too_deep;                       /* they nest too deep: the whole request is given up */
  unsigned cancel_depth;               /* nesting of gathers that are being cancelled */
  bool throwing;                       /* CAL_STATE_THROWN is raised where the coroutine goes on */
  bool failed;                         /* the coroutine that just ended raised an error */
  enum cal_trace trace;                /* of the error in CAL_STATE_TRACED, and which task */
  uint64_t trace_task;                 /* got it, by serial; 0: none */
  volatile int interrupt;              /* enum cal_interrupt: what is due in busy Lua code */
  int patience;                        /* instructions left to code that is to end */
  struct casync_task *host_task;       /* whose code may run other loops (loop/host.c) */
  struct cal_loop *host_loop;          /* the loop of such tasks; NULL = none */
  bool is_alone;                       /* nobody but their loops wakes these: loop/host.c */
  lua_State *spare[CAL_POOL_SIZE + 1]; /* the threads in CAL_STATE_POOL, from 1 on */
  int pooled;                          /* how many they are */
  int borrowed;                        /* which of them a first step runs on; 0: none */
  const void *held;                    /* identity of CAL_STATE_HELD */
  unsigned ops_made;                   /* library operations so far: which of them are checked */
  bool leaves_sigint;     /* an application that has casync in it keeps SIGINT for itself */
  enum cal_ps_wish ps_is; /* not without a word, where an application has casync in it */
  struct cal_ps *ps;      /* what it has in the list of those that answer; NULL: it does not */
  int suspects;           /* errors nobody has read, checked coroutines nobody has started:
                           * a loop that closes looks for them */
  int reports;            /* contexts in CAL_STATE_REPORTS */
  const char *called;     /* name of what is at CAL_STATE_CALLED; NULL: nothing */
  lua_Hook hook;          /* the user's, while one of ours is in its place */
  int hook_mask, hook_count;
  uint64_t task_names;  /* last N of "Task-N" */
  uint64_t task_serial; /* tasks made so far */
};

#define CAL_STATE_INDEX lua_upvalueindex(1)
#define CAL_ANCHORS_INDEX lua_upvalueindex(2) /* of await */

static inline struct cal_state *cal_state(lua_State *L)
{
  return lua_touserdata(L, CAL_STATE_INDEX);
}

/* The registry's way to the state, for light C functions, which have no upvalues: pushes it. */
struct cal_state *cal_push_state_slowly(lua_State *L);
void cal_push_value_slowly(lua_State *L, int value);
void cal_store_value_slowly(lua_State *L, int value);

struct cal_state *cal_find_state_slowly(lua_State *L);

/* The state, for any function of ours. */
static inline struct cal_state *cal_find_state(lua_State *L)
{
  struct cal_state *state = lua_touserdata(L, CAL_STATE_INDEX);
  return state != NULL ? state : cal_find_state_slowly(L);
}

/* Pushes user value `value` of the state. */
static inline void cal_push_value(lua_State *L, int value)
{
  if (lua_touserdata(L, CAL_STATE_INDEX) != NULL)
    lua_getiuservalue(L, CAL_STATE_INDEX, value);
  else
    cal_push_value_slowly(L, value);
}

/* Pops a value into user value `value` of the state. */
static inline void cal_store_value(lua_State *L, int value)
{
  if (lua_touserdata(L, CAL_STATE_INDEX) != NULL)
    lua_setiuservalue(L, CAL_STATE_INDEX, value);
  else
    cal_store_value_slowly(L, value);
}

void cal_state_open(lua_State *L); /* pushes the state, made if need be */
/* Adds functions to the table on top, with the state as upvalue 1. */
void cal_set_functions(lua_State *L, const luaL_Reg *functions);

/* Whether the frame of L is that of Loop:_run(), where everything is at hand (enum cal_run_index).
 * Nobody else ever gets hold of the held array. */
static inline bool cal_is_run_frame(lua_State *L, const struct cal_state *state)
{
  return state->held != NULL && lua_topointer(L, CAL_RUN_HELD) == state->held;
}

/* Lets runtime callbacks use `L` until cal_leave(); no error may be raised in between. */
static inline lua_State *cal_enter(struct cal_state *state, lua_State *L)
{
  lua_State *outer = state->L;
  state->L = L;
  state->entered++;
  return outer;
}

static inline void cal_leave(struct cal_state *state, lua_State *outer)
{
  state->L = outer;
  state->entered--;
}

/* For runtime callbacks, before they call anything: whether they run right below Loop:_run(). */
static inline bool cal_is_at_run(const struct cal_state *state)
{
  return state->entered == 0 && state->held != NULL;
}

/* What runs around steps of tasks: a run of the loop is around all of them, and a task that starts
 * another one eagerly around the first step of that. */
struct cal_around {
  lua_State *L, *current, *innermost;
  unsigned entered, depth;
  bool by_hand;
};

/* Between the two tasks step, and `L` is who resumes them: Loop:_run() if `is_run`. */
static inline struct cal_around cal_begin_steps(struct cal_state *state, lua_State *L, bool is_run)
{
  struct cal_around around = {state->L,       state->current, state->innermost,
                              state->entered, state->depth,   state->by_hand};
  state->L = L;
  state->entered = is_run ? 0 : state->entered + 1;
  state->current = NULL;
  state->innermost = L;
  state->by_hand = false;
  return around;
}

static inline void cal_end_steps(struct cal_state *state, const struct cal_around *around)
{
  state->L = around->L;
  state->entered = around->entered;
  state->current = around->current;
  state->innermost = around->innermost;
  state->depth = around->depth;
  state->by_hand = around->by_hand;
}

/* ---- classes (class.c) ---- */

struct cal_class {
  enum cal_kind_id kind;
  const luaL_Reg *methods;
  const luaL_Reg *metamethods;
};

/* Makes a class as DESIGN's convention wants it and leaves it on the stack. */
void cal_class_make(lua_State *L, const struct cal_class *class);
/* Copies the methods of the class in field `parent` of the module (below the class on top) into the
 * class, where it has none of its own: calls then need one look-up. */
void cal_inherit(lua_State *L, const char *parent);
/* The object of `kind` at `index`, or NULL. */
void *cal_test(lua_State *L, int index, enum cal_kind_id kind, size_t size);
/* The same, or an argument error. */
void *cal_check(lua_State *L, int index, enum cal_kind_id kind, size_t size);
/* `object`, lua_touserdata() of what is at `index`, if it is one of ours, else NULL. */
static inline const struct cal_object *cal_object_of(lua_State *L, int index,
                                                     const struct cal_object *object)
{
  if (object == NULL || lua_rawlen(L, index) < sizeof *object) return NULL;
  uintptr_t offset = (uintptr_t)object->kind - (uintptr_t)cal_kinds;
  return offset < sizeof cal_kinds ? object : NULL;
}
/* The object at `index` if it is one of ours, else NULL. */
static inline const struct cal_object *cal_object_at(lua_State *L, int index)
{
  return cal_object_of(L, index, lua_touserdata(L, index));
}
/* The kind of the object at `index`, or CAL_KINDS if it is none of ours. */
static inline enum cal_kind_id cal_kind_at(lua_State *L, int index)
{
  const struct cal_object *object = cal_object_at(L, index);
  return object != NULL ? object->kind->id : CAL_KINDS;
}
/* New userdata of `kind` with the class's own metatable, zeroed but for its kind. */
void *cal_new(lua_State *L, enum cal_kind_id kind, size_t size, int values);
/* The same for functions that have the state as upvalue. */
void *cal_new_here(lua_State *L, enum cal_kind_id kind, size_t size, int values);
/* The same for `__new(class)`: the metatable is that of the class at index 1. */
void *cal_new_of_class(lua_State *L, enum cal_kind_id kind, size_t size, int values);
int cal_fields(lua_State *L); /* core.fields(object[, false]) */

/* ---- errors and calls (error/) ---- */

/* Of functions that raise; their result is for `return cal_raise(…)`, as in luaL_error. */
#define CAL_NORETURN __attribute__((noreturn))
/* Of the rare ways of short functions, which then save no registers. */
#define CAL_APART __attribute__((noinline))

CAL_NORETURN void cal_error(lua_State *L); /* lua_error() */
/* Pushes a new error object of class `name`. */
void cal_push_error(lua_State *L, const char *name, const char *format, ...);
/* Turns the message on top into an error object of class `name`. */
void cal_wrap_error(lua_State *L, const char *name);
/* Raises one. */
CAL_NORETURN int cal_raise(lua_State *L, const char *name, const char *format, ...);
/* Pushes or raises the error for a runtime code. */
void cal_push_code(lua_State *L, int code);
CAL_NORETURN int cal_raise_code(lua_State *L, int code);
/* Pushes a CancelledError whose message is the value on top (nil: none), which it replaces. */
void cal_make_cancelled(lua_State *L);
bool cal_is_cancelled_error(lua_State *L, int index);
bool cal_is_error_of(lua_State *L, int index, const char *name);
/* If the value at `index` is an exception class, replaces it by an instance. */
void cal_instantiate(lua_State *L, int index);

/* lua_pcall with the traceback kept in the state; `function` and `nargs` arguments are on top. */
int cal_call(lua_State *L, int nargs, int nresults);
/* A message handler that keeps the traceback of what nobody else catches. */
int cal_keep_traceback(lua_State *L);
enum { CAL_SCOPE_LINE = 6 }; /* place in a scope: the line where it was entered */
/* Who holds a scope in a local variable: where its lines begin in a text of frames, the line where
 * it stands, and the one where it entered the scope (0: another function did). */
struct cal_holder {
  size_t offset;
  int line, entered;
};
/* Pushes the user's frames of `co` from `level` on, a line each behind a line feed (frames.c);
 * looks for the holder of the scope at index `scope` (0: none; `holder` may be NULL). */
void cal_push_frames(lua_State *L, lua_State *co, int level, int scope, struct cal_holder *holder);
/* Keeps that the error on top is raised at `level` of `co` (traceback.c). */
void cal_trace(lua_State *L, lua_State *co, int level, enum cal_trace how);
/* Keeps the traceback on top (popped) as that of the error below. */
void cal_note_trace(lua_State *L, enum cal_trace how);
void cal_retrace(lua_State *L);      /* the error on top is the same, in other words */
void cal_forget_trace(lua_State *L); /* it has arrived */
void cal_open_traceback(lua_State *L);
/* Runs `function` protected with one light userdata; false if it raised (the error is popped). */
bool cal_protect(lua_State *L, lua_CFunction function, void *data);
/* Replaces a nil that was raised, on top, by an error that says so. */
void cal_replace_nil(lua_State *L);
/* The same, with the error left on the stack. */
int cal_try(lua_State *L, lua_CFunction function, void *data);

/* Reports through the exception handler of `loop` (NULL: the running one, or the default log).
 * The error is on top (popped); the object at `object` (0: none) goes under `key`. */
void cal_report(lua_State *L, struct cal_loop *loop, const char *message, const char *key,
                int object);
/* Keeps a report that a finalizer makes for the next iteration: fields as above.  It goes to the
 * handler of the Loop at `loop`, nil: to the default log; 0: to the loop that delivers it. */
void cal_report_later(lua_State *L, const char *message, const char *key, int object, int error,
                      int loop);
void cal_drain_reports(lua_State *L, struct cal_loop *loop);
void cal_open_report(lua_State *L); /* core.hooks */

/* ---- debug mode (debug/) ---- */

/* Whether the running loop is in debug mode. */
static inline bool cal_debugs(const struct cal_state *state)
{
  return __builtin_expect(state->debugs, 0);
}
/* Tells the Lua layer of the object at `index`: that it is "made" here, that the lock is "taken" by
 * the current task, or "released". */
void cal_tell(lua_State *L, const char *hook, int index);
/* Pushes where the object at `index` was made, a traceback, or nil. */
void cal_push_source(lua_State *L, int index);
/* Reports, later, that an object of the Loop at `loop` (0: none) goes without having been closed.
 */
void cal_report_unclosed(lua_State *L, const char *kind, int object, int loop);
void cal_loop_set_debug(lua_State *L, struct cal_loop *loop, bool is_on);
void cal_open_debug(lua_State *L);
/* casync_loop_host.observe (debug/observe.c) */
void cal_observe(struct casync_loop *runtime, struct casync_handle *handle, void *data);
/* The function on top, a method of a protocol, is about to be called. */
void cal_note_called(lua_State *L, const char *method);
/* The Task at `task` was over in its first, eager step.  May leave the loop, does not raise. */
void cal_tell_ended(lua_State *L, struct cal_loop *loop, int task);

/* ---- context (context.c) ---- */

void cal_push_context(lua_State *L);    /* the current one, or nil */
void cal_capture_context(lua_State *L); /* a copy of it; nil if there is nothing to copy */
void cal_check_context(lua_State *L, int index);
void cal_open_context(lua_State *L);

/* ---- options ---- */

/* Whether the value at `index` is a table of options: string keys and no metatable, or marked. */
bool cal_is_kw(lua_State *L, int index);
/* Raises if the options at `index` have a name that is not among `allowed` (words). */
void cal_check_option_names(lua_State *L, int index, const char *function, const char *allowed);
void cal_open_kw(lua_State *L);

#include "objects.h" /* futures, tasks, coroutine objects, ops, handles, loops */

/* Resumes the coroutine of a task, or one that is driven by hand: from here awaits go no further.
 * A coroutine that bounces is resumed at once: its C stack is flat then.  The depth of whoever
 * resumes is lost. */
static inline int cal_resume(lua_State *L, struct cal_state *state, lua_State *co, int nargs,
                             int *nresults)
{
  int status;
  state->current = state->innermost = co;
  do {
    state->suspended = NULL;
    state->bouncing = false;
    state->depth = 0;
    status = lua_resume(co, L, nargs, nresults);
    state->expected = NULL;
    if (__builtin_expect(!state->bouncing, 1)) break;
    state->expected = co;
    nargs = 0;
  } while (status == LUA_YIELD);
  return status;
}

#endif
