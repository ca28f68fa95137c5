/* SPDX-License-Identifier: MIT
 *
 * Scripted coroutines: tasks whose `step` reads lines of a table.  A script is what an async
 * function would be in Lua or Python:
 *
 *   task = script_start(world, SCRIPT(SLEEP(1), SAY("woke"), CATCH, SAY("cancelled"), RERAISE));
 *
 * An error or a cancellation that a line raises goes to the next CATCH, and ends the task if there
 * is none.  A script that reaches CATCH without an error goes on behind the next RESUME.
 */
#ifndef SPEC_SCRIPT_H
#define SPEC_SCRIPT_H

#include "casync/impl/op.h"
#include "support.h"

enum verb {
  VERB_END, /* of the table: returns */
  VERB_RETURN,
  VERB_RAISE,
  VERB_RAISE_CANCEL,
  VERB_LEAVE,
  VERB_RERAISE, /* raises again what CATCH caught */
  VERB_CATCH,
  VERB_RESUME, /* the end of what follows CATCH */
  VERB_AWAIT,
  VERB_OP,
  VERB_SLEEP,
  VERB_YIELD,
  VERB_SAY,
  VERB_TIME,
  VERB_TURNS,
  VERB_REQUESTS,
  VERB_COMPLETE,
  VERB_CANCEL,
  VERB_CANCEL_SELF,
  VERB_UNCANCEL_SELF,
  VERB_START,
  VERB_START_EAGERLY
};

struct line {
  enum verb verb;
  const char *text;
  struct casync_future *future;
  struct casync_op *op;
  struct script *script;
  double seconds;
};

#define SCRIPT(...) ((const struct line[]){__VA_ARGS__, {.verb = VERB_END}})

/* A line of a script. */
#define LINE(...) \
  { \
    __VA_ARGS__ \
  }

#define RETURN LINE(.verb = VERB_RETURN)
#define RAISE LINE(.verb = VERB_RAISE)
#define RAISE_CANCEL LINE(.verb = VERB_RAISE_CANCEL)
#define LEAVE LINE(.verb = VERB_LEAVE)
#define RERAISE LINE(.verb = VERB_RERAISE)
#define CATCH LINE(.verb = VERB_CATCH)
#define RESUME LINE(.verb = VERB_RESUME)
#define YIELD LINE(.verb = VERB_YIELD)
#define CANCEL_SELF LINE(.verb = VERB_CANCEL_SELF)
#define UNCANCEL_SELF LINE(.verb = VERB_UNCANCEL_SELF)
#define AWAIT(awaited) LINE(.verb = VERB_AWAIT, .future = (awaited))
#define AWAIT_TASK(awaited) AWAIT(&(awaited)->task.future)
#define OP(started) LINE(.verb = VERB_OP, .op = (started))
#define SLEEP(delay) LINE(.verb = VERB_SLEEP, .seconds = (delay))
#define COMPLETE(completed) LINE(.verb = VERB_COMPLETE, .future = (completed))
#define START(child) LINE(.verb = VERB_START, .script = (child))
#define START_EAGERLY(child) LINE(.verb = VERB_START_EAGERLY, .script = (child))
/* Notes `name`. */
#define SAY(name) LINE(.verb = VERB_SAY, .text = (name))
/* Notes `name@time`. */
#define TIME(name) LINE(.verb = VERB_TIME, .text = (name))
/* Notes `name+n`: iterations since the last suspension began. */
#define TURNS(name) LINE(.verb = VERB_TURNS, .text = (name))
/* Notes `name=n`: cancelling(). */
#define REQUESTS(name) LINE(.verb = VERB_REQUESTS, .text = (name))
/* Cancels a future and notes true or false. */
#define CANCEL(cancelled) LINE(.verb = VERB_CANCEL, .future = (cancelled))
#define CANCEL_TASK(cancelled) CANCEL(&(cancelled)->task.future)

enum raised { RAISED_NOTHING, RAISED_ERROR, RAISED_CANCEL };

struct script {
  struct casync_task task;
  struct world *world;
  const struct line *line;
  struct casync_future *awaited;
  struct casync_sleep sleep;
  enum raised raised, caught;
  uint64_t since; /* iteration of the last suspension */
  bool started;
  int flagged, undone, passed_on; /* calls of `message` */
  int finished;                   /* calls of `done` */
};

/* A kept task of `lines`; script_start() also queues its first step. */
struct script *script_new(struct world *world, const struct line *lines);
struct script *script_start(struct world *world, const struct line *lines);

/* Task.cancel(), Task.cancelling() and the state, for a script. */
bool script_cancel(struct script *script);
uint32_t script_requests(const struct script *script);
enum casync_future_state script_state(const struct script *script);

/* Something to do `then`: data is the script. */
void then_cancel_script(struct world *world, struct callback *callback);

#endif
