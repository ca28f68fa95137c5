/* SPDX-License-Identifier: MIT
 *
 * The only malloc of the runtime.  The countdown is for tests; it costs one predictable branch on
 * paths that allocate anyway.
 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static unsigned long countdown;

static int is_made_to_fail(void)
{
  return countdown != 0 && --countdown == 0;
}

void *ca_alloc(void *block, size_t size)
{
  return is_made_to_fail() ? NULL : realloc(block, size);
}

void *ca_alloc_zero(size_t size)
{
  void *block = ca_alloc(NULL, size);
  if (block != NULL) memset(block, 0, size);
  return block;
}

void ca_free(void *block)
{
  free(block);
}

void ca_alloc_fail_at(unsigned long n)
{
  countdown = n;
}
