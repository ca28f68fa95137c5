/* SPDX-License-Identifier: MIT
 *
 * The library's Lua files as bytecode (made at build time by cmake/embed.lua).
 */
#ifndef CAL_SEARCHER_H
#define CAL_SEARCHER_H

#include <stddef.h>

struct cal_embedded {
  const char *name; /* of the module; NULL ends the list */
  const unsigned char *bytes;
  size_t size;
};

extern const struct cal_embedded cal_embedded[];

#endif
