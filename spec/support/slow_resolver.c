/* SPDX-License-Identifier: MIT
 *
 * A library to be preloaded into a Lua of a spec: names like "after-250.test" are found after so
 * many milliseconds, and said on standard error when the look-up begins; all others as ever.  No
 * Lua module, and never installed.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int look_up(const char *host, const char *service, const struct addrinfo *hints,
                    struct addrinfo **found);

/* The symbol that takes the place of the C library's. */
__attribute__((visibility("default"))) look_up slow_look_up __asm__("getaddrinfo");

static void wait(long milliseconds)
{
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

int slow_look_up(const char *host, const char *service, const struct addrinfo *hints,
                 struct addrinfo **found)
{
  look_up *real;
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
  memcpy(&real, &symbol, sizeof real);
  if (host != NULL && strncmp(host, "after-", 6) == 0) {
    fprintf(stderr, "<%s>", host);
    wait(strtol(host + 6, NULL, 10));
    host = "127.0.0.1";
  }
  return real(host, service, hints, found);
}
