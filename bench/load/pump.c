/* SPDX-License-Identifier: MIT
 *
 * Lines of 60 bytes, or bytes without any end of line, to one reader, which
 * connects to us and prints the figures itself.
 *
 * After each 256 KiB the reader gets the core: what is under way stays in the
 * inner caches, as it would between two processes that keep step.
 */
#include "load.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 60, CHUNK = 256 * 1024, MEBIBYTE = 1024 * 1024 };

static char chunk[CHUNK];

static void fill(int lines)
{
  memset(chunk, 'x', sizeof chunk);
  if (!lines) return;
  for (int i = LINE - 1; i < CHUNK; i += LINE) chunk[i] = '\n';
}

static void send_all(struct program *p, int fd, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      usleep(100 * 1000); /* for the reader to say why */
      program_check(p);
      load_fail(p, "send");
    }
    bytes += sent;
    n -= (size_t)sent;
  }
}

void load_pump(struct program *p, int lines, long count)
{
  int listener = -1;
  size_t whole = lines ? CHUNK / LINE * LINE : CHUNK;
  size_t left = (size_t)count * (lines ? LINE : MEBIBYTE);
  fill(lines);
  p->port = port_take(&listener);
  program_start(p, 0);
  int fd = accept_from(p, listener);
  while (left > 0) {
    size_t n = left < whole ? left : whole;
    send_all(p, fd, chunk, n);
    left -= n;
    sched_yield();
  }
  shutdown(fd, SHUT_WR);
  if (program_join(p) != 0) exit(1);
}
