/* SPDX-License-Identifier: MIT
 *
 * The counting part of asyncio.gather(): a future over other futures.
 */
#ifndef CASYNC_GATHER_H
#define CASYNC_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_gather;
struct casync_gather_child;
struct casync_gather_type;

/* Makes `gather`, with `length` children at `children`, both in memory of the caller. */
CASYNC_API void casync_gather_init(struct casync_gather *gather, struct casync_loop *loop,
                                   const struct casync_gather_type *type,
                                   struct casync_gather_child *children, uint32_t length,
                                   bool return_exceptions);

/* Names child `i` (from 0).  `repeated`: the same future stands at an earlier place.
 * `waits`: the gather waits for it from now on, ahead of whoever begins to before it is started. */
CASYNC_API void casync_gather_set(struct casync_gather *gather, uint32_t i,
                                  struct casync_future *future, bool repeated, bool waits);

/* Waits for the pending children and counts the done ones; may complete the gather at once. */
CASYNC_API void casync_gather_start(struct casync_gather *gather);

/* True while a child still refers to the gather. */
CASYNC_API bool casync_gather_is_waiting(const struct casync_gather *gather);

/* Takes it out of all its children, for good: its loop goes. */
CASYNC_API void casync_gather_abandon(struct casync_gather *gather);

#ifdef __cplusplus
}
#endif
#endif
