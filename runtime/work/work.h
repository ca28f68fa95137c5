/* SPDX-License-Identifier: MIT
 *
 * Private header of work/: the pool of threads of a loop.
 *
 * Ownership
 *   - A pool belongs to its loop and to its threads together; the last of them frees it.
 *   - Its lock guards all of it.  Threads reach the loop only under the lock and only while `loop`
 *     is set; closing the loop clears it, so a thread that comes later finds nobody to tell.
 *   - A job that waits is in `queue`, one that runs is its thread's alone, one that ran is in
 *     `finished` until the loop has picked it up.
 */
#ifndef CA_WORK_H
#define CA_WORK_H

#include <pthread.h>

#include "casync/impl/work.h"
#include "core/core.h"

struct ca_pool {
  struct ca_closer closer;
  pthread_mutex_t lock;
  pthread_cond_t wanted; /* there is a job, or the pool is closed */
  pthread_cond_t ended;  /* a thread has ended */
  struct casync_loop *loop;
  struct casync_node queue, finished;
  int queued;              /* jobs in `queue` */
  struct casync_post post; /* tells the loop to look into `finished` */
  bool is_posted;          /* the loop is told, or looks */
  int threads, idle, busy, most;
  int references; /* the loop's, and one of each thread */
  int idle_time;  /* milliseconds after which an idle thread ends */
};

/* pool.c */
struct ca_pool *ca_pool_of(struct casync_loop *loop); /* made if need be; NULL without memory */

#endif
