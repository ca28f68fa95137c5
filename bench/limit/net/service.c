/* SPDX-License-Identifier: MIT
 *
 * An echo server and a hello server, on the loop that is linked with it.
 *
 *     PROGRAM PORT echo|http
 *
 * One recv a readiness into one shared buffer, and one send at once; only what
 * a send leaves over is kept, and then nothing is read until it has gone.
 */
#define _GNU_SOURCE
#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHARED = 256 * 1024, REQUEST = 4096, BACKLOG = 4096 };

static const char hello[] = "HTTP/1.1 200 OK\r\n"
                            "Content-Type: text/plain\r\n"
                            "Content-Length: 13\r\n"
                            "Connection: keep-alive\r\n"
                            "\r\n"
                            "Hello, world!";

static char shared[SHARED];
static int port;
static void (*serve)(struct connection *c, size_t n); /* what n bytes in `shared` ask for */

static void drop(struct connection *c)
{
  close(c->fd);
  free(c->kept);
  loop_remove(c);
}

static void keep(struct connection *c, const char *bytes, size_t n)
{
  c->kept = malloc(n);
  memcpy(c->kept, bytes, n);
  c->from = 0;
  c->to = n;
}

static void forget(struct connection *c)
{
  free(c->kept);
  c->kept = NULL;
}

/* Returns how much was sent, -1 when the connection is broken. */
static ssize_t send_some(struct connection *c, const char *bytes, size_t n)
{
  ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);
  return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static void reply(struct connection *c, const char *bytes, size_t n)
{
  ssize_t sent = send_some(c, bytes, n);
  if (sent == (ssize_t)n) return;
  if (sent < 0) {
    drop(c);
    return;
  }
  keep(c, bytes + sent, n - (size_t)sent);
  c->writing = 1;
  loop_turn(c, 1);
}

static void send_kept(struct connection *c)
{
  ssize_t sent = send_some(c, c->kept + c->from, c->to - c->from);
  if (sent < 0) {
    drop(c);
    return;
  }
  c->from += (size_t)sent;
  if (c->from < c->to) return;
  forget(c);
  c->writing = 0;
  loop_turn(c, 0);
}

static void serve_echo(struct connection *c, size_t n)
{
  reply(c, shared, n);
}

/* The request line must be a GET's, and nothing may follow the blank line. */
static int is_request(const char *bytes, size_t n)
{
  const char *end = memmem(bytes, n, "\r\n\r\n", 4);
  if (end != bytes + n - 4) return 0;
  if (memcmp(bytes, "GET ", 4) != 0) return 0;
  const char *line_end = memchr(bytes, '\r', n);
  const char *space = memchr(bytes + 4, ' ', (size_t)(line_end - bytes) - 4);
  return space != NULL && line_end - space == 9 && memcmp(space, " HTTP/1.1", 9) == 0;
}

static void serve_http(struct connection *c, size_t n)
{
  if (is_request(shared, n))
    reply(c, hello, sizeof hello - 1);
  else if (n >= REQUEST || memmem(shared, n, "\r\n\r\n", 4) != NULL)
    drop(c);
  else
    keep(c, shared, n);
}

static void on_ready(struct connection *c)
{
  size_t before = 0;
  if (c->writing) {
    send_kept(c);
    return;
  }
  if (c->kept != NULL) { /* the first half of a request */
    memcpy(shared, c->kept, before = c->to);
    forget(c);
  }
  ssize_t n = recv(c->fd, shared + before, sizeof shared - before, 0);
  if (n > 0)
    serve(c, before + (size_t)n);
  else if (n == 0 || errno != EAGAIN)
    drop(c);
}

static void on_connection(struct connection *listener)
{
  int one = 1;
  for (int fd; (fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    loop_add(fd, on_ready);
  }
}

static void begin(void)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0) {
    perror("service");
    exit(1);
  }
  loop_add(fd, on_connection);
}

int main(int argc, char **argv)
{
  if (argc != 3) return 2;
  port = atoi(argv[1]);
  serve = strcmp(argv[2], "http") == 0 ? serve_http : serve_echo;
  loop_run(begin);
  return 0;
}
