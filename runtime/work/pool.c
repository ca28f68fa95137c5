/* SPDX-License-Identifier: MIT
 *
 * The threads of a loop, and the jobs they run.
 *
 * A job that ran comes back through `finished`, of which the loop is told by one post at a time.
 * Closing the loop waits for threads that do not run a job, which takes no time; one that does is
 * left to itself unless there is patience.
 */
#include "work/work.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"

enum { MOST_THREADS = 32, MORE_THAN_PROCESSORS = 4, IDLE_TIME = 5000 };

static struct casync_job *job_of(struct casync_node *node)
{
  return ca_container_of(node, struct casync_job, node);
}

static void free_all(struct casync_node *jobs)
{
  while (!ca_list_is_empty(jobs)) {
    struct casync_job *job = job_of(ca_list_pop(jobs));
    job->type->free(job);
  }
}

/* Gives up one reference and the lock with it. */
static void release_and_unlock(struct ca_pool *pool)
{
  bool is_last = --pool->references == 0;
  pthread_mutex_unlock(&pool->lock);
  if (!is_last) return;
  pthread_cond_destroy(&pool->ended);
  pthread_cond_destroy(&pool->wanted);
  pthread_mutex_destroy(&pool->lock);
  ca_free(pool);
}

/* The time in so many milliseconds, on the clock that conditions know on every system. */
static struct timespec time_after(int milliseconds)
{
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_sec += milliseconds / 1000;
  time.tv_nsec += milliseconds % 1000 * 1000000L;
  if (time.tv_nsec >= 1000000000L) {
    time.tv_sec++;
    time.tv_nsec -= 1000000000L;
  }
  return time;
}

/* ---- in a thread of the pool, under its lock ---- */

/* Waits for a job; NULL when the thread is to end. */
static struct casync_job *take_job(struct ca_pool *pool)
{
  struct timespec deadline = time_after(pool->idle_time);
  int status = 0;
  pool->idle++;
  while (pool->queued == 0 && pool->loop != NULL && status == 0)
    status = pthread_cond_timedwait(&pool->wanted, &pool->lock, &deadline);
  pool->idle--;
  if (pool->queued == 0) return NULL;
  pool->queued--;
  struct casync_job *job = job_of(ca_list_pop(&pool->queue));
  job->state = CASYNC_JOB_RUNNING;
  return job;
}

/* Returns whether the job is the loop's now. */
static bool hand_back(struct ca_pool *pool, struct casync_job *job)
{
  if (pool->loop == NULL || job->state == CASYNC_JOB_DROPPED) return false;
  job->state = CASYNC_JOB_FINISHED;
  ca_list_push(&pool->finished, &job->node);
  if (!pool->is_posted) pool->is_posted = casync_loop_post(pool->loop, &pool->post) == 0;
  return true;
}

static void run_job(struct ca_pool *pool, struct casync_job *job)
{
  pool->busy++;
  pthread_mutex_unlock(&pool->lock);
  job->type->run(job);
  pthread_mutex_lock(&pool->lock);
  bool is_back = hand_back(pool, job);
  if (!is_back) {
    pthread_mutex_unlock(&pool->lock);
    job->type->free(job);
    pthread_mutex_lock(&pool->lock);
  }
  pool->busy--;
}

static void *serve(void *data)
{
  struct ca_pool *pool = data;
  struct casync_job *job;
  pthread_mutex_lock(&pool->lock);
  while ((job = take_job(pool)) != NULL) run_job(pool, job);
  pool->threads--;
  pthread_cond_broadcast(&pool->ended);
  release_and_unlock(pool);
  return NULL;
}

/* ---- in the loop's thread ---- */

/* Signals are the loop's: its threads are born with all of them blocked. */
static int start_thread(struct ca_pool *pool)
{
  sigset_t all, former;
  pthread_t thread;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  int status = pthread_create(&thread, NULL, serve, pool);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  if (status != 0) return -status;
  pthread_detach(thread);
  pool->threads++;
  pool->references++;
  return 0;
}

/* There is one post: while the loop picks up, nobody links it again. */
static struct casync_job *pick_up(struct ca_pool *pool)
{
  struct casync_job *job = NULL;
  pthread_mutex_lock(&pool->lock);
  pool->is_posted = !ca_list_is_empty(&pool->finished);
  if (pool->is_posted) job = job_of(ca_list_pop(&pool->finished));
  pthread_mutex_unlock(&pool->lock);
  return job;
}

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  struct ca_pool *pool = ca_container_of(post, struct ca_pool, post);
  struct casync_job *job;
  while ((job = pick_up(pool)) != NULL) {
    casync_loop_end_real(loop);
    job->type->done(loop, job);
    job->type->free(job);
  }
}

/* Waits until no thread is left, or, without patience, none but those that run a job. */
static void wait_for_threads(struct ca_pool *pool, double patience)
{
  struct timespec deadline = time_after((int)(patience * 1000));
  while (pool->threads > pool->busy) pthread_cond_wait(&pool->ended, &pool->lock);
  int status = patience > 0 ? 0 : ETIMEDOUT;
  while (pool->threads > 0 && status == 0)
    status = pthread_cond_timedwait(&pool->ended, &pool->lock, &deadline);
}

static void on_close(struct casync_loop *loop, struct ca_closer *closer, double patience)
{
  struct ca_pool *pool = ca_container_of(closer, struct ca_pool, closer);
  struct casync_node dropped;
  ca_list_init(&dropped);
  loop->pool = NULL;
  pthread_mutex_lock(&pool->lock);
  pool->loop = NULL;
  pool->queued = 0;
  ca_list_append(&dropped, &pool->queue);
  ca_list_append(&dropped, &pool->finished);
  pthread_cond_broadcast(&pool->wanted);
  wait_for_threads(pool, patience);
  release_and_unlock(pool);
  free_all(&dropped);
}

static int count_most(void)
{
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors < 1) processors = 1;
  return processors < MOST_THREADS - MORE_THAN_PROCESSORS ? (int)processors + MORE_THAN_PROCESSORS
                                                          : MOST_THREADS;
}

struct ca_pool *ca_pool_of(struct casync_loop *loop)
{
  if (loop->pool != NULL) return loop->pool;
  struct ca_pool *pool = ca_alloc_zero(sizeof *pool);
  if (pool == NULL) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wanted, NULL);
  pthread_cond_init(&pool->ended, NULL);
  ca_list_init(&pool->queue);
  ca_list_init(&pool->finished);
  pool->post.deliver = deliver;
  pool->closer.on_close = on_close;
  pool->most = count_most();
  pool->idle_time = IDLE_TIME;
  pool->references = 1;
  pool->loop = loop;
  loop->pool = pool;
  ca_loop_add_closer(loop, &pool->closer);
  return pool;
}

/* A thread is made when more jobs wait than threads do; without one that is new, the others will
 * do. */
static int enqueue(struct ca_pool *pool, struct casync_job *job)
{
  int status = 0;
  if (pool->queued >= pool->idle && pool->threads < pool->most) status = start_thread(pool);
  if (status < 0 && pool->threads == 0) return status;
  job->state = CASYNC_JOB_QUEUED;
  ca_list_push(&pool->queue, &job->node);
  pool->queued++;
  pthread_cond_signal(&pool->wanted);
  return 0;
}

int casync_work_submit(struct casync_loop *loop, struct casync_job *job)
{
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  struct ca_pool *pool = ca_pool_of(loop);
  if (pool == NULL) return CASYNC_EMEMORY;
  pthread_mutex_lock(&pool->lock);
  int status = enqueue(pool, job);
  pthread_mutex_unlock(&pool->lock);
  if (status == 0) casync_loop_begin_real(loop);
  return status;
}

/* Returns whether the job is the caller's to free. */
static bool take_back(struct ca_pool *pool, struct casync_job *job)
{
  switch ((enum casync_job_state)job->state) {
  case CASYNC_JOB_QUEUED:
    pool->queued--;
    ca_list_unlink(&job->node);
    return true;
  case CASYNC_JOB_RUNNING: job->state = CASYNC_JOB_DROPPED; return false;
  case CASYNC_JOB_FINISHED: ca_list_unlink(&job->node); return true;
  case CASYNC_JOB_DROPPED: break;
  }
  return false;
}

bool casync_work_cancel(struct casync_loop *loop, struct casync_job *job)
{
  struct ca_pool *pool = loop->pool;
  if (pool == NULL) return false; /* closed: the job is gone */
  pthread_mutex_lock(&pool->lock);
  bool never_ran = job->state == CASYNC_JOB_QUEUED;
  bool is_ours = take_back(pool, job);
  pthread_mutex_unlock(&pool->lock);
  casync_loop_end_real(loop);
  if (is_ours) job->type->free(job);
  return never_ran;
}

int casync_work_threads(const struct casync_loop *loop)
{
  struct ca_pool *pool = loop->pool;
  if (pool == NULL) return 0;
  pthread_mutex_lock(&pool->lock);
  int threads = pool->threads;
  pthread_mutex_unlock(&pool->lock);
  return threads;
}
