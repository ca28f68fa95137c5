/* SPDX-License-Identifier: MIT
 *
 * The complete job.  It is the first member of whatever its maker allocates.
 */
#ifndef CASYNC_IMPL_WORK_H
#define CASYNC_IMPL_WORK_H

#include "casync/work.h"
#include "handle.h"

/* QUEUED -> RUNNING -> FINISHED, where the loop's thread picks it up; RUNNING -> DROPPED by a
 * cancel or by the loop's close: its thread frees it then. */
enum casync_job_state {
  CASYNC_JOB_QUEUED,
  CASYNC_JOB_RUNNING,
  CASYNC_JOB_FINISHED,
  CASYNC_JOB_DROPPED
};

struct casync_job {
  const struct casync_job_type *type;
  /* private */
  struct casync_node node; /* queued or finished */
  uint8_t state;           /* enum casync_job_state, under the pool's lock */
};

#endif
