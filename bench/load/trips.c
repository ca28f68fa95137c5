/* SPDX-License-Identifier: MIT
 *
 * Round trips: every connection has exactly one request under way. The server
 * answers with the same bytes (echo) or with an HTTP response.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { EVENTS = 256, SILENCE_MS = 20000, HEAD = 2048, INPUT = 256 * 1024 };

struct connection {
  int fd;
  int blocked;     /* waits to send the rest */
  size_t sent;     /* of the request */
  size_t got;      /* of the answer */
  char head[HEAD]; /* HTTP: the answer so far */
};

struct trips {
  struct program *program;
  const char *request;
  size_t size;
  /* Takes n bytes of an answer; returns whether it is complete, -1 when wrong. */
  int (*take)(struct trips *t, struct connection *c, const char *bytes, size_t n);
  int epoll;
  int checking; /* while warming up */
  long done;
};

static char input[INPUT];

static void watch(struct trips *t, struct connection *c, int operation, unsigned events)
{
  struct epoll_event e = {.events = events, .data.ptr = c};
  if (epoll_ctl(t->epoll, operation, c->fd, &e) != 0) load_fail(t->program, "epoll_ctl");
}

static void send_rest(struct trips *t, struct connection *c)
{
  while (c->sent < t->size) {
    ssize_t n = send(c->fd, t->request + c->sent, t->size - c->sent, 0);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) load_fail(t->program, "send");
    c->sent += (size_t)n;
  }
  int blocked = c->sent < t->size;
  if (blocked != c->blocked) watch(t, c, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  c->blocked = blocked;
}

static void send_request(struct trips *t, struct connection *c)
{
  c->sent = c->got = 0;
  send_rest(t, c);
}

static int take_echo(struct trips *t, struct connection *c, const char *bytes, size_t n)
{
  if (n > t->size - c->got) return -1;
  if (t->checking && memcmp(bytes, t->request + c->got, n) != 0) return -1;
  c->got += n;
  return c->got == t->size;
}

static int take_http(struct trips *t, struct connection *c, const char *bytes, size_t n)
{
  (void)t;
  if (n > HEAD - 1 - c->got) return -1;
  memcpy(c->head + c->got, bytes, n);
  c->got += n;
  c->head[c->got] = '\0';
  char *end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) return 0;
  char *length = strcasestr(c->head, "\r\nContent-Length:");
  if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end) return -1;
  size_t whole = (size_t)(end + 4 - c->head) + (size_t)atol(length + 17);
  return c->got == whole ? 1 : c->got < whole ? 0 : -1;
}

/* Reads what is there; returns whether that completed an answer. */
static int receive(struct trips *t, struct connection *c)
{
  ssize_t n = recv(c->fd, input, sizeof input, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n < 0) load_fail(t->program, "recv");
  errno = 0;
  if (n == 0) load_fail(t->program, "the server closed a connection");
  int whole = t->take(t, c, input, (size_t)n);
  if (whole < 0) load_fail(t->program, "a wrong answer");
  return whole;
}

/* Goes on until `target` answers have come. */
static void run_until(struct trips *t, long target)
{
  struct epoll_event events[EVENTS];
  while (t->done < target) {
    int n = epoll_wait(t->epoll, events, EVENTS, SILENCE_MS);
    if (n < 0 && errno != EINTR) load_fail(t->program, "epoll_wait");
    if (n == 0) {
      errno = 0;
      load_fail(t->program, "the server is silent");
    }
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) send_rest(t, c);
      if (!(events[i].events & ~(unsigned)EPOLLOUT) || !receive(t, c)) continue;
      t->done++;
      send_request(t, c);
    }
  }
}

static struct connection *open_all(struct trips *t, int count)
{
  struct connection *all = calloc((size_t)count, sizeof *all);
  for (int i = 0; i < count; i++) {
    all[i].fd = connect_to(t->program, 1, i == 0);
    fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
    watch(t, &all[i], EPOLL_CTL_ADD, EPOLLIN);
  }
  for (int i = 0; i < count; i++) send_request(t, &all[i]);
  return all;
}

/* A tenth more than asked for, to begin with, warms caches and buffers up. */
static void measure(struct trips *t, int connections, long trips)
{
  struct program *p = t->program;
  p->port = port_take(NULL);
  program_start(p, 1);
  t->epoll = epoll_create1(EPOLL_CLOEXEC);
  struct connection *all = open_all(t, connections);
  t->checking = 1;
  run_until(t, trips / 10 + connections);
  t->checking = 0;
  long first = t->done;
  double cpu = program_cpu_ns(p), wall = wall_ns();
  run_until(t, first + trips);
  wall = wall_ns() - wall;
  cpu = program_cpu_ns(p) - cpu;
  long done = t->done - first;
  printf("ns_per_op=%.1f ops=%ld rss_kb=%ld rps=%.0f\n", cpu / (double)done, done,
         program_peak_kb(p), (double)done * 1e9 / wall);
  program_kill(p);
  free(all);
}

void load_echo(struct program *p, size_t size, int connections, long trips)
{
  char *message = malloc(size);
  for (size_t i = 0; i < size; i++) message[i] = (char)('!' + i % 89);
  struct trips t = {.program = p, .request = message, .size = size, .take = take_echo};
  measure(&t, connections, trips);
  free(message);
}

void load_http(struct program *p, int connections, long trips)
{
  static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  struct trips t = {
      .program = p, .request = request, .size = sizeof request - 1, .take = take_http};
  measure(&t, connections, trips);
}
