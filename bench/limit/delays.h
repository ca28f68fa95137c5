/* SPDX-License-Identifier: MIT
 *
 * The delays of the timer benchmarks: the same pseudo-random sequence in
 * every language (Park and Miller's generator), so that all sort the same
 * heap.
 */
#ifndef BENCH_DELAYS_H
#define BENCH_DELAYS_H

#include <stdint.h>

enum { DELAYS_SEED = 42 };

/* The next number of the sequence, in (0, 1). */
static inline double delays_next(unsigned *seed)
{
  *seed = (unsigned)((uint64_t)*seed * 48271u % 2147483647u);
  return *seed / 2147483647.;
}

#endif
