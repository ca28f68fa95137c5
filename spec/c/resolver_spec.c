/* SPDX-License-Identifier: MIT
 *
 * runtime/work/resolver.c: look-ups that need no network.  Run under TSan.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "support.h"
#include "work/work.h"

/* Notes what was found: the code, or each address. */
static void note_addresses(struct casync_loop *loop, void *data,
                           const struct casync_lookup_result *result)
{
  struct world *world = world_of(loop);
  assert_ptr_equal(data, world);
  assert_null(result->host);
  if (result->code != 0) {
    assert_null(result->addresses);
    note(world, result->code == EAI_NONAME ? "noname" : "error");
  }
  for (const struct addrinfo *info = result->addresses; info != NULL; info = info->ai_next) {
    char text[INET_ADDRSTRLEN];
    assert_int_equal(info->ai_family, AF_INET);
    const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)info->ai_addr;
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    note(world, "%s:%d", text, ntohs(address->sin_port));
  }
}

static const struct addrinfo numeric = {
    .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

static struct casync_job *look_up(struct world *world, const char *host, const char *service)
{
  struct casync_job *job = NULL;
  int status =
      casync_lookup_address(world->loop, host, service, &numeric, note_addresses, world, &job);
  assert_int_equal(status, 0);
  assert_non_null(job);
  return job;
}

static void an_address_is_found(void **state)
{
  struct world *world = *state;
  look_up(world, "127.0.0.1", "80");
  run_out(world);
  assert_trace(world, "127.0.0.1:80");
}

static void the_texts_are_copied(void **state)
{
  struct world *world = *state;
  char host[] = "10.1.2.3", service[] = "65535";
  look_up(world, host, service);
  memset(host, 'x', sizeof host - 1);
  memset(service, 'x', sizeof service - 1);
  run_out(world);
  assert_trace(world, "10.1.2.3:65535");
}

static void a_host_or_a_service_may_be_missing(void **state)
{
  struct world *world = *state;
  look_up(world, NULL, "7");
  run_out(world);
  look_up(world, "10.0.0.1", NULL);
  run_out(world);
  assert_trace(world, "127.0.0.1:7 10.0.0.1:0");
}

static void hints_may_be_missing(void **state)
{
  struct world *world = *state;
  struct casync_job *job;
  assert_int_equal(
      casync_lookup_address(world->loop, "10.0.0.1", NULL, NULL, note_addresses, world, &job), 0);
  run_out(world);
  assert_int_equal(strncmp(take_trace(world), "10.0.0.1:0", 10), 0); /* one for each type */
}

static void what_is_not_found_is_a_code(void **state)
{
  struct world *world = *state;
  look_up(world, "no address", "80");
  run_out(world);
  assert_trace(world, "noname");
}

static void many_are_looked_up_at_once(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 200; i++) look_up(world, "1.2.3.4", NULL);
  run_out(world);
  assert_int_equal(strlen(take_trace(world)), 200 * strlen("1.2.3.4:0 ") - 1);
}

static void a_look_up_can_be_cancelled(void **state)
{
  struct world *world = *state;
  casync_work_cancel(world->loop, look_up(world, "127.0.0.1", "80"));
  run_out(world);
  assert_trace(world, "");
}

static void a_loop_can_be_closed_while_names_are_looked_up(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 20; i++) look_up(world, "127.0.0.1", "80");
  casync_loop_close(world->loop);
  assert_trace(world, "");
}

static void note_names(struct casync_loop *loop, void *data,
                       const struct casync_lookup_result *result)
{
  struct world *world = world_of(loop);
  assert_ptr_equal(data, world);
  assert_null(result->addresses);
  if (result->code == 0) note(world, "%s %s", result->host, result->service);
  if (result->code != 0) note(world, result->host == NULL ? "error" : "both");
}

static void look_up_name(struct world *world, int family)
{
  struct sockaddr_in address = {.sin_family = (sa_family_t)family, .sin_port = htons(80)};
  struct casync_job *job;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int status = casync_lookup_name(world->loop, (const struct sockaddr *)&address, sizeof address,
                                  NI_NUMERICHOST | NI_NUMERICSERV, note_names, world, &job);
  assert_int_equal(status, 0);
}

static void the_names_of_an_address_are_found(void **state)
{
  struct world *world = *state;
  look_up_name(world, AF_INET);
  run_out(world);
  assert_trace(world, "127.0.0.1 80");
}

static void an_address_of_no_family_has_no_name(void **state)
{
  struct world *world = *state;
  look_up_name(world, 250);
  run_out(world);
  assert_trace(world, "error");
}

static void an_address_that_is_too_long_is_refused(void **state)
{
  struct world *world = *state;
  struct sockaddr_storage storage[2] = {0};
  struct casync_job *job;
  int status = casync_lookup_name(world->loop, (const struct sockaddr *)storage, sizeof storage, 0,
                                  note_names, world, &job);
  assert_int_equal(status, -EINVAL);
}

static void without_memory_a_look_up_is_refused(void **state)
{
  struct world *world = *state;
  struct casync_job *job;
  for (unsigned long n = 1; n <= 2; n++) { /* the job, the pool */
    ca_alloc_fail_at(n);
    assert_int_equal(
        casync_lookup_address(world->loop, "h", "s", NULL, note_addresses, world, &job),
        CASYNC_EMEMORY);
  }
  ca_alloc_fail_at(0);
  look_up(world, "127.0.0.1", "80");
  run_out(world);
  assert_trace(world, "127.0.0.1:80");
}

static const struct CMUnitTest tests[] = {
    it(an_address_is_found),
    it(the_texts_are_copied),
    it(a_host_or_a_service_may_be_missing),
    it(hints_may_be_missing),
    it(what_is_not_found_is_a_code),
    it(many_are_looked_up_at_once),
    it(a_look_up_can_be_cancelled),
    it(a_loop_can_be_closed_while_names_are_looked_up),
    it(the_names_of_an_address_are_found),
    it(an_address_of_no_family_has_no_name),
    it(an_address_that_is_too_long_is_refused),
    it(without_memory_a_look_up_is_refused),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
