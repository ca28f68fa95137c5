/* SPDX-License-Identifier: MIT
 *
 * How often the kernel is asked.  While callbacks run it is every CA_POLL_PERIOD at most: one
 * epoll_wait costs more than a task switch.  "Has it been long?" is asked of a counter that is
 * cheaper to read than the clock, where the processor has one; where it has none, the clock
 * answers.
 */
#ifndef CA_PACE_H
#define CA_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds between two polls that need not wait. */
#define CA_POLL_PERIOD 5e-6

struct ca_pace {
  double last_poll;    /* when the kernel was asked last */
  uint64_t last_ticks; /* the same as ca_ticks() counts */
  uint64_t few_ticks;  /* fewer of them than fit between two polls; 0: not known */
};

#if defined(__x86_64__)

static inline uint64_t ca_ticks(void)
{
  return __builtin_ia32_rdtsc();
}

/* A counter that was set back counts as long. */
static inline bool ca_pace_is_short(const struct ca_pace *pace)
{
  return ca_ticks() - pace->last_ticks < pace->few_ticks;
}

#else

static inline uint64_t ca_ticks(void)
{
  return 0;
}

static inline bool ca_pace_is_short(const struct ca_pace *pace)
{
  (void)pace;
  return false;
}

#endif

/* A poll has ended at `now`: learns from the last two how many ticks fit into a period, with a
 * tenth to spare. */
static inline void ca_pace_note(struct ca_pace *pace, double now)
{
  uint64_t ticks = ca_ticks();
  double elapsed = now - pace->last_poll;
  double rate = (double)(ticks - pace->last_ticks) / elapsed;
  bool is_plausible = elapsed > 1e-6 && elapsed < 1 && rate > 1e6 && rate < 1e11;
  pace->few_ticks = is_plausible ? (uint64_t)(rate * CA_POLL_PERIOD * 0.9) : 0;
  pace->last_poll = now;
  pace->last_ticks = ticks;
}

#endif
