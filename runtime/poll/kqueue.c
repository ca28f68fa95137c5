/* SPDX-License-Identifier: MIT
 *
 * What a stepped loop asks where there is no epoll: a kqueue, level-triggered, with a pipe for
 * wakes.  A kqueue can itself be polled.  A closed descriptor leaves it by itself.
 */
#include "poll/poll.h"

#ifndef __linux__

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>

#include <sys/event.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"

/* Room for events besides those of descriptors: wakes, what the host attends to.  A descriptor may
 * have two. */
enum { SPARE = 2, FILTERS = 2 };

struct watched {
  struct ca_watched watched;
  unsigned wanted; /* what the queue has */
};

static int reserve(struct ca_stepped *stepped, int count)
{
  if (count <= stepped->capacity) return 0;
  int capacity = count + count / 2 + 16;
  size_t size = ((size_t)capacity * FILTERS + SPARE) * sizeof(struct kevent);
  void *events = ca_alloc(stepped->events, size);
  if (events == NULL) return CASYNC_EMEMORY;
  stepped->events = events;
  stepped->capacity = capacity;
  return 0;
}

static int control(const struct ca_stepped *stepped, int fd, short filter, unsigned short flags)
{
  struct kevent change;
  EV_SET(&change, (uintptr_t)fd, filter, flags, 0, 0, 0);
  return kevent(stepped->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

/* Adds or deletes one filter, where `wanted` and what the queue has differ. */
static int set_filter(const struct ca_stepped *stepped, struct watched *watched, unsigned wanted,
                      unsigned direction)
{
  short filter = direction == CA_WANT_READ ? EVFILT_READ : EVFILT_WRITE;
  if (wanted & direction) {
    int status = control(stepped, watched->watched.fd, filter, EV_ADD | EV_ENABLE);
    if (status == 0) watched->wanted |= direction;
    return status;
  }
  if (watched->wanted & direction) control(stepped, watched->watched.fd, filter, EV_DELETE);
  watched->wanted &= ~direction; /* it may have been closed */
  return 0;
}

static int set(struct casync_loop *loop, struct ca_watched *base, unsigned wanted)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  struct watched *watched = ca_container_of(base, struct watched, watched);
  int status = reserve(stepped, stepped->poll.io.count);
  if (status < 0) return status;
  status = set_filter(stepped, watched, wanted, CA_WANT_READ);
  return status < 0 ? status : set_filter(stepped, watched, wanted, CA_WANT_WRITE);
}

const struct ca_io_type ca_queue_io = {sizeof(struct watched), set};

static void take_wakes(const struct ca_stepped *stepped)
{
  char bytes[256];
  for (;;) {
    ssize_t n = read(stepped->wake[0], bytes, sizeof bytes);
    if (n <= 0 && errno != EINTR) return;
  }
}

static void take(struct casync_loop *loop, const struct kevent *event)
{
  const struct ca_stepped *stepped = ca_stepped_of(loop);
  int fd = (int)event->ident;
  if (fd == stepped->attended) {
    casync_loop_attend(loop);
    return;
  }
  if (fd == stepped->wake[0]) {
    take_wakes(stepped);
    return;
  }
  struct ca_watched *base = ca_io_find(&stepped->poll.io, fd);
  if (base == NULL) return;
  unsigned ready = event->filter == EVFILT_READ ? CA_WANT_READ : CA_WANT_WRITE;
  if (event->flags & EV_ERROR) ready = CA_WANT_READ | CA_WANT_WRITE;
  ca_io_found(base, ready);
}

int ca_queue_ask(struct casync_loop *loop)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  struct kevent *events = stepped->events;
  struct timespec none = {0, 0};
  int room = stepped->capacity * FILTERS + SPARE;
  int count = kevent(stepped->fd, NULL, 0, events, room, &none);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  while (count > 0) take(loop, &events[--count]); /* the last one first */
  return 0;
}

void ca_queue_wake(struct casync_loop *loop)
{
  int fd = ca_stepped_of(loop)->wake[1];
  int saved = errno;
  while (write(fd, "", 1) < 0 && errno == EINTR) continue; /* full is as good */
  errno = saved;
}

int ca_queue_attend_on(struct casync_loop *loop, int fd)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  if (stepped->attended >= 0) control(stepped, stepped->attended, EVFILT_READ, EV_DELETE);
  stepped->attended = -1;
  if (fd < 0) return 0;
  int status = control(stepped, fd, EVFILT_READ, EV_ADD | EV_ENABLE);
  if (status == 0) stepped->attended = fd;
  return status;
}

static int prepare_end(int fd)
{
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_wake(struct ca_stepped *stepped)
{
  if (pipe(stepped->wake) < 0) return -errno;
  int status = prepare_end(stepped->wake[0]);
  if (status == 0) status = prepare_end(stepped->wake[1]);
  if (status == 0) status = control(stepped, stepped->wake[0], EVFILT_READ, EV_ADD | EV_ENABLE);
  if (status == 0) return 0;
  close(stepped->wake[0]);
  close(stepped->wake[1]);
  return status;
}

int ca_queue_open(struct ca_stepped *stepped)
{
  int status = reserve(stepped, 1);
  stepped->attended = -1;
  if (status < 0) return status;
  stepped->fd = kqueue();
  if (stepped->fd < 0) {
    status = -errno;
    goto free_events;
  }
  status = fcntl(stepped->fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : open_wake(stepped);
  if (status == 0) return 0;
  close(stepped->fd);
free_events:
  ca_free(stepped->events);
  return status;
}

void ca_queue_close(struct ca_stepped *stepped)
{
  close(stepped->wake[0]);
  close(stepped->wake[1]);
  close(stepped->fd);
  ca_free(stepped->events);
}

#endif
