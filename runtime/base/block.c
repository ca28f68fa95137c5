/* SPDX-License-Identifier: MIT
 *
 * A pool is shared by its loop and the blocks that are out: the last of them frees it.
 */
#include "base/block.h"

#include <stdbool.h>

#include "base/alloc.h"

enum { MOST_SPARES = 16 };

struct ca_blocks {
  struct ca_block *spare;
  int spares, out;
  bool is_closed; /* its loop is gone */
};

struct ca_blocks *ca_blocks_new(void)
{
  return ca_alloc_zero(sizeof(struct ca_blocks));
}

void ca_blocks_free(struct ca_blocks *pool)
{
  struct ca_block *block;
  if (pool == NULL) return;
  while ((block = pool->spare) != NULL) {
    pool->spare = block->next;
    ca_free(block);
  }
  pool->is_closed = true;
  if (pool->out == 0) ca_free(pool);
}

/* glibc learns from the first large piece of memory that is freed how much to keep: strings of 100
 * KiB that come and go would else be given back to the system and asked for again each time. */
static bool teach_malloc(void)
{
  void *lesson = ca_alloc(NULL, (size_t)4 * CA_BLOCK_SIZE);
  ca_free(lesson);
  return lesson != NULL;
}

struct ca_block *ca_block_take(struct ca_blocks *pool)
{
  struct ca_block *block = pool->spare;
  if (block != NULL) {
    pool->spare = block->next;
    pool->spares--;
  } else {
    if (pool->out == 0 && !teach_malloc()) return NULL;
    block = ca_alloc(NULL, sizeof *block + CA_BLOCK_SIZE);
    if (block == NULL) return NULL;
    block->pool = pool;
  }
  pool->out++;
  return block;
}

void ca_block_free(struct ca_block *block)
{
  struct ca_blocks *pool = block->pool;
  pool->out--;
  if (!pool->is_closed && pool->spares < MOST_SPARES) {
    block->next = pool->spare;
    pool->spare = block;
    pool->spares++;
    return;
  }
  ca_free(block);
  if (pool->is_closed && pool->out == 0) ca_free(pool);
}
