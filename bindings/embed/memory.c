/* SPDX-License-Identifier: MIT
 *
 * Gives the memory of the embedded Lua files back once the host is open: they are read once each,
 * and the system brings pages of a library in by the dozen.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "embed/embed.h"
#include "searcher.h"

void cal_embed_release_files(void)
{
  const struct cal_embedded *first = cal_embedded, *end = first;
  while (end->name != NULL) end++;
  if (end == first) return;
  /* Whole pages that hold nothing else: as nobody writes them, they are read again when needed. */
  uintptr_t page = (uintptr_t)getpagesize();
  uintptr_t before = -(uintptr_t)first->bytes % page;
  size_t size = (size_t)(end[-1].bytes + end[-1].size - first->bytes);
  if (size > before + page)
    (void)madvise((void *)(first->bytes + before), (size - before) / page * page, MADV_DONTNEED);
}
