/* SPDX-License-Identifier: MIT
 *
 * Every socket system call: interrupted ones are made again, failed ones give -errno.
 */
#include "net/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t ca_sock_recv(int fd, void *bytes, size_t size)
{
  for (;;) {
    ssize_t n = recv(fd, bytes, size, 0);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}

/* A connection that the peer has closed gives EPIPE, not the signal. */
ssize_t ca_sock_send(int fd, const struct iovec *parts, int count)
{
  struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
  for (;;) {
    ssize_t n = count == 1 ? send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
                           : sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}

int ca_sock_shutdown_writing(int fd)
{
  return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
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
