/* SPDX-License-Identifier: MIT
 *
 * The bytes are moved to the front only when that makes room for as much as is moved, and memory
 * doubles: appending and taking cost the same however much is there.
 */
#include "casync/buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/block.h"
#include "casync/impl/buffer.h"

enum {
  SMALLEST = 64 /* bytes of the first allocation */
};

static int grow(struct casync_buffer *buffer, size_t needed)
{
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : SMALLEST;
  while (capacity < needed) {
    if (capacity > SIZE_MAX / 2) return CASYNC_EMEMORY;
    capacity *= 2;
  }
  char *bytes = ca_alloc(buffer->block == NULL ? buffer->bytes : NULL, capacity);
  if (bytes == NULL) return CASYNC_EMEMORY;
  if (buffer->block != NULL) {
    memcpy(bytes, buffer->bytes, buffer->end);
    ca_block_free(buffer->block);
    buffer->block = NULL;
  }
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return 0;
}

static int make_room(struct casync_buffer *buffer, size_t size)
{
  if (size <= buffer->capacity - buffer->end) return 0;
  size_t used = casync_buffer_size(buffer);
  if (size > SIZE_MAX - buffer->end) return CASYNC_EMEMORY;
  if (used + size > buffer->capacity || buffer->start < used)
    return grow(buffer, buffer->end + size);
  memmove(buffer->bytes, casync_buffer_begin(buffer), used);
  buffer->start = 0;
  buffer->end = used;
  return 0;
}

int casync_buffer_append(struct casync_buffer *buffer, const void *bytes, size_t size)
{
  if (size == 0) return 0;
  int status = make_room(buffer, size);
  if (status < 0) return status;
  memcpy(buffer->bytes + buffer->end, bytes, size);
  buffer->end += size;
  return 0;
}

void casync_buffer_take(struct casync_buffer *buffer, size_t size)
{
  buffer->start += size;
  if (buffer->start == buffer->end) casync_buffer_clear(buffer); /* thousands are idle */
}

void casync_buffer_clear(struct casync_buffer *buffer)
{
  if (buffer->block != NULL)
    ca_block_free(buffer->block);
  else
    ca_free(buffer->bytes);
  *buffer = (struct casync_buffer){0};
}

const char *casync_find(const char *bytes, size_t size, const char *what, size_t length)
{
  if (length == 0) return bytes;
  while (size >= length) {
    const char *found = memchr(bytes, *what, size - length + 1);
    if (found == NULL) return NULL;
    if (memcmp(found, what, length) == 0) return found;
    size -= (size_t)(found + 1 - bytes);
    bytes = found + 1;
  }
  return NULL;
}
