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

void ca_sock_close(int fd)
{
  close(fd);
}

void ca_sock_set_nodelay(int fd)
{
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
