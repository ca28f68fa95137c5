/* SPDX-License-Identifier: MIT
 *
 * runtime/base/block.c, and buffers whose bytes are in a block
 */
#include "base/block.h"

#include <string.h>

#include "base/alloc.h"
#include "casync/buffer.h"
#include "casync/impl/buffer.h"
#include "support.h"

static struct ca_block *take(struct ca_blocks *pool)
{
  struct ca_block *block = ca_block_take(pool);
  assert_non_null(block);
  memset(block->bytes, 'x', CA_BLOCK_SIZE);
  return block;
}

static void a_block_that_came_back_is_taken_again(void **state)
{
  (void)state;
  struct ca_blocks *pool = ca_blocks_new();
  struct ca_block *first = take(pool), *second = take(pool);
  assert_ptr_not_equal(first, second);
  ca_block_free(first);
  assert_ptr_equal(take(pool), first);
  ca_block_free(first);
  ca_block_free(second);
  ca_blocks_free(pool);
}

static void a_pool_keeps_only_some_spares(void **state)
{
  struct ca_blocks *pool = ca_blocks_new();
  struct ca_block *blocks[40];
  (void)state;
  for (int i = 0; i < 40; i++) blocks[i] = take(pool);
  for (int i = 0; i < 40; i++) ca_block_free(blocks[i]);
  int kept = 0;
  ca_alloc_fail_at(1); /* so only spares can be taken */
  while ((blocks[kept] = ca_block_take(pool)) != NULL) kept++;
  assert_int_equal(kept, 16);
  while (kept > 0) ca_block_free(blocks[--kept]);
  ca_blocks_free(pool);
}

static void a_block_outlives_its_pool(void **state)
{
  (void)state;
  struct ca_blocks *pool = ca_blocks_new();
  struct ca_block *first = take(pool), *second = take(pool);
  ca_blocks_free(pool);
  ca_block_free(first);
  memset(second->bytes, 'y', CA_BLOCK_SIZE);
  ca_block_free(second); /* and the pool with it */
}

static void without_memory_there_is_neither_pool_nor_block(void **state)
{
  (void)state;
  ca_alloc_fail_at(1);
  assert_null(ca_blocks_new());
  struct ca_blocks *pool = ca_blocks_new();
  ca_alloc_fail_at(1);
  assert_null(ca_block_take(pool));
  ca_alloc_fail_at(0);
  ca_blocks_free(pool);
  ca_blocks_free(NULL);
}

/* A buffer with "abc" at the front of a block. */
static struct casync_buffer in_block(struct ca_blocks *pool)
{
  struct ca_block *block = take(pool);
  memcpy(block->bytes, "abc", 3);
  return (struct casync_buffer){block->bytes, 0, 3, CA_BLOCK_SIZE, block};
}

static void an_empty_buffer_gives_its_block_back(void **state)
{
  (void)state;
  struct ca_blocks *pool = ca_blocks_new();
  struct casync_buffer buffer = in_block(pool);
  struct ca_block *block = buffer.block;
  casync_buffer_take(&buffer, 3);
  assert_null(buffer.block);
  assert_ptr_equal(take(pool), block);
  ca_block_free(block);
  ca_blocks_free(pool);
}

static void a_buffer_fills_its_block_and_then_grows_out_of_it(void **state)
{
  (void)state;
  struct ca_blocks *pool = ca_blocks_new();
  struct casync_buffer buffer = in_block(pool);
  struct ca_block *block = buffer.block;
  assert_int_equal(casync_buffer_append(&buffer, "de", 2), 0);
  assert_ptr_equal(buffer.block, block);
  char *many = test_malloc(CA_BLOCK_SIZE);
  memset(many, 'z', CA_BLOCK_SIZE);
  assert_int_equal(casync_buffer_append(&buffer, many, CA_BLOCK_SIZE), 0);
  assert_null(buffer.block);
  assert_memory_equal(casync_buffer_begin(&buffer), "abcdez", 6);
  assert_int_equal(casync_buffer_size(&buffer), CA_BLOCK_SIZE + 5);
  assert_ptr_equal(take(pool), block); /* it came back */
  ca_block_free(block);
  test_free(many);
  casync_buffer_clear(&buffer);
  ca_blocks_free(pool);
}

static void a_buffer_that_cannot_grow_keeps_its_block(void **state)
{
  (void)state;
  struct ca_blocks *pool = ca_blocks_new();
  struct casync_buffer buffer = in_block(pool);
  char *many = test_malloc(CA_BLOCK_SIZE);
  memset(many, 'z', CA_BLOCK_SIZE);
  ca_alloc_fail_at(1);
  assert_int_equal(casync_buffer_append(&buffer, many, CA_BLOCK_SIZE), CASYNC_EMEMORY);
  assert_non_null(buffer.block);
  assert_memory_equal(casync_buffer_begin(&buffer), "abc", 3);
  test_free(many);
  casync_buffer_clear(&buffer);
  ca_blocks_free(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_block_that_came_back_is_taken_again),
    cmocka_unit_test(a_pool_keeps_only_some_spares),
    cmocka_unit_test(a_block_outlives_its_pool),
    cmocka_unit_test(without_memory_there_is_neither_pool_nor_block),
    cmocka_unit_test(an_empty_buffer_gives_its_block_back),
    cmocka_unit_test(a_buffer_fills_its_block_and_then_grows_out_of_it),
    cmocka_unit_test(a_buffer_that_cannot_grow_keeps_its_block),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
