/* SPDX-License-Identifier: MIT
 *
 * The only door to malloc.  Tests make the n-th allocation fail.
 */
#ifndef CA_ALLOC_H
#define CA_ALLOC_H

#include <stddef.h>

/* As realloc(); NULL on failure, `block` is then unchanged.  ca_alloc(NULL, n) allocates. */
void *ca_alloc(void *block, size_t size);

/* Allocates zeroed memory; NULL on failure. */
void *ca_alloc_zero(size_t size);

void ca_free(void *block);

/* The `n`-th allocation from now on fails, once (0: none).  Not thread-safe: for tests. */
void ca_alloc_fail_at(unsigned long n);

#endif
