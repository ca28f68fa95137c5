/* SPDX-License-Identifier: MIT
 *
 * Every socket system call: interrupted ones are made again, failed ones give -errno.  Tests make
 * calls fail and move only few bytes.
 */
#include "net/net.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

/* What tests asked for. */
static unsigned long countdown;
static int error_of_failure;
static size_t most = SIZE_MAX;

void ca_sock_fail_at(unsigned long n, int error)
{
  countdown = n;
  error_of_failure = error;
}

void ca_sock_limit(size_t size)
{
  most = size > 0 ? size : SIZE_MAX;
}

/* To be asked before each call whose failure is looked at; sets errno. */
static bool is_made_to_fail(void)
{
  if (ca_likely(countdown == 0) || --countdown != 0) return false;
  errno = error_of_failure;
  return true;
}

static size_t limited(size_t size)
{
  return size < most ? size : most;
}

ssize_t ca_sock_recv(int fd, void *bytes, size_t size)
{
  for (;;) {
    ssize_t n = is_made_to_fail() ? -1 : recv(fd, bytes, limited(size), 0);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}

/* A connection that the peer has closed gives EPIPE, not the signal.  The system takes IOV_MAX
 * parts at most; one part is cheaper than several. */
static ssize_t try_to_send(int fd, const struct iovec *parts, int count)
{
  if (is_made_to_fail()) return -1;
  if (count == 1 || ca_unlikely(most != SIZE_MAX))
    return send(fd, parts->iov_base, limited(parts->iov_len), MSG_NOSIGNAL);
  struct msghdr message = {.msg_iov = (struct iovec *)parts,
                           .msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX)};
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

ssize_t ca_sock_send(int fd, const struct iovec *parts, int count)
{
  for (;;) {
    ssize_t n = try_to_send(fd, parts, count);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}

int ca_sock_shutdown_writing(int fd)
{
  return !is_made_to_fail() && shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

void ca_sock_set_nodelay(int fd)
{
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* What a call that returned `result` says. */
static int result_of(int result)
{
  return result >= 0 ? result : -errno;
}

/* ---- sockets ---- */

int casync_sock_open(int family, int type, int protocol)
{
  if (is_made_to_fail()) return -errno;
  return result_of(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

/* It is never made again: an interrupted close has closed, and the number may be somebody else's.
 */
void casync_sock_close(int fd)
{
  close(fd);
}

int casync_sock_bind(int fd, const struct casync_address *address)
{
  return result_of(is_made_to_fail() ? -1 : bind(fd, &address->of.any, address->size));
}

int casync_sock_listen(int fd, int backlog)
{
  return result_of(is_made_to_fail() ? -1 : listen(fd, backlog));
}

static int accept_once(int fd, struct casync_address *peer)
{
  socklen_t size = sizeof peer->of;
  if (is_made_to_fail()) return -1;
  int accepted = accept4(fd, peer != NULL ? &peer->of.any : NULL, peer != NULL ? &size : NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted >= 0 && peer != NULL) peer->size = size;
  return accepted;
}

int casync_sock_accept(int fd, struct casync_address *peer)
{
  for (;;) {
    int accepted = accept_once(fd, peer);
    if (accepted >= 0) return accepted;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}

/* An interrupted connect goes on by itself; unix sockets say EAGAIN when nobody accepts. */
int casync_sock_connect(int fd, const struct casync_address *address)
{
  int result = is_made_to_fail() ? -1 : connect(fd, &address->of.any, address->size);
  return result < 0 && errno == EINTR ? -EINPROGRESS : result_of(result);
}

int casync_sock_error(int fd)
{
  int error = 0;
  socklen_t size = sizeof error;
  int result = is_made_to_fail() ? -1 : getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return result < 0 ? -errno : -error;
}

static int name_of(int fd, struct casync_address *address,
                   int (*ask)(int, struct sockaddr *, socklen_t *))
{
  socklen_t size = sizeof address->of;
  int result = is_made_to_fail() ? -1 : ask(fd, &address->of.any, &size);
  address->size = result < 0 ? 0 : size;
  return result_of(result);
}

int casync_sock_name(int fd, struct casync_address *address)
{
  return name_of(fd, address, getsockname);
}

int casync_sock_peer(int fd, struct casync_address *address)
{
  return name_of(fd, address, getpeername);
}

int casync_sock_get_option(int fd, int level, int option, void *value, unsigned *size)
{
  return result_of(is_made_to_fail() ? -1 : getsockopt(fd, level, option, value, size));
}

int casync_sock_set_option(int fd, int level, int option, const void *value, unsigned size)
{
  return result_of(is_made_to_fail() ? -1 : setsockopt(fd, level, option, value, size));
}
