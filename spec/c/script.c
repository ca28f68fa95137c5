/* SPDX-License-Identifier: MIT
 *
 * The interpreter of scripts; see script.h.
 */
#include "script.h"

#include "base/check.h"

static struct script *script_of(struct casync_task *task)
{
  return ca_container_of(task, struct script, task);
}

static bool cancel(struct casync_future *future)
{
  return casync_task_cancel(ca_container_of(future, struct casync_task, future));
}

static void keep_message(struct casync_task *task, enum casync_message what)
{
  struct script *script = script_of(task);
  switch (what) {
  case CASYNC_MESSAGE_FLAGGED: script->flagged++; break;
  case CASYNC_MESSAGE_OP: script->undone++; break;
  case CASYNC_MESSAGE_PASS_ON: script->passed_on++; break;
  }
}

static void count_end(struct casync_task *task)
{
  script_of(task)->finished++;
}

/* What awaiting a done future raises. */
static enum raised raised_by(const struct casync_future *future)
{
  switch ((enum casync_future_state)future->state) {
  case CASYNC_PENDING: break;
  case CASYNC_RESULT: break;
  case CASYNC_ERROR: return RAISED_ERROR;
  case CASYNC_CANCELLED: return RAISED_CANCEL;
  }
  return RAISED_NOTHING;
}

/* What the last suspension ends with. */
static enum raised outcome(struct script *script, enum casync_resume how)
{
  enum raised raised = script->awaited != NULL ? raised_by(script->awaited) : RAISED_NOTHING;
  if (script->task.flags & CASYNC_TASK_OP_CANCELLED) raised = RAISED_CANCEL;
  if (how == CASYNC_RESUME_CANCEL) raised = RAISED_CANCEL;
  script->task.flags &= (uint8_t)~CASYNC_TASK_OP_CANCELLED;
  script->awaited = NULL;
  return raised;
}

static enum casync_action end_raising(const struct script *script)
{
  return script->raised == RAISED_CANCEL ? CASYNC_ACTION_CANCELLED : CASYNC_ACTION_RAISED;
}

/* Moves behind the next `verb`; false if the script ends before. */
static bool skip_behind(struct script *script, enum verb verb)
{
  while (script->line->verb != verb && script->line->verb != VERB_END) script->line++;
  if (script->line->verb != verb) return false;
  script->line++;
  return true;
}

static bool is_caught(struct script *script)
{
  if (!script->started || !skip_behind(script, VERB_CATCH)) return false;
  script->caught = script->raised;
  script->raised = RAISED_NOTHING;
  return true;
}

/* The lines below that suspend return true and say how. */
static bool await(struct script *script, struct casync_future *future, enum casync_action *action)
{
  script->raised = raised_by(future);
  if (casync_future_is_done(future)) return false;
  script->awaited = script->task.waits_for = future;
  *action = CASYNC_ACTION_AWAIT;
  return true;
}

static bool start_op(struct script *script, struct casync_op *op, enum casync_action *action)
{
  int started = casync_op_start(op, &script->task);
  if (started < 0) {
    note(script->world, "refused");
    script->raised = RAISED_ERROR;
  }
  *action = started == CASYNC_OP_WAITS ? CASYNC_ACTION_WAIT_OP : CASYNC_ACTION_YIELD;
  return started == CASYNC_OP_WAITS || started == CASYNC_OP_YIELDS;
}

static bool sleep_(struct script *script, double seconds, enum casync_action *action)
{
  casync_sleep_init(&script->sleep, seconds);
  return start_op(script, &script->sleep.op, action);
}

static bool end(enum casync_action how, enum casync_action *action)
{
  *action = how;
  return true;
}

static bool yield(enum casync_action *action)
{
  *action = CASYNC_ACTION_YIELD;
  return true;
}

static void start_eagerly(struct script *script, struct script *child)
{
  if (casync_task_start_eagerly(&child->task) == CASYNC_ELEFT) note(script->world, "left");
}

/* Runs one line; true if the step ends with it. */
static bool run_line(struct script *script, const struct line *line, enum casync_action *action)
{
  struct world *world = script->world;
  struct casync_loop *loop = script->task.future.loop;
  switch (line->verb) {
  case VERB_END: return end(CASYNC_ACTION_RETURNED, action);
  case VERB_RETURN: return end(CASYNC_ACTION_RETURNED, action);
  case VERB_LEAVE: return end(CASYNC_ACTION_LEAVE, action);
  case VERB_RAISE: script->raised = RAISED_ERROR; break;
  case VERB_RAISE_CANCEL: script->raised = RAISED_CANCEL; break;
  case VERB_RERAISE: script->raised = script->caught; break;
  case VERB_CATCH:
    if (!skip_behind(script, VERB_RESUME)) return end(CASYNC_ACTION_RETURNED, action);
    break;
  case VERB_RESUME: break;
  case VERB_AWAIT: return await(script, line->future, action);
  case VERB_OP: return start_op(script, line->op, action);
  case VERB_SLEEP: return sleep_(script, line->seconds, action);
  case VERB_YIELD: return yield(action);
  case VERB_SAY: note(world, "%s", line->text); break;
  case VERB_TIME: note(world, "%s@%g", line->text, casync_loop_time(loop)); break;
  case VERB_TURNS:
    note(world, "%s+%d", line->text, (int)(casync_loop_iterations(loop) - script->since));
    break;
  case VERB_REQUESTS: note(world, "%s=%u", line->text, script_requests(script)); break;
  case VERB_COMPLETE: casync_future_complete(line->future, CASYNC_RESULT); break;
  case VERB_CANCEL: note(world, casync_future_cancel(line->future) ? "true" : "false"); break;
  case VERB_CANCEL_SELF: script_cancel(script); break;
  case VERB_UNCANCEL_SELF: note(world, "left=%u", casync_task_uncancel(&script->task)); break;
  case VERB_START: casync_task_start(&line->script->task); break;
  case VERB_START_EAGERLY: start_eagerly(script, line->script); break;
  }
  return false;
}

static enum casync_action run(struct casync_task *task, enum casync_resume how)
{
  struct script *script = script_of(task);
  enum casync_action action = CASYNC_ACTION_RETURNED;
  script->raised = outcome(script, how);
  for (;;) {
    if (script->raised != RAISED_NOTHING && !is_caught(script)) return end_raising(script);
    script->started = true;
    if (run_line(script, script->line++, &action)) break;
  }
  script->since = casync_loop_iterations(task->future.loop);
  return action;
}

/* Runs the steps that follow as well, as the bindings do. */
static enum casync_action step(struct casync_task *task, enum casync_resume how)
{
  bool is_first = !script_of(task)->started;
  enum casync_action action = run(task, how);
  int next;
  if (is_first) return action;
  while ((task = casync_task_go_on(task, (int)action, &next)) != NULL)
    action = run(task, (enum casync_resume)next);
  return CASYNC_ACTION_NONE;
}

static const struct casync_task_type script_type = {
    .future = {cancel}, .step = step, .message = keep_message, .done = count_end};

struct script *script_new(struct world *world, const struct line *lines)
{
  struct script *script = keep(world, sizeof *script);
  script->world = world;
  script->line = lines;
  casync_task_init(&script->task, world->loop, &script_type);
  return script;
}

struct script *script_start(struct world *world, const struct line *lines)
{
  struct script *script = script_new(world, lines);
  casync_task_start(&script->task);
  return script;
}

bool script_cancel(struct script *script)
{
  return casync_task_cancel(&script->task);
}

uint32_t script_requests(const struct script *script)
{
  return script->task.cancel_requests;
}

enum casync_future_state script_state(const struct script *script)
{
  return (enum casync_future_state)script->task.future.state;
}

void then_cancel_script(struct world *world, struct callback *callback)
{
  note(world, script_cancel(callback->data) ? "true" : "false");
}
