/* SPDX-License-Identifier: MIT
 *
 * runtime/base/error.c
 */
#include <errno.h>
#include <string.h>

#include "casync.h"
#include "support.h"

static void zero_is_no_error(void **state)
{
  (void)state;
  assert_string_equal(casync_strerror(CASYNC_OK), "no error");
}

static void every_code_has_a_text_of_its_own(void **state)
{
  (void)state;
  for (int a = CASYNC_EMEMORY; a >= CASYNC_EATTACHED; a--)
    for (int b = a - 1; b >= CASYNC_EATTACHED; b--)
      assert_string_not_equal(casync_strerror(a), casync_strerror(b));
}

static void a_negative_errno_has_the_text_of_the_system(void **state)
{
  (void)state;
  char text[256];
  strncpy(text, strerror(EBADF), sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_string_equal(casync_strerror(-EBADF), text);
}

static void an_unknown_code_still_has_a_text(void **state)
{
  (void)state;
  assert_non_null(casync_strerror(-123456));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(zero_is_no_error),
    cmocka_unit_test(every_code_has_a_text_of_its_own),
    cmocka_unit_test(a_negative_errno_has_the_text_of_the_system),
    cmocka_unit_test(an_unknown_code_still_has_a_text),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
