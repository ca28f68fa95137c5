/* SPDX-License-Identifier: MIT
 *
 * Whether a descriptor can be polled.  libev would take those that epoll refuses for always ready;
 * asyncio passes the refusal on.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poll/poll.h"

#ifdef __linux__

#include <sys/epoll.h>

/* Terminals can be polled, /dev/null cannot: only epoll itself knows. */
static int check_device(int fd)
{
  struct epoll_event event = {.events = EPOLLIN};
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return -errno;
  int status = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
  close(epoll);
  return status;
}

#else

static int check_device(int fd)
{
  (void)fd;
  return 0;
}

#endif

int ca_check_pollable(int fd)
{
  struct stat info;
  if (fstat(fd, &info) < 0) return -errno;
  if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return -EPERM;
  return S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode) ? check_device(fd) : 0;
}
