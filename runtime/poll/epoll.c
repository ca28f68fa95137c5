/* SPDX-License-Identifier: MIT
 *
 * What a stepped loop asks on Linux: an epoll, level-triggered, with an eventfd for wakes.  An
 * epoll can itself be polled, also by another epoll.
 *
 * The kernel keeps a closed descriptor for as long as somebody has a copy of it, and goes on
 * reporting it by its number: each entry has a number of its own, so that nobody else gets its
 * events.
 */
#include "poll/poll.h"

#ifdef __linux__

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"

/* Room for events besides those of descriptors: wakes, what the host attends to. */
enum { SPARE = 2 };

struct watched {
  struct ca_watched watched;
  uint32_t generation; /* 0: the queue does not have it */
};

static uint64_t key_of(int fd, uint32_t generation)
{
  return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* What one question may find must have room before it can be found. */
static int reserve(struct ca_stepped *stepped, int count)
{
  if (count <= stepped->capacity) return 0;
  int capacity = count + count / 2 + 16;
  size_t size = ((size_t)capacity + SPARE) * sizeof(struct epoll_event);
  void *events = ca_alloc(stepped->events, size);
  if (events == NULL) return CASYNC_EMEMORY;
  stepped->events = events;
  stepped->capacity = capacity;
  return 0;
}

static int control(const struct ca_stepped *stepped, int operation, int fd,
                   struct epoll_event *event)
{
  return epoll_ctl(stepped->fd, operation, fd, event) < 0 ? -errno : 0;
}

static int forget(const struct ca_stepped *stepped, struct watched *watched)
{
  struct epoll_event event = {0};
  if (watched->generation == 0) return 0;
  watched->generation = 0;
  control(stepped, EPOLL_CTL_DEL, watched->watched.fd, &event); /* it may be closed */
  return 0;
}

/* Another file may have the number of one that was closed. */
static int add_or_change(const struct ca_stepped *stepped, int fd, struct epoll_event *event)
{
  int status = control(stepped, EPOLL_CTL_MOD, fd, event);
  return status == -ENOENT ? control(stepped, EPOLL_CTL_ADD, fd, event) : status;
}

static int set(struct casync_loop *loop, struct ca_watched *base, unsigned wanted)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  struct watched *watched = ca_container_of(base, struct watched, watched);
  struct epoll_event event = {0};
  if (wanted == CA_WANT_NOTHING) return forget(stepped, watched);
  int status = reserve(stepped, stepped->poll.io.count);
  if (status < 0) return status;
  bool is_new = watched->generation == 0;
  if (is_new && ++stepped->generation == 0) stepped->generation = 1;
  uint32_t generation = is_new ? stepped->generation : watched->generation;
  if (wanted & CA_WANT_READ) event.events |= EPOLLIN;
  if (wanted & CA_WANT_WRITE) event.events |= EPOLLOUT;
  event.data.u64 = key_of(base->fd, generation);
  status = add_or_change(stepped, base->fd, &event);
  if (status == 0) watched->generation = generation;
  return status;
}

const struct ca_io_type ca_queue_io = {sizeof(struct watched), set};

static void take_wakes(const struct ca_stepped *stepped)
{
  uint64_t count;
  while (read(stepped->wake[0], &count, sizeof count) < 0 && errno == EINTR) continue;
}

/* Descriptors that no handle watches have the generation 0. */
static bool take_own(struct casync_loop *loop, const struct epoll_event *event)
{
  const struct ca_stepped *stepped = ca_stepped_of(loop);
  if (event->data.u64 == key_of(stepped->wake[0], 0)) {
    take_wakes(stepped);
    return true;
  }
  if (event->data.u64 != key_of(stepped->attended, 0)) return false;
  casync_loop_attend(loop);
  return true;
}

static void take(struct casync_loop *loop, const struct epoll_event *event)
{
  const struct ca_stepped *stepped = ca_stepped_of(loop);
  int fd = (int)(uint32_t)event->data.u64;
  struct ca_watched *base = ca_io_find(&stepped->poll.io, fd);
  unsigned ready = CA_WANT_NOTHING;
  if (take_own(loop, event) || base == NULL) return;
  const struct watched *watched = ca_container_of(base, struct watched, watched);
  if (event->data.u64 != key_of(fd, watched->generation)) return;
  if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) ready |= CA_WANT_READ;
  if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ready |= CA_WANT_WRITE;
  ca_io_found(base, ready);
}

int ca_queue_ask(struct casync_loop *loop)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  struct epoll_event *events = stepped->events;
  int count = epoll_wait(stepped->fd, events, stepped->capacity + SPARE, 0);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  while (count > 0) take(loop, &events[--count]); /* the last one first */
  return 0;
}

void ca_queue_wake(struct casync_loop *loop)
{
  uint64_t one = 1;
  int fd = ca_stepped_of(loop)->wake[1];
  int saved = errno;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR) continue; /* full is as good */
  errno = saved;
}

int ca_queue_attend_on(struct casync_loop *loop, int fd)
{
  struct ca_stepped *stepped = ca_stepped_of(loop);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = key_of(fd, 0)};
  if (stepped->attended >= 0) control(stepped, EPOLL_CTL_DEL, stepped->attended, &event);
  stepped->attended = -1;
  if (fd < 0) return 0;
  int status = control(stepped, EPOLL_CTL_ADD, fd, &event);
  if (status == 0) stepped->attended = fd;
  return status;
}

static int open_wake(struct ca_stepped *stepped)
{
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return -errno;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = key_of(fd, 0)};
  stepped->wake[0] = stepped->wake[1] = fd;
  int status = control(stepped, EPOLL_CTL_ADD, fd, &event);
  if (status < 0) close(fd);
  return status;
}

int ca_queue_open(struct ca_stepped *stepped)
{
  int status = reserve(stepped, 1);
  stepped->attended = -1;
  if (status < 0) return status;
  stepped->fd = epoll_create1(EPOLL_CLOEXEC);
  if (stepped->fd < 0) {
    status = -errno;
    goto free_events;
  }
  status = open_wake(stepped);
  if (status == 0) return 0;
  close(stepped->fd);
free_events:
  ca_free(stepped->events);
  return status;
}

void ca_queue_close(struct ca_stepped *stepped)
{
  close(stepped->wake[0]);
  close(stepped->fd);
  ca_free(stepped->events);
}

#endif
