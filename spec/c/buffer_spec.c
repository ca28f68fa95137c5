/* SPDX-License-Identifier: MIT
 *
 * runtime/base/buffer.c
 */
#include "casync/buffer.h"

#include <string.h>

#include "casync/impl/buffer.h"
#include "support.h"

static void check(const struct casync_buffer *buffer, const char *text)
{
  assert_int_equal(casync_buffer_size(buffer), strlen(text));
  assert_memory_equal(casync_buffer_begin(buffer), text, strlen(text));
}

static void appends_and_takes(void **state)
{
  (void)state;
  struct casync_buffer buffer = {0};
  assert_true(casync_buffer_is_empty(&buffer));
  assert_int_equal(casync_buffer_append(&buffer, "hello ", 6), 0);
  assert_int_equal(casync_buffer_append(&buffer, "", 0), 0);
  assert_int_equal(casync_buffer_append(&buffer, "world", 5), 0);
  check(&buffer, "hello world");
  casync_buffer_take(&buffer, 3);
  check(&buffer, "lo world");
  casync_buffer_take(&buffer, 8);
  assert_true(casync_buffer_is_empty(&buffer));
  casync_buffer_clear(&buffer);
  assert_null(buffer.bytes);
}

/* A stream of bytes passes through; the memory stays in proportion to what is there. */
static void moves_to_the_front_instead_of_growing(void **state)
{
  (void)state;
  struct casync_buffer buffer = {0};
  unsigned char written = 0, read = 0;
  for (int round = 0; round < 10000; round++) {
    unsigned char chunk[37];
    for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = written++;
    assert_int_equal(casync_buffer_append(&buffer, chunk, sizeof chunk), 0);
    while (casync_buffer_size(&buffer) > 100) {
      assert_int_equal((unsigned char)*casync_buffer_begin(&buffer), read++);
      casync_buffer_take(&buffer, 1);
    }
  }
  assert_in_range(buffer.capacity, 1, 1024);
  casync_buffer_clear(&buffer);
}

static void keeps_little_memory_when_empty(void **state)
{
  (void)state;
  static char large[100000];
  struct casync_buffer buffer = {0};
  assert_int_equal(casync_buffer_append(&buffer, large, sizeof large), 0);
  casync_buffer_take(&buffer, sizeof large);
  assert_null(buffer.bytes);
  assert_int_equal(casync_buffer_append(&buffer, large, 100), 0);
  casync_buffer_take(&buffer, 100);
  assert_in_range(buffer.capacity, 100, 1024);
  casync_buffer_clear(&buffer);
}

static void finds_the_first_place(void **state)
{
  (void)state;
  const char *text = "aab-aabaac";
  assert_ptr_equal(casync_find(text, 10, "aabaa", 5), text + 4);
  assert_ptr_equal(casync_find(text, 10, "c", 1), text + 9);
  assert_ptr_equal(casync_find(text, 10, "aab", 3), text);
  assert_null(casync_find(text, 9, "c", 1));
  assert_null(casync_find(text, 10, "ac-", 3));
  assert_null(casync_find(text, 2, "aab", 3));
  assert_ptr_equal(casync_find(text, 10, "", 0), text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_and_takes),
      cmocka_unit_test(moves_to_the_front_instead_of_growing),
      cmocka_unit_test(keeps_little_memory_when_empty),
      cmocka_unit_test(finds_the_first_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
