/* SPDX-License-Identifier: MIT
 *
 * Futures: something that will be done, and who waits for it (asyncio.Future without its value).
 */
#ifndef CASYNC_FUTURE_H
#define CASYNC_FUTURE_H

#include <stdbool.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_loop;
struct casync_handle;
struct casync_future;
struct casync_future_type;

/* Makes `future`, in memory of the caller, a pending future of `loop`.  `type` NULL: a plain one.
 */
CASYNC_API void casync_future_init(struct casync_future *future, struct casync_loop *loop,
                                   const struct casync_future_type *type);

/* Completes a pending future with `state` (an enum casync_future_state, not PENDING) and queues
 * its waiters in the order they came; none of them runs inside the call.
 * Returns CASYNC_ESTATE if the future is done already. */
CASYNC_API int casync_future_complete(struct casync_future *future, int state);

/* Future.cancel(), Task.cancel(), …: requests cancellation as the kind of future does it.
 * Returns true if that was still possible.  Allocates nothing. */
CASYNC_API bool casync_future_cancel(struct casync_future *future);

CASYNC_API bool casync_future_is_done(const struct casync_future *future);

/* Queues `handle` when `future` is done: at once (on the ready queue) if it is already.  The
 * handle is the caller's and must not be linked anywhere. */
CASYNC_API void casync_future_wait(struct casync_future *future, struct casync_handle *handle);

/* Takes `handle` out of the waiters of whatever future it waits for; nothing if it does not. */
CASYNC_API void casync_future_unwait(struct casync_handle *handle);

/* For introspection: the tasks and gathers that wait for `future`, one after the other, in the
 * order they came.  `*place` is NULL before the first call; NULL when there are no more.  Nothing
 * may change meanwhile.  Other handles (done callbacks) are passed over. */
CASYNC_API struct casync_future *casync_future_next_waiter(const struct casync_future *future,
                                                           const struct casync_handle **place);

#ifdef __cplusplus
}
#endif
#endif
