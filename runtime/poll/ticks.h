/* SPDX-License-Identifier: MIT
 *
 * A counter that is cheaper to read than the clock, where the processor has one: for "has it been
 * long?", never for the time.  Where there is none, the answer is always "yes".
 */
#ifndef CA_TICKS_H
#define CA_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)

static inline uint64_t ca_ticks(void)
{
  return __builtin_ia32_rdtsc();
}

/* A counter that was set back counts as long. */
static inline bool ca_ticks_are_few(uint64_t since, uint64_t few)
{
  return ca_ticks() - since < few;
}

#else

static inline uint64_t ca_ticks(void)
{
  return 0;
}

static inline bool ca_ticks_are_few(uint64_t since, uint64_t few)
{
  (void)since, (void)few;
  return false;
}

#endif

#endif
