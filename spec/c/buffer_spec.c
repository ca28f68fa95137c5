/* SPDX-License-Identifier: MIT
 *
 * runtime/base/buffer.c
 */
#include "casync/buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "casync/impl/buffer.h"
#include "support.h"

static int open_buffer(void **state)
{
  static struct casync_buffer buffer;
  buffer = (struct casync_buffer){0};
  *state = &buffer;
  return 0;
}

static int close_buffer(void **state)
{
  ca_alloc_fail_at(0);
  casync_buffer_clear(*state);
  return 0;
}

static void append(struct casync_buffer *buffer, const char *text)
{
  assert_int_equal(casync_buffer_append(buffer, text, strlen(text)), 0);
}

static void append_many(struct casync_buffer *buffer, size_t count, char byte)
{
  char *bytes = test_malloc(count);
  memset(bytes, byte, count);
  assert_int_equal(casync_buffer_append(buffer, bytes, count), 0);
  test_free(bytes);
}

static void assert_holds(const struct casync_buffer *buffer, const char *expected)
{
  assert_int_equal(casync_buffer_size(buffer), strlen(expected));
  assert_memory_equal(casync_buffer_begin(buffer), expected, strlen(expected));
}

/* Appending and taking */

static void a_new_buffer_is_empty_and_has_no_memory(void **state)
{
  struct casync_buffer *buffer = *state;
  assert_true(casync_buffer_is_empty(buffer));
  assert_int_equal(casync_buffer_size(buffer), 0);
  assert_null(buffer->bytes);
}

static void bytes_are_appended_in_order(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "ab");
  append(buffer, "cd");
  assert_holds(buffer, "abcd");
}

static void bytes_are_taken_from_the_front(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "abcd");
  casync_buffer_take(buffer, 3);
  assert_holds(buffer, "d");
}

static void taking_all_leaves_it_empty(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "abcd");
  casync_buffer_take(buffer, 4);
  assert_true(casync_buffer_is_empty(buffer));
  append(buffer, "e");
  assert_holds(buffer, "e");
}

static void appending_nothing_needs_no_memory(void **state)
{
  struct casync_buffer *buffer = *state;
  assert_int_equal(casync_buffer_append(buffer, NULL, 0), 0);
  assert_null(buffer->bytes);
}

static void taking_nothing_changes_nothing(void **state)
{
  struct casync_buffer *buffer = *state;
  casync_buffer_take(buffer, 0);
  append(buffer, "ab");
  casync_buffer_take(buffer, 0);
  assert_holds(buffer, "ab");
}

static void any_mix_keeps_every_byte(void **state)
{
  struct casync_buffer *buffer = *state;
  uint32_t random = 1;
  unsigned appended = 0, taken = 0;
  for (int i = 0; i < 5000; i++) {
    unsigned char bytes[700];
    size_t size = next_random(&random) % sizeof bytes;
    for (size_t k = 0; k < size; k++) bytes[k] = (unsigned char)(appended++ % 251);
    assert_int_equal(casync_buffer_append(buffer, bytes, size), 0);
    size_t left = next_random(&random) % (casync_buffer_size(buffer) + 1);
    for (size_t k = 0; k < left; k++)
      assert_int_equal((unsigned char)casync_buffer_begin(buffer)[k], taken++ % 251);
    casync_buffer_take(buffer, left);
    assert_int_equal(casync_buffer_size(buffer), appended - taken);
  }
}

/* Memory */

static void a_buffer_that_is_never_empty_stays_small(void **state)
{
  struct casync_buffer *buffer = *state;
  append_many(buffer, 1000, 'x');
  for (int i = 0; i < 10000; i++) {
    append_many(buffer, 1000, 'x');
    casync_buffer_take(buffer, 1000);
  }
  assert_int_equal(casync_buffer_size(buffer), 1000);
  assert_true(buffer->capacity <= (size_t)8 * 1024);
}

/* What is taken byte by byte is not moved byte by byte. */
static void taking_moves_nothing(void **state)
{
  struct casync_buffer *buffer = *state;
  append_many(buffer, 4096, 'x');
  const char *end = casync_buffer_begin(buffer) + 4096;
  for (int i = 0; i < 4095; i++) casync_buffer_take(buffer, 1);
  assert_ptr_equal(casync_buffer_begin(buffer), end - 1);
}

static void an_empty_buffer_gives_much_memory_back(void **state)
{
  struct casync_buffer *buffer = *state;
  append_many(buffer, (size_t)100 * 1024, 'x');
  casync_buffer_take(buffer, (size_t)100 * 1024);
  assert_int_equal(buffer->capacity, 0);
}

static void an_empty_buffer_keeps_no_memory(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "ab");
  casync_buffer_take(buffer, 2);
  assert_null(buffer->bytes);
  append(buffer, "cd");
  assert_int_equal(casync_buffer_size(buffer), 2);
}

static void clearing_gives_everything_back(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "ab");
  casync_buffer_clear(buffer);
  assert_true(casync_buffer_is_empty(buffer));
  assert_null(buffer->bytes);
}

static void a_cleared_buffer_may_be_cleared_and_filled(void **state)
{
  struct casync_buffer *buffer = *state;
  casync_buffer_clear(buffer);
  casync_buffer_clear(buffer);
  append(buffer, "ab");
  assert_holds(buffer, "ab");
}

static void without_memory_nothing_is_changed(void **state)
{
  struct casync_buffer *buffer = *state;
  char more[4096] = {0};
  append(buffer, "ab");
  casync_buffer_take(buffer, 1);
  ca_alloc_fail_at(1);
  assert_int_equal(casync_buffer_append(buffer, more, sizeof more), CASYNC_EMEMORY);
  assert_holds(buffer, "b");
}

static void a_size_beyond_all_memory_is_refused(void **state)
{
  struct casync_buffer *buffer = *state;
  append(buffer, "ab");
  assert_int_equal(casync_buffer_append(buffer, "c", SIZE_MAX), CASYNC_EMEMORY);
  assert_int_equal(casync_buffer_append(buffer, "c", SIZE_MAX - 8), CASYNC_EMEMORY);
  assert_holds(buffer, "ab");
}

/* Finding */

static void the_first_place_is_found(void **state)
{
  (void)state;
  const char *text = "aab-aabaac";
  assert_ptr_equal(casync_find(text, 10, "aabaa", 5), text + 4);
  assert_ptr_equal(casync_find(text, 10, "c", 1), text + 9);
  assert_ptr_equal(casync_find(text, 10, "aab", 3), text);
}

static void what_is_not_there_is_not_found(void **state)
{
  (void)state;
  const char *text = "aab-aabaac";
  assert_null(casync_find(text, 9, "c", 1));
  assert_null(casync_find(text, 10, "ac-", 3));
  assert_null(casync_find(text, 2, "aab", 3));
}

static void nothing_is_found_at_once(void **state)
{
  (void)state;
  const char *text = "aab";
  assert_ptr_equal(casync_find(text, 3, "", 0), text);
}

#define it_buffers(test) cmocka_unit_test_setup_teardown(test, open_buffer, close_buffer)

static const struct CMUnitTest tests[] = {
    it_buffers(a_new_buffer_is_empty_and_has_no_memory),
    it_buffers(bytes_are_appended_in_order),
    it_buffers(bytes_are_taken_from_the_front),
    it_buffers(taking_all_leaves_it_empty),
    it_buffers(appending_nothing_needs_no_memory),
    it_buffers(taking_nothing_changes_nothing),
    it_buffers(any_mix_keeps_every_byte),
    it_buffers(a_buffer_that_is_never_empty_stays_small),
    it_buffers(taking_moves_nothing),
    it_buffers(an_empty_buffer_gives_much_memory_back),
    it_buffers(an_empty_buffer_keeps_no_memory),
    it_buffers(clearing_gives_everything_back),
    it_buffers(a_cleared_buffer_may_be_cleared_and_filled),
    it_buffers(without_memory_nothing_is_changed),
    it_buffers(a_size_beyond_all_memory_is_refused),
    it_buffers(the_first_place_is_found),
    it_buffers(what_is_not_there_is_not_found),
    it_buffers(nothing_is_found_at_once),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
