/* SPDX-License-Identifier: MIT
 *
 * The loop: its life, and the only place that runs handles.  An iteration is asyncio's: poll,
 * queue what the poll found, queue the timers that are due, run exactly what is queued by then.
 * casync_loop_run() makes one after the other; of an attached loop, another one makes each.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/check.h"
#include "core/core.h"
#include "core/step.h"

/* Handles in a batch from which on looking ahead pays. */
enum { LONG_BATCH = 512 };

/* Seconds that the end of a loop which nobody closed may take. */
#define PATIENCE 1.0

static struct casync_loop *new_loop(const struct casync_loop_host *host, void *data)
{
  struct casync_loop *loop = ca_alloc_zero(sizeof *loop);
  if (loop == NULL) return NULL;
  loop->host = host;
  loop->data = data;
  ca_ready_init(&loop->ready);
  return loop;
}

/* Hands out a loop whose poller was opened with `status`. */
static int hand_out(struct casync_loop **result, struct casync_loop *loop, int status)
{
  if (status < 0) {
    ca_free(loop);
    return status;
  }
  loop->now = loop->poller->now(loop);
  *result = loop;
  return 0;
}

static int open_poller(struct casync_loop *loop, enum casync_loop_kind kind)
{
  switch (kind) {
  case CASYNC_LOOP_OWNED: return ca_owned_open(loop);
  case CASYNC_LOOP_VIRTUAL: return ca_virtual_open(loop);
  case CASYNC_LOOP_STEPPED: return ca_stepped_open(loop);
  }
  return CASYNC_ESTATE;
}

int casync_loop_open(struct casync_loop **result, enum casync_loop_kind kind,
                     const struct casync_loop_host *host, void *data)
{
  if (result == NULL) return -EINVAL;
  struct casync_loop *loop = new_loop(host, data);
  if (loop == NULL) return CASYNC_EMEMORY;
  return hand_out(result, loop, open_poller(loop, kind));
}

int casync_loop_open_guest(struct casync_loop **result, struct ev_loop *ev,
                           const struct casync_loop_host *host, void *data)
{
  if (result == NULL || ev == NULL) return -EINVAL;
  struct casync_loop *loop = new_loop(host, data);
  if (loop == NULL) return CASYNC_EMEMORY;
  return hand_out(result, loop, ca_guest_open(loop, ev));
}

void ca_loop_add_closer(struct casync_loop *loop, struct ca_closer *closer)
{
  closer->next = loop->closers;
  loop->closers = closer;
}

static void call_closers(struct casync_loop *loop, double patience)
{
  while (loop->closers != NULL) {
    struct ca_closer *closer = loop->closers;
    loop->closers = closer->next;
    closer->on_close(loop, closer, patience);
  }
}

static int close_loop(struct casync_loop *loop, double patience)
{
  if (loop->state == CA_LOOP_RUNNING) return CASYNC_ERUNNING;
  if (loop->state == CA_LOOP_CLOSED) return 0;
  if (loop->host != NULL && loop->host->closing != NULL) loop->host->closing(loop, loop->data);
  loop->now = loop->poller->now(loop);
  loop->state = CA_LOOP_CLOSED;
  call_closers(loop, patience);
  ca_ready_drop_all(loop);
  ca_timers_drop_all(loop);
  loop->poller->close(loop);
  return 0;
}

int casync_loop_close(struct casync_loop *loop)
{
  return loop == NULL ? 0 : close_loop(loop, 0);
}

void casync_loop_free(struct casync_loop *loop)
{
  if (loop == NULL) return;
  close_loop(loop, PATIENCE);
  ca_ready_drop_all(loop); /* what was queued after an earlier close */
  loop->poller->free(loop);
  if (loop->scratch != NULL) ca_block_free(loop->scratch);
  ca_blocks_free(loop->blocks);
  ca_free(loop);
}

struct ca_block *ca_loop_scratch(struct casync_loop *loop)
{
  if (ca_likely(loop->scratch != NULL)) return loop->scratch;
  if (loop->blocks == NULL) loop->blocks = ca_blocks_new();
  if (loop->blocks != NULL) loop->scratch = ca_block_take(loop->blocks);
  return loop->scratch;
}

void *casync_loop_data(const struct casync_loop *loop)
{
  return loop->data;
}

bool casync_loop_is_running(const struct casync_loop *loop)
{
  return loop != NULL && loop->state == CA_LOOP_RUNNING;
}

bool casync_loop_is_closed(const struct casync_loop *loop)
{
  return loop == NULL || loop->state == CA_LOOP_CLOSED;
}

double casync_loop_time(struct casync_loop *loop)
{
  if (loop == NULL) return 0;
  return loop->state == CA_LOOP_CLOSED ? loop->now : loop->poller->now(loop);
}

uint64_t casync_loop_iterations(const struct casync_loop *loop)
{
  return loop == NULL ? 0 : loop->iterations;
}

struct casync_task *casync_loop_current_task(const struct casync_loop *loop)
{
  return loop->current_task;
}

void casync_loop_stop(struct casync_loop *loop)
{
  if (loop != NULL) loop->stopping = true;
}

void casync_loop_leave(struct casync_loop *loop)
{
  if (loop != NULL) loop->detours |= CA_LEAVING;
}

void casync_loop_observe(struct casync_loop *loop, bool is_observed)
{
  if (is_observed && loop->host != NULL && loop->host->observe != NULL)
    loop->detours |= CA_OBSERVED;
  else
    loop->detours &= (uint8_t)~CA_OBSERVED;
}

void casync_loop_begin_real(struct casync_loop *loop)
{
  loop->real++;
}

void casync_loop_end_real(struct casync_loop *loop)
{
  assert(loop->real > 0);
  loop->real--;
}

void casync_loop_attend(struct casync_loop *loop)
{
  __atomic_store_n(&loop->attend, 1, __ATOMIC_RELEASE);
}

int casync_loop_attend_at(struct casync_loop *loop, double when)
{
  const struct ca_poller *poller = loop->poller;
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  if (poller->drive != NULL || poller->attend_on == NULL) return CASYNC_ESTATE;
  loop->attend_at = when;
  return 0;
}

int casync_loop_attend_on(struct casync_loop *loop, int fd)
{
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  return loop->poller->attend_on != NULL ? loop->poller->attend_on(loop, fd) : CASYNC_ESTATE;
}

double ca_loop_timeout_to_attend(struct casync_loop *loop, double timeout)
{
  double rest = loop->attend_at - loop->poller->now(loop);
  if (rest > 0) return timeout < 0 || rest < timeout ? rest : timeout;
  loop->attend_at = 0;
  casync_loop_attend(loop);
  return 0;
}

static inline double poll_timeout(struct casync_loop *loop)
{
  if (!ca_list_is_empty(&loop->ready.queue) || loop->stopping || ca_wants_attention(loop)) return 0;
  if (loop->timers.count == 0) return -1;
  double timeout = ca_timers_next(loop) - loop->poller->now(loop);
  if (timeout < 0) return 0;
  return timeout < CA_LONGEST_WAIT ? timeout : CA_LONGEST_WAIT;
}

double ca_loop_timeout(struct casync_loop *loop)
{
  return poll_timeout(loop);
}

static CA_INLINE int attend_host(struct casync_loop *loop)
{
  if (ca_likely(!ca_wants_attention(loop))) return 0;
  __atomic_store_n(&loop->attend, 0, __ATOMIC_RELEASE);
  if (loop->host == NULL || loop->host->attend == NULL) return 0;
  return loop->host->attend(loop, loop->data);
}

static inline void run_handle(struct casync_loop *loop, struct casync_handle *handle)
{
  if (ca_likely(handle->type == &ca_task_step_type))
    ca_task_run_step(loop, handle);
  else
    handle->type->run(loop, handle);
}

void casync_handle_run(struct casync_loop *loop, struct casync_handle *handle)
{
  run_handle(loop, handle);
}

struct casync_task *casync_handle_task(struct casync_handle *handle)
{
  return handle->type == &ca_task_step_type ? ca_task_of(handle) : NULL;
}

/* A batch of many tasks is larger than the processor's caches: what the next ones will touch is
 * fetched while this one runs, each line a step before the one that it names.  `node` is the next
 * to run. */
CA_APART static void look_ahead(const struct casync_node *head, const struct casync_node *node)
{
  for (unsigned distance = 1; distance <= CASYNC_SOON; distance++) {
    if (node == head) return;
    const struct casync_handle *handle = (const struct casync_handle *)node;
    if (handle->type == &ca_task_step_type) ca_task_soon(handle, distance);
    node = node->next;
  }
  __builtin_prefetch((const char *)node - 64);
  __builtin_prefetch(node);
  __builtin_prefetch((const char *)node + 64);
}

static inline struct casync_handle *take_first(struct casync_loop *loop)
{
  struct casync_node *node = ca_list_pop(&loop->ready.batch);
  struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
  handle->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
  if (loop->ready.is_long) look_ahead(&loop->ready.batch, loop->ready.batch.next);
  return handle;
}

/* The first half of an iteration behind its poll, which ended with `status`: what it runs is then
 * in the batch. */
static CA_INLINE int begin_iteration(struct casync_loop *loop, int status)
{
  struct ca_ready *ready = &loop->ready;
  loop->iterations++;
  if (status == 0) status = attend_host(loop);
  if (status < 0) return status;
  if (loop->timers.count > 0) ca_timers_queue_due(loop);
  ready->is_long = ready->pushed > LONG_BATCH;
  ready->pushed = 0;
  ca_list_append(&ready->batch, &ready->queue);
  return 0;
}

/* The task whose step comes next, if that may run right behind one of a task of `type`. */
static inline struct casync_task *next_of(struct casync_loop *loop,
                                          const struct casync_future_type *type)
{
  struct casync_node *node = loop->ready.batch.next;
  struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
  if (node == &loop->ready.batch || ca_unlikely(handle->type != &ca_task_step_type)) return NULL;
  struct casync_task *task = ca_task_of(handle);
  return task->future.type == type ? task : NULL;
}

/* What is ready need not wait for the loop that drives this one if it was asked just now. */
static bool may_go_on(struct casync_loop *loop)
{
  return !loop->stopping && !ca_list_is_empty(&loop->ready.queue) &&
         loop->poller->drive->is_polled(loop);
}

CA_APART static bool go_on_attached(struct casync_loop *loop)
{
  if (!may_go_on(loop)) return false;
  loop->failure = begin_iteration(loop, 0);
  return loop->failure == 0;
}

/* The batch is empty: begins the next iteration, if there is to be one. */
CA_APART static bool go_on_with_next(struct casync_loop *loop)
{
  casync_loop_verify(loop);
  if (loop->stopping) return false;
  if (loop->poller->drive != NULL) return go_on_attached(loop);
  loop->failure = begin_iteration(loop, loop->poller->wait(loop, poll_timeout(loop)));
  return loop->failure == 0;
}

/* "inline" is a hint to the linker, who may put it into the embedder's step. */
inline struct casync_task *casync_task_go_on(struct casync_task *task, int action, int *how)
{
  struct casync_loop *loop = task->future.loop;
  const struct casync_future_type *type = task->future.type;
  ca_task_end_step(loop, task, (enum casync_action)action);
  if (ca_unlikely(loop->detours != 0)) return NULL;
  if (ca_list_is_empty(&loop->ready.batch) && !go_on_with_next(loop)) return NULL;
  struct casync_task *next = next_of(loop, type);
  if (next == NULL) return NULL;
  take_first(loop);
  *how = ca_task_begin_step(loop, next);
  return next;
}

/* The second half of an iteration, and what casync_task_go_on() makes of it. */
static int run_batch(struct casync_loop *loop)
{
  while (!ca_list_is_empty(&loop->ready.batch)) {
    struct casync_handle *handle = take_first(loop);
    if (ca_unlikely(loop->detours & CA_OBSERVED))
      loop->host->observe(loop, handle, loop->data);
    else
      run_handle(loop, handle);
    if (ca_unlikely(loop->detours & CA_LEAVING)) break;
  }
  casync_loop_verify(loop);
  return loop->detours & CA_LEAVING ? CASYNC_ELEFT : loop->failure;
}

/* What a left iteration did not run comes first in the next one. */
static void keep_unrun(struct casync_loop *loop)
{
  struct ca_ready *ready = &loop->ready;
  ca_list_append(&ready->batch, &ready->queue);
  ca_list_append(&ready->queue, &ready->batch);
}

/* The end of a run of iterations, of which the last one ended with `status`. */
static void end_run(struct casync_loop *loop, int status)
{
  if (status != 0) keep_unrun(loop);
  loop->stopping = false;
  loop->detours &= (uint8_t)~CA_LEAVING;
  loop->state = CA_LOOP_OPEN;
}

int casync_loop_run(struct casync_loop *loop)
{
  if (casync_loop_is_closed(loop)) return CASYNC_ECLOSED;
  if (loop->state == CA_LOOP_RUNNING) return CASYNC_ERUNNING;
  if (loop->poller->drive != NULL) return CASYNC_EATTACHED;
  loop->state = CA_LOOP_RUNNING;
  loop->failure = 0;
  int status;
  do {
    status = begin_iteration(loop, loop->poller->wait(loop, poll_timeout(loop)));
    if (status == 0) status = run_batch(loop);
  } while (status == 0 && !loop->stopping);
  end_run(loop, status);
  return status;
}

/* ---- attached loops ---- */

bool casync_loop_is_attached(const struct casync_loop *loop)
{
  return loop != NULL && loop->poller->drive != NULL;
}

/* The iteration, and those that may follow at once. */
static int iterate(struct casync_loop *loop)
{
  loop->failure = 0;
  int status = begin_iteration(loop, loop->poller->wait(loop, 0));
  if (status == 0) status = run_batch(loop);
  while (status == 0 && go_on_attached(loop)) status = run_batch(loop);
  return status == 0 ? loop->failure : status;
}

int ca_loop_step(struct casync_loop *loop)
{
  const struct casync_loop_host *host = loop->host;
  bool is_framed = host != NULL && host->frame != NULL;
  loop->state = CA_LOOP_RUNNING;
  int status = is_framed ? host->frame(loop, iterate, loop->data) : iterate(loop);
  if (status == 0 && loop->stopping) status = CA_STOPPED;
  end_run(loop, status < 0 ? status : 0);
  return status;
}

int casync_loop_resume(struct casync_loop *loop)
{
  if (casync_loop_is_closed(loop)) return CASYNC_ECLOSED;
  if (loop->poller->drive == NULL || loop->poller->drive->resume == NULL) return CASYNC_ESTATE;
  loop->poller->drive->resume(loop);
  return 0;
}

/* Whether a foreign loop may drive this one: 0, or what to tell it. */
static int check_stepped(const struct casync_loop *loop)
{
  if (casync_loop_is_closed(loop)) return CASYNC_ECLOSED;
  if (loop->poller->drive == NULL || loop->poller->drive->fd == NULL) return CASYNC_ESTATE;
  return 0;
}

int casync_loop_fd(const struct casync_loop *loop)
{
  int status = check_stepped(loop);
  return status < 0 ? status : loop->poller->drive->fd(loop);
}

double casync_loop_timeout(struct casync_loop *loop)
{
  return casync_loop_is_closed(loop) ? -1 : ca_loop_timeout(loop);
}

int casync_loop_step(struct casync_loop *loop)
{
  int status = check_stepped(loop);
  if (status < 0) return status;
  return loop->state == CA_LOOP_RUNNING ? CASYNC_ERUNNING : ca_loop_step(loop);
}

/* ---- descriptors ---- */

int casync_loop_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                      struct casync_handle *handle)
{
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  return loop->poller->watch(loop, fd, direction, handle);
}

struct casync_handle *casync_loop_unwatch(struct casync_loop *loop, int fd,
                                          enum casync_direction direction)
{
  if (loop->state == CA_LOOP_CLOSED) return NULL;
  return loop->poller->unwatch(loop, fd, direction);
}
