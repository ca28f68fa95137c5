/* SPDX-License-Identifier: MIT
 *
 * runtime/base/error.c
 */
#include <errno.h>
#include <stdio.h>
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
  for (int a = CASYNC_EMEMORY; a >= CASYNC_ETHREAD; a--)
    for (int b = a - 1; b >= CASYNC_ETHREAD; b--)
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

static void the_library_and_its_headers_are_of_one_version(void **state)
{
  (void)state;
  int major = CASYNC_VERSION_NUM / 10000, minor = CASYNC_VERSION_NUM / 100 % 100;
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", major, minor, CASYNC_VERSION_NUM % 100);
  assert_string_equal(CASYNC_VERSION, text);
  assert_string_equal(casync_version(), CASYNC_VERSION);
  assert_int_equal(casync_version_num(), CASYNC_VERSION_NUM);
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
    cmocka_unit_test(the_library_and_its_headers_are_of_one_version),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
