/* SPDX-License-Identifier: MIT
 *
 * What casync.testing needs of the core and nobody else does: a look at what loops and the process
 * have open, steps that are watched, a limit of time.  Nothing of it is there before it is asked
 * for: core.testing_functions().
 */
#ifndef CAL_TESTING_H
#define CAL_TESTING_H

#include "bind.h"

extern const luaL_Reg cal_testing_descriptors[]; /* descriptors.c */
extern const luaL_Reg cal_testing_limit[];       /* limit.c */
extern const luaL_Reg cal_testing_loops[];       /* loops.c */
extern const luaL_Reg cal_testing_watch[];       /* watch.c */

#endif
