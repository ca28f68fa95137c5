/* SPDX-License-Identifier: MIT
 *
 * The third part of the bindings' private header: what net/ and its users share.  Bytes are Lua
 * strings; an asyncio.Buffer is taken wherever a string of bytes is.
 */
#ifndef CAL_NET_H
#define CAL_NET_H

#include "bind.h"

/* ---- bytes (net/buffer.c) ---- */

/* User value of a Buffer: the block that its bytes are in, shared with its views.  Blocks never
 * move and live as long as any Buffer that looks into them. */
enum cal_buffer_value {
  CAL_BUFFER_BLOCK = 1,
  CAL_BUFFER_FIELDS,
  CAL_BUFFER_VALUES = CAL_BUFFER_FIELDS
};

struct cal_buffer {
  struct cal_object object;
  char *bytes; /* in the block; NULL before init */
  size_t size;
};

struct cal_buffer *cal_test_buffer(lua_State *L, int index);
/* The bytes of the string or Buffer at `index`, good while it is alive (those of a Buffer may
 * change); raises TypeError for anything else, numbers included. */
const char *cal_bytes_at(lua_State *L, int index, size_t *size);
/* The bytes of the Buffer at `index`, to be filled; raises TypeError for anything else. */
char *cal_buffer_writable(lua_State *L, int index, size_t *size);
void cal_open_buffer(lua_State *L);

#endif
