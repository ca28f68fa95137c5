/* SPDX-License-Identifier: MIT
 *
 * What is told to who asks.  A text of any length goes into a file without a name, and its
 * descriptor through the connection: that is one message, which a connection that was just made has
 * room for, so that nobody waits for a reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "casync/base.h"
#include "ps/ps.h"

static bool was_sent(int connection, const struct msghdr *message, size_t size)
{
  ssize_t n;
  do n = sendmsg(connection, message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)size;
}

bool casync_ps_tell(int connection, const char *line)
{
  char text[CASYNC_PS_LINE];
  snprintf(text, sizeof text - 1, "%s", line);
  size_t length = strlen(text);
  text[length++] = '\n';
  struct iovec bytes = {text, length};
  struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
  return was_sent(connection, &message, length);
}

/* A file in one of the folders, which has lost its name already: a descriptor or -errno. */
static int open_nameless_in(int place)
{
  char name[CA_PS_PATH], path[CA_PS_PATH + 8];
  int status = ca_ps_make_path(place, getpid(), name, sizeof name);
  if (status < 0) return status;
  snprintf(path, sizeof path, "%s.part", name);
  unlink(path); /* what a process that was killed has left */
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  unlink(path);
  return fd;
}

/* One at a time: all have the same name for a moment. */
static int open_nameless(void)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  int fd = -ENOENT;
  pthread_mutex_lock(&lock);
  for (int place = 0; place < CA_PS_PLACES && fd < 0; place++) fd = open_nameless_in(place);
  pthread_mutex_unlock(&lock);
  return fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -errno : -ENOSPC;
    bytes += n;
    size -= (size_t)n;
  }
  return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static bool send_with(int connection, const char *line, int fd)
{
  union {
    struct cmsghdr header; /* aligns */
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.bytes = {0}};
  struct iovec bytes = {(char *)line, strlen(line)};
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return was_sent(connection, &message, bytes.iov_len);
}

static bool fail(int connection, int status)
{
  char line[CASYNC_PS_LINE];
  snprintf(line, sizeof line, "failed %s", casync_strerror(status));
  casync_ps_tell(connection, line);
  return false;
}

bool casync_ps_hand_over(int connection, const char *bytes, size_t size)
{
  int fd = open_nameless();
  if (fd < 0) return fail(connection, fd);
  int status = write_all(fd, bytes, size);
  bool is_sent = status == 0 && send_with(connection, "part\n", fd);
  close(fd);
  return is_sent || (status < 0 && fail(connection, status));
}
