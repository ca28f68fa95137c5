/* SPDX-License-Identifier: MIT
 *
 * Bytes in a row that grow at the end and are taken from the front.  `bytes + start` is the first
 * of them, `bytes + end` lies behind the last; all zero: empty, without memory.
 */
#ifndef CASYNC_IMPL_BUFFER_H
#define CASYNC_IMPL_BUFFER_H

#include <stddef.h>

struct casync_buffer {
  char *bytes;
  size_t start, end, capacity;
};

#endif
