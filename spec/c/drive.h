/* SPDX-License-Identifier: MIT
 *
 * Running loops of any kind.  With CASYNC_SPEC_LOOP=guest or =stepped in the environment the worlds
 * of the specs have an attached loop instead of their own, and what runs it here is the application
 * around it: the same tests have to see the same order.
 */
#ifndef SPEC_DRIVE_H
#define SPEC_DRIVE_H

#include "support.h"

struct ev_loop;

/* Opens the world's loop as the environment says.  An attached one gets the clock of `kind`. */
struct casync_loop *drive_open(struct world *world, enum casync_loop_kind kind,
                               const struct casync_loop_host *host);

/* Frees what is the application's, behind the loop. */
void drive_close(struct world *world);

/* A world with a guest, in `world->ev`, or with a stepped loop, both with the monotonic clock;
 * their fixtures. */
struct world *drive_new_guest(void);
struct world *drive_new_stepped(void);
int world_open_guest(void **state);
int world_open_stepped(void **state);

#define it_guest(test) cmocka_unit_test_setup_teardown(test, world_open_guest, world_close)
#define it_stepped(test) cmocka_unit_test_setup_teardown(test, world_open_stepped, world_close)

/* Opens one more guest of the world, in the same `world->ev`. */
struct casync_loop *drive_add_guest(struct world *world);

/* casync_loop_run() for loops of any kind: runs until the loop stops, is left or cannot go on. */
int run_loop(struct casync_loop *loop);

/* One turn of the application, which does not wait. */
void drive_turn(struct casync_loop *loop);

/* Whether a stepped loop's descriptor is readable. */
bool drive_is_readable(const struct casync_loop *loop);

#endif
