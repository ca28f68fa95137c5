/* SPDX-License-Identifier: MIT
 *
 * Name look-ups: jobs that call getaddrinfo and getnameinfo, which may take as long as they like.
 * A job has its own copies of everything it needs, in one block.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/check.h"
#include "work/work.h"

struct lookup {
  struct casync_job job;
  casync_lookup_listener *listener;
  void *data;
  int code, system;
};

/* getaddrinfo; its texts follow in the same block. */
struct address_lookup {
  struct lookup lookup;
  struct addrinfo hints, *found;
  const char *host, *service;
  bool has_hints;
};

/* getnameinfo */
struct name_lookup {
  struct lookup lookup;
  struct sockaddr_storage address;
  socklen_t size;
  int flags;
  char host[NI_MAXHOST], service[NI_MAXSERV];
};

static void finish(struct lookup *lookup, int code)
{
  lookup->code = code;
  lookup->system = code == EAI_SYSTEM ? errno : 0;
}

/* The result without what was found. */
static struct casync_lookup_result result_of(const struct lookup *lookup)
{
  return (struct casync_lookup_result){.code = lookup->code, .system = lookup->system};
}

static int submit(struct casync_loop *loop, struct lookup *lookup,
                  const struct casync_job_type *type, casync_lookup_listener *listener, void *data,
                  struct casync_job **job)
{
  lookup->job.type = type;
  lookup->listener = listener;
  lookup->data = data;
  int status = casync_work_submit(loop, &lookup->job);
  if (status < 0) ca_free(lookup);
  if (status == 0) *job = &lookup->job;
  return status;
}

/* ---- getaddrinfo ---- */

static struct address_lookup *address_lookup_of(struct casync_job *job)
{
  return ca_container_of(job, struct address_lookup, lookup.job);
}

static void run_address(struct casync_job *job)
{
  struct address_lookup *self = address_lookup_of(job);
  const struct addrinfo *hints = self->has_hints ? &self->hints : NULL;
  finish(&self->lookup, getaddrinfo(self->host, self->service, hints, &self->found));
}

static void on_address(struct casync_loop *loop, struct casync_job *job)
{
  const struct address_lookup *self = address_lookup_of(job);
  struct casync_lookup_result result = result_of(&self->lookup);
  if (result.code == 0) result.addresses = self->found;
  self->lookup.listener(loop, self->lookup.data, &result);
}

static void free_address(struct casync_job *job)
{
  struct address_lookup *self = address_lookup_of(job);
  if (self->found != NULL) freeaddrinfo(self->found);
  ca_free(self);
}

static const struct casync_job_type address_type = {run_address, on_address, free_address};

static size_t size_of(const char *text)
{
  return text != NULL ? strlen(text) + 1 : 0;
}

/* Copies a text to `*room`, which moves on behind it. */
static const char *copy(const char *text, char **room)
{
  size_t size = size_of(text);
  const char *copied = text != NULL ? memcpy(*room, text, size) : NULL;
  *room += size;
  return copied;
}

int casync_lookup_address(struct casync_loop *loop, const char *host, const char *service,
                          const struct addrinfo *hints, casync_lookup_listener *listener,
                          void *data, struct casync_job **job)
{
  struct address_lookup *self = ca_alloc_zero(sizeof *self + size_of(host) + size_of(service));
  if (self == NULL) return CASYNC_EMEMORY;
  char *room = (char *)(self + 1);
  self->host = copy(host, &room);
  self->service = copy(service, &room);
  self->has_hints = hints != NULL;
  if (hints != NULL) self->hints = *hints;
  return submit(loop, &self->lookup, &address_type, listener, data, job);
}

/* ---- getnameinfo ---- */

static struct name_lookup *name_lookup_of(struct casync_job *job)
{
  return ca_container_of(job, struct name_lookup, lookup.job);
}

static void run_name(struct casync_job *job)
{
  struct name_lookup *self = name_lookup_of(job);
  finish(&self->lookup,
         getnameinfo((const struct sockaddr *)&self->address, self->size, self->host,
                     sizeof self->host, self->service, sizeof self->service, self->flags));
}

static void on_name(struct casync_loop *loop, struct casync_job *job)
{
  const struct name_lookup *self = name_lookup_of(job);
  struct casync_lookup_result result = result_of(&self->lookup);
  if (result.code == 0) {
    result.host = self->host;
    result.service = self->service;
  }
  self->lookup.listener(loop, self->lookup.data, &result);
}

static void free_name(struct casync_job *job)
{
  ca_free(name_lookup_of(job));
}

static const struct casync_job_type name_type = {run_name, on_name, free_name};

int casync_lookup_name(struct casync_loop *loop, const struct sockaddr *address, unsigned size,
                       int flags, casync_lookup_listener *listener, void *data,
                       struct casync_job **job)
{
  if (size > sizeof(struct sockaddr_storage)) return -EINVAL;
  struct name_lookup *self = ca_alloc_zero(sizeof *self);
  if (self == NULL) return CASYNC_EMEMORY;
  memcpy(&self->address, address, size);
  self->size = (socklen_t)size;
  self->flags = flags;
  return submit(loop, &self->lookup, &name_type, listener, data, job);
}
