/* SPDX-License-Identifier: MIT
 *
 * Idle connections: how much memory of the server's one takes.
 *
 * Each connection has had one line echoed and then says nothing more, so the
 * server has accepted it and waits for more. The line "count" asks a server
 * to collect its garbage; one in Lua answers with the KiB that Lua holds.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WARM_UP = 200, SPARE = 64, A_HOST = 5000 };

/* Children inherit the limit. */
static void raise_limit(int connections)
{
  struct rlimit r;
  rlim_t needed = (rlim_t)connections + WARM_UP + SPARE;
  getrlimit(RLIMIT_NOFILE, &r);
  if (r.rlim_cur >= needed) return;
  if (r.rlim_max >= needed) {
    r.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &r) == 0) return;
  }
  printf("skipped=needs ulimit -n %ld, allowed are %ld\n", (long)needed, (long)r.rlim_max);
  fflush(stdout);
  exit(0);
}

/* Sends a line and returns the one that comes back, static. */
static const char *ask(struct program *p, int fd, const char *line)
{
  static char answer[64];
  size_t got = 0;
  size_t length = strlen(line);
  if (send(fd, line, length, 0) != (ssize_t)length) load_fail(p, "send");
  do {
    ssize_t n = recv(fd, answer + got, sizeof answer - 1 - got, 0);
    if (n < 0) load_fail(p, "recv");
    errno = 0;
    if (n == 0) load_fail(p, "the server closed a connection");
    got += (size_t)n;
  } while (got < sizeof answer - 1 && answer[got - 1] != '\n');
  answer[got] = '\0';
  return answer;
}

static int open_one(struct program *p, int number)
{
  struct timeval patience = {.tv_sec = 10};
  int fd = connect_to(p, 1 + number / A_HOST, number == 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (strcmp(ask(p, fd, "hello\n"), "hello\n") != 0) load_fail(p, "a wrong answer");
  return fd;
}

void load_idle(struct program *p, int connections)
{
  raise_limit(connections);
  p->port = port_take(NULL);
  program_start(p, 1);
  int first = open_one(p, 0);
  for (int i = 1; i < WARM_UP; i++) open_one(p, i);
  double lua_kb = atof(ask(p, first, "count\n"));
  double cpu = program_cpu_ns(p);
  long rss_kb = program_rss_kb(p);
  for (int i = 0; i < connections; i++) open_one(p, WARM_UP + i);
  cpu = program_cpu_ns(p) - cpu;
  double lua_after = atof(ask(p, first, "count\n"));
  rss_kb = program_rss_kb(p) - rss_kb;
  printf("ns_per_op=%.1f ops=%d rss_kb=%ld bytes=%.0f", cpu / connections, connections,
         program_peak_kb(p), (double)rss_kb * 1024 / connections);
  if (lua_after > 0) printf(" lua_bytes=%.0f", (lua_after - lua_kb) * 1024 / connections);
  printf("\n");
  program_kill(p);
}
