/* SPDX-License-Identifier: MIT
 *
 * Bytes in a row that grow at the end and are taken from the front.  `bytes + start` is the first
 * of them, `bytes + end` lies behind the last; all zero: empty, without memory.
 */
#ifndef CASYNC_IMPL_BUFFER_H
#define CASYNC_IMPL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct ca_block;

struct casync_buffer {
  char *bytes;
  size_t start, end, capacity;
  struct ca_block *block; /* that `bytes` are in, NULL: memory of its own */
};

static inline size_t casync_buffer_size(const struct casync_buffer *buffer)
{
  return buffer->end - buffer->start;
}

static inline bool casync_buffer_is_empty(const struct casync_buffer *buffer)
{
  return buffer->end == buffer->start;
}

/* The first byte; of an empty buffer, where it would be. */
static inline char *casync_buffer_begin(const struct casync_buffer *buffer)
{
  return buffer->bytes + buffer->start;
}

#endif
