/* SPDX-License-Identifier: MIT
 *
 * Blocks of memory that a loop reads into and that are passed on, with what was read, to whoever
 * keeps it.  They come back to their pool: giving large memory back to the system each time costs
 * more than reading into it.
 */
#ifndef CA_BLOCK_H
#define CA_BLOCK_H

#include <stddef.h>

struct ca_blocks;

enum { CA_BLOCK_SIZE = 256 * 1024 }; /* bytes of each */

struct ca_block {
  struct ca_blocks *pool;
  struct ca_block *next; /* in the pool */
  char bytes[];
};

/* A new pool, or NULL. */
struct ca_blocks *ca_blocks_new(void);

/* Frees the spare blocks; the pool itself goes with the last block that is out. */
void ca_blocks_free(struct ca_blocks *pool);

/* A block, or NULL. */
struct ca_block *ca_block_take(struct ca_blocks *pool);

/* Gives it back. */
void ca_block_free(struct ca_block *block);

#endif
