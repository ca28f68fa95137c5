/* SPDX-License-Identifier: MIT
 *
 * runtime/base/alloc.c
 */
#include "base/alloc.h"

#include <string.h>

#include "support.h"

static int stop_failing(void **state)
{
  (void)state;
  ca_alloc_fail_at(0);
  return 0;
}

static void zeroed_memory_is_zero(void **state)
{
  (void)state;
  const char zeros[64] = {0};
  char *block = ca_alloc_zero(sizeof zeros);
  assert_memory_equal(block, zeros, sizeof zeros);
  ca_free(block);
}

static void growing_a_block_keeps_its_contents(void **state)
{
  (void)state;
  char *block = ca_alloc(NULL, 4);
  memcpy(block, "abc", 4);
  block = ca_alloc(block, 4096);
  assert_string_equal(block, "abc");
  ca_free(block);
}

static void freeing_nothing_is_allowed(void **state)
{
  (void)state;
  ca_free(NULL);
}

static void the_next_allocation_can_be_made_to_fail(void **state)
{
  (void)state;
  ca_alloc_fail_at(1);
  assert_null(ca_alloc_zero(8));
}

static void the_allocations_before_the_nth_succeed(void **state)
{
  (void)state;
  ca_alloc_fail_at(3);
  void *first = ca_alloc(NULL, 8), *second = ca_alloc(NULL, 8);
  assert_non_null(first);
  assert_non_null(second);
  assert_null(ca_alloc(NULL, 8));
  ca_free(first);
  ca_free(second);
}

static void only_one_allocation_fails(void **state)
{
  (void)state;
  ca_alloc_fail_at(1);
  assert_null(ca_alloc(NULL, 8));
  void *block = ca_alloc(NULL, 8);
  assert_non_null(block);
  ca_free(block);
}

static void a_block_that_could_not_grow_is_unchanged(void **state)
{
  (void)state;
  char *block = ca_alloc(NULL, 4);
  memcpy(block, "abc", 4);
  ca_alloc_fail_at(1);
  assert_null(ca_alloc(block, 4096));
  assert_string_equal(block, "abc");
  ca_free(block);
}

static void zero_ends_the_count(void **state)
{
  (void)state;
  ca_alloc_fail_at(1);
  ca_alloc_fail_at(0);
  void *block = ca_alloc(NULL, 8);
  assert_non_null(block);
  ca_free(block);
}

#define it_allocates(test) cmocka_unit_test_teardown(test, stop_failing)

static const struct CMUnitTest tests[] = {
    it_allocates(zeroed_memory_is_zero),
    it_allocates(growing_a_block_keeps_its_contents),
    it_allocates(freeing_nothing_is_allowed),
    it_allocates(the_next_allocation_can_be_made_to_fail),
    it_allocates(the_allocations_before_the_nth_succeed),
    it_allocates(only_one_allocation_fails),
    it_allocates(a_block_that_could_not_grow_is_unchanged),
    it_allocates(zero_ends_the_count),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
