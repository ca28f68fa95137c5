/* SPDX-License-Identifier: MIT
 *
 * Words for the compiler: assertions, container_of, branch hints.  Never control flow.
 */
#ifndef CA_CHECK_H
#define CA_CHECK_H

#include <assert.h>
#include <stddef.h>

/* The struct of `type` whose field `member` is at `pointer`. */
#define ca_container_of(pointer, type, member) \
  ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define ca_likely(condition) __builtin_expect(!!(condition), 1)
#define ca_unlikely(condition) __builtin_expect(!!(condition), 0)

/* Of the rare ways of short functions, which then save no registers. */
#define CA_APART __attribute__((noinline))

/* Of what lies in a hot loop, however many use it. */
#define CA_INLINE inline __attribute__((always_inline))

#endif
