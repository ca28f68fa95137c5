/* SPDX-License-Identifier: MIT
 *
 * The world of a test; see support.h.
 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "drive.h"

#define MOST_DESCRIPTORS 1024

struct kept {
  struct kept *next;
  max_align_t memory[];
};

static int count_descriptors(void)
{
  int count = 0;
  for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* 0 where the system does not say. */
static int list_threads(void)
{
  DIR *folder = opendir("/proc/self/task");
  if (folder == NULL) return 0;
  int count = 0;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static void *do_nothing(void *data)
{
  return data;
}

/* A sanitizer makes a thread of its own with the first one of the program. */
static void start_background(void)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, do_nothing, NULL) == 0) pthread_join(thread, NULL);
}

/* A joined thread may be listed for another moment. */
static int count_threads(int expected)
{
  int count = list_threads();
  for (int i = 0; i < 200 && count > expected; i++) {
    usleep(500);
    count = list_threads();
  }
  return count;
}

static int attend(struct casync_loop *loop, void *data)
{
  struct world *world = data;
  assert_ptr_equal(world_of(loop), world);
  if (world->on_attend != NULL) return world->on_attend(world);
  note(world, "attend");
  return 0;
}

/* Whose step it is, and that it is over. */
static void observe(struct casync_loop *loop, struct casync_handle *handle, void *data)
{
  struct world *world = data;
  note(world, casync_handle_task(handle) != NULL ? "task(" : "(");
  casync_handle_run(loop, handle);
  note(world, ")");
}

static const struct casync_loop_host host = {.attend = attend, .observe = observe};

struct casync_loop *world_add_loop(struct world *world, enum casync_loop_kind kind)
{
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open(&loop, kind, &host, world), 0);
  return loop;
}

struct world *world_new(enum casync_loop_kind kind)
{
  struct world *world = calloc(1, sizeof *world);
  world->loop = drive_open(world, kind, &host);
  return world;
}

int world_open_made(void **state, struct world *(*make)(void))
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start_background);
  int descriptors = count_descriptors(), threads = list_threads();
  struct world *world = make();
  world->descriptors = descriptors;
  world->threads = threads;
  *state = world;
  return 0;
}

static struct world *new_virtual(void)
{
  return world_new(CASYNC_LOOP_VIRTUAL);
}

static struct world *new_owned(void)
{
  return world_new(CASYNC_LOOP_OWNED);
}

int world_open(void **state)
{
  return world_open_made(state, new_virtual);
}

int world_open_owned(void **state)
{
  return world_open_made(state, new_owned);
}

static void free_kept(struct world *world)
{
  while (world->kept != NULL) {
    struct kept *kept = world->kept;
    world->kept = kept->next;
    free(kept);
  }
}

void world_free(struct world *world)
{
  if (world->loop != NULL) casync_loop_free(world->loop);
  drive_close(world);
  free_kept(world);
  free(world);
}

int world_close(void **state)
{
  struct world *world = *state;
  int descriptors = world->descriptors, threads = world->threads;
  ca_alloc_fail_at(0);
  world_free(world);
  descriptors = count_descriptors() - descriptors;
  threads = count_threads(threads) - threads;
  if (descriptors != 0) print_error("%d descriptors are left open\n", descriptors);
  if (threads != 0) print_error("%d threads are left\n", threads);
  return descriptors != 0 || threads != 0 ? -1 : 0;
}

struct world *world_of(const struct casync_loop *loop)
{
  return casync_loop_data(loop);
}

void *keep(struct world *world, size_t size)
{
  struct kept *kept = calloc(1, sizeof *kept + size);
  kept->next = world->kept;
  world->kept = kept;
  return kept->memory;
}

struct casync_future *new_future(struct world *world)
{
  struct casync_future *future = keep(world, sizeof *future);
  casync_future_init(future, world->loop, NULL);
  return future;
}

void note(struct world *world, const char *format, ...)
{
  size_t length = strlen(world->trace);
  size_t room = sizeof world->trace - length;
  const char *space = length > 0 ? " " : "";
  char word[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(word, sizeof word, format, arguments);
  va_end(arguments);
  snprintf(world->trace + length, room, "%s%s", space, word);
}

const char *take_trace(struct world *world)
{
  memcpy(world->taken, world->trace, sizeof world->taken);
  world->trace[0] = '\0';
  return world->taken;
}

void run_out(struct world *world)
{
  assert_int_equal(run_loop(world->loop), CASYNC_EDEADLOCK);
}

void run_turns(struct casync_loop *loop, int n)
{
  for (int i = 0; i < n; i++) {
    casync_loop_stop(loop);
    assert_int_equal(run_loop(loop), 0);
  }
}

static void run_callback(struct casync_loop *loop, struct casync_handle *handle)
{
  struct callback *callback = ca_container_of(handle, struct callback, timer.handle);
  struct world *world = world_of(loop);
  if (handle->flags & CASYNC_HANDLE_CANCELLED) return;
  note(world, "%s", callback->name);
  if (callback->then != NULL) callback->then(world, callback);
}

static const struct casync_handle_type callback_type = {run_callback, NULL};

struct callback *callback_then(struct world *world, const char *name,
                               void (*then)(struct world *world, struct callback *callback),
                               void *data)
{
  struct callback *callback = keep(world, sizeof *callback);
  callback->timer.handle.type = &callback_type;
  callback->name = name;
  callback->then = then;
  callback->data = data;
  return callback;
}

struct callback *callback(struct world *world, const char *name)
{
  return callback_then(world, name, NULL, NULL);
}

void soon(struct world *world, struct callback *callback)
{
  casync_loop_call_soon(world->loop, &callback->timer.handle);
}

void at(struct world *world, double when, struct callback *callback)
{
  assert_int_equal(casync_loop_call_at(world->loop, &callback->timer, when), 0);
}

void then_soon(struct world *world, struct callback *callback)
{
  soon(world, callback->data);
}

void then_cancel_handle(struct world *world, struct callback *callback)
{
  casync_handle_cancel(world->loop, callback->data);
}

void then_complete(struct world *world, struct callback *callback)
{
  (void)world;
  assert_int_equal(casync_future_complete(callback->data, CASYNC_RESULT), 0);
}

void then_cancel_future(struct world *world, struct callback *callback)
{
  note(world, casync_future_cancel(callback->data) ? "true" : "false");
}

void then_stop(struct world *world, struct callback *callback)
{
  (void)callback;
  casync_loop_stop(world->loop);
}

void then_leave(struct world *world, struct callback *callback)
{
  (void)callback;
  casync_loop_leave(world->loop);
}

uint32_t next_random(uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}
