/* SPDX-License-Identifier: MIT
 *
 * Growable bytes: appended at the end, found, taken from the front.  The complete struct, with how
 * many there are and where they begin, is in impl/buffer.h; all zero is an empty one.
 */
#ifndef CASYNC_BUFFER_H
#define CASYNC_BUFFER_H

#include <stddef.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_buffer;

/* Appends a copy of `size` bytes.  CASYNC_EMEMORY: nothing was changed. */
CASYNC_API int casync_buffer_append(struct casync_buffer *buffer, const void *bytes, size_t size);

/* Takes `size` bytes, not more than there are, from the front; an empty buffer keeps no
 * memory. */
CASYNC_API void casync_buffer_take(struct casync_buffer *buffer, size_t size);

/* Empties it and gives its memory back. */
CASYNC_API void casync_buffer_clear(struct casync_buffer *buffer);

/* The first place of the `length` bytes of `what` among the `size` bytes, or NULL.  Nothing is
 * found at once. */
CASYNC_API const char *casync_find(const char *bytes, size_t size, const char *what, size_t length);

#ifdef __cplusplus
}
#endif
#endif
