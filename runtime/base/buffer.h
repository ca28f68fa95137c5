/* SPDX-License-Identifier: MIT
 *
 * Growable bytes: append at the end, take from the front.
 */
#ifndef CA_BUFFER_H
#define CA_BUFFER_H

#include <stdbool.h>

#include "casync/impl/buffer.h"

static inline size_t ca_buffer_size(const struct casync_buffer *buffer)
{
  return buffer->end - buffer->start;
}

static inline bool ca_buffer_is_empty(const struct casync_buffer *buffer)
{
  return buffer->end == buffer->start;
}

static inline char *ca_buffer_begin(const struct casync_buffer *buffer)
{
  return buffer->bytes + buffer->start;
}

/* Appends a copy of `size` bytes.  CASYNC_EMEMORY: nothing was changed. */
int ca_buffer_append(struct casync_buffer *buffer, const void *bytes, size_t size);

/* Takes `size` bytes, not more than there are, from the front; an empty buffer keeps only little
 * memory. */
void ca_buffer_take(struct casync_buffer *buffer, size_t size);

/* Empties it and gives its memory back. */
void ca_buffer_clear(struct casync_buffer *buffer);

#endif
