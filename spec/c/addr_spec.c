/* SPDX-License-Identifier: MIT
 *
 * runtime/net/addr.c
 */
#include <errno.h>
#include <string.h>

#include "net/net.h"
#include "support.h"

static struct casync_address ip(int family, const char *host, uint16_t port)
{
  struct casync_address address;
  assert_int_equal(casync_address_set_ip(&address, family, host, port), 0);
  return address;
}

static void an_ip_address_comes_back_as_it_was_set(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    int family, port;
  } rows[] = {{"127.0.0.1", AF_INET, 0},
              {"255.255.255.255", AF_INET, 65535},
              {"::", AF_INET6, 1},
              {"fe80::1:2:3", AF_INET6, 8080},
              {"1111:2222:3333:4444:5555:6666:7777:8888", AF_INET6, 9}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char host[CASYNC_HOST_SIZE];
    struct casync_address address = ip(rows[i].family, rows[i].host, (uint16_t)rows[i].port);
    assert_int_equal(casync_address_family(&address), rows[i].family);
    assert_int_equal(casync_address_host(&address, host), rows[i].port);
    assert_string_equal(host, rows[i].host);
  }
}

static void a_host_that_is_no_number_of_its_family_is_refused(void **state)
{
  (void)state;
  struct casync_address address = ip(AF_INET, "1.2.3.4", 5);
  char host[CASYNC_HOST_SIZE];
  assert_int_equal(casync_address_set_ip(&address, AF_INET, "localhost", 1), -EINVAL);
  assert_int_equal(casync_address_set_ip(&address, AF_INET, "", 1), -EINVAL);
  assert_int_equal(casync_address_set_ip(&address, AF_INET, "::1", 1), -EINVAL);
  assert_int_equal(casync_address_set_ip(&address, AF_INET6, "127.0.0.1", 1), -EINVAL);
  assert_int_equal(casync_address_set_ip(&address, AF_UNIX, "127.0.0.1", 1), -EAFNOSUPPORT);
  assert_int_equal(casync_address_host(&address, host), 5); /* it is what it was */
}

static void a_scope_is_for_ipv6_alone(void **state)
{
  (void)state;
  struct casync_address six = ip(AF_INET6, "fe80::1", 1), four = ip(AF_INET, "1.2.3.4", 1);
  struct casync_address before = four;
  casync_address_set_scope(&six, 7, 3);
  casync_address_set_scope(&four, 7, 3);
  assert_int_equal(ntohl(six.of.in6.sin6_flowinfo), 7);
  assert_int_equal(six.of.in6.sin6_scope_id, 3);
  assert_memory_equal(&four, &before, sizeof four);
}

static void a_path_comes_back_as_it_was_set(void **state)
{
  (void)state;
  static const char abstract[] = {'\0', 'a', '\0', 'b'};
  struct casync_address address;
  char host[CASYNC_HOST_SIZE];
  size_t size;
  assert_int_equal(casync_address_set_path(&address, "/tmp/s", 6), 0);
  assert_string_equal(casync_address_path(&address, &size), "/tmp/s");
  assert_int_equal(size, 6);
  assert_int_equal(casync_address_host(&address, host), -EAFNOSUPPORT);
  assert_int_equal(casync_address_set_path(&address, abstract, sizeof abstract), 0);
  assert_memory_equal(casync_address_path(&address, &size), abstract, sizeof abstract);
  assert_int_equal(size, sizeof abstract);
  assert_int_equal(casync_address_set_path(&address, "", 0), 0);
  assert_string_equal(casync_address_path(&address, &size), "");
  assert_int_equal(size, 0);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
  (void)state;
  char path[sizeof((struct sockaddr_un *)NULL)->sun_path + 1];
  struct casync_address address;
  memset(path, 'p', sizeof path);
  assert_int_equal(casync_address_set_path(&address, path, sizeof path - 2), 0);
  assert_int_equal(casync_address_set_path(&address, path, sizeof path - 1), -ENAMETOOLONG);
  path[0] = '\0';
  assert_int_equal(casync_address_set_path(&address, path, sizeof path - 1), 0);
  assert_int_equal(casync_address_set_path(&address, path, sizeof path), -ENAMETOOLONG);
}

static void no_address_has_no_family(void **state)
{
  (void)state;
  struct casync_address none = {0};
  assert_int_equal(casync_address_family(&none), AF_UNSPEC);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      it(an_ip_address_comes_back_as_it_was_set),
      it(a_host_that_is_no_number_of_its_family_is_refused),
      it(a_scope_is_for_ipv6_alone),
      it(a_path_comes_back_as_it_was_set),
      it(a_path_that_is_too_long_is_refused),
      it(no_address_has_no_family),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
