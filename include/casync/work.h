/* SPDX-License-Identifier: MIT
 *
 * Work in other threads: jobs, and the name look-ups that are made of them (asyncio's default
 * executor, getaddrinfo, getnameinfo).
 *
 * Ownership
 *   - A job is C memory that refers to nothing of the loop's thread.  It belongs to the pool from
 *     casync_work_submit() on, and is freed by `free` of its type, exactly once: after `done`, or
 *     when it was cancelled, or when its loop is closed; in whatever thread is the last to need it.
 *   - Each loop has a pool of threads.  They are made when there is work, at most 32 and at most
 *     four more than there are processors, and end when there has been none for some seconds.
 *   - Closing a loop drops its jobs.  One that runs cannot be stopped: its thread goes on alone,
 *     touches nothing but the job, and ends.
 */
#ifndef CASYNC_WORK_H
#define CASYNC_WORK_H

#include <stdbool.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_loop;
struct casync_job;
struct addrinfo; /* <netdb.h> */
struct sockaddr; /* <sys/socket.h> */

struct casync_job_type {
  /* Does the work, in a thread with all signals blocked.  It must not touch a loop. */
  void (*run)(struct casync_job *job);
  /* The work is done: called once in the loop's thread, before the handles of an iteration; not for
   * jobs that were cancelled or whose loop was closed. */
  void (*done)(struct casync_loop *loop, struct casync_job *job);
  void (*free)(struct casync_job *job);
};

/* Hands a job (whose `type` is set) to the loop's threads; jobs begin in the order they came. Until
 * it is done or cancelled a virtual clock stands still.  CASYNC_EMEMORY, CASYNC_ECLOSED, or what
 * pthread_create() said if there is no thread at all; the job is then still the caller's. */
CASYNC_API int casync_work_submit(struct casync_loop *loop, struct casync_job *job);

/* Gives up a job whose `done` was not called: it will not be.  Returns whether the job never ran.
 * The caller must not use it any more. */
CASYNC_API bool casync_work_cancel(struct casync_loop *loop, struct casync_job *job);

/* How many threads the loop has now. */
CASYNC_API int casync_work_threads(const struct casync_loop *loop);

/* What a look-up found; good while its listener runs. */
struct casync_lookup_result {
  int code;                         /* 0 or one of netdb.h's EAI_ codes */
  int system;                       /* errno, if the code is EAI_SYSTEM */
  const struct addrinfo *addresses; /* of getaddrinfo: a list */
  const char *host, *service;       /* of getnameinfo */
};

typedef void casync_lookup_listener(struct casync_loop *loop, void *data,
                                    const struct casync_lookup_result *result);

/* loop.getaddrinfo(): looks up addresses as getaddrinfo(3) does, in a thread.  `host`, `service`
 * and `hints` are copied, any of them may be NULL.  `listener` is called with `data` as a job's
 * `done` is.  `*job` is for casync_work_cancel().  Errors as of casync_work_submit(). */
CASYNC_API int casync_lookup_address(struct casync_loop *loop, const char *host,
                                     const char *service, const struct addrinfo *hints,
                                     casync_lookup_listener *listener, void *data,
                                     struct casync_job **job);

/* loop.getnameinfo(): looks up the names of an address of `size` bytes as getnameinfo(3) does with
 * `flags`, in a thread.  The rest is as above; -EINVAL if the address is longer than any is. */
CASYNC_API int casync_lookup_name(struct casync_loop *loop, const struct sockaddr *address,
                                  unsigned size, int flags, casync_lookup_listener *listener,
                                  void *data, struct casync_job **job);

#ifdef __cplusplus
}
#endif
#endif
