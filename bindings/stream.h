/* SPDX-License-Identifier: MIT
 *
 * The fourth part of the bindings' private header: StreamReader, for stream/ and for whoever feeds
 * one.  The class is made on first use, by lua/casync/stream/reader.lua: that file has been loaded
 * before any reader is made, in Lua or by cal_reader_new().
 */
#ifndef CAL_STREAM_H
#define CAL_STREAM_H

#include "bind.h"
#include "casync/impl/buffer.h"

/* ---- readers (stream/reader.c) ---- */

enum cal_reader_value {
  CAL_READER_LOOP = 1,
  CAL_READER_READY, /* what came for a read(n) that waits, as the string it will return */
  CAL_READER_THROWN = CAL_READER_READY,    /* if cal_reader_is_failing(): what its task raises */
  CAL_READER_EXCEPTION,                    /* if `has_exception` */
  CAL_READER_SPARE = CAL_READER_EXCEPTION, /* else: a read to hand out again */
  CAL_READER_TRANSPORT,
  CAL_READER_FIELDS,
  CAL_READER_VALUES = CAL_READER_FIELDS
};

enum { CAL_READER_LIMIT = 65536 }; /* unless told */

/* A task that was woken or cancelled keeps its place until it has come back: another one that
 * begins to wait in between gets the error that it gets at any other time. */
enum cal_reader_wait {
  CAL_READER_WAITS,
  CAL_READER_WOKEN,
  CAL_READER_FAILED,
  CAL_READER_CANCELLED
};

struct cal_read_type;

struct cal_reader {
  struct cal_object object;
  struct casync_buffer buffer; /* empty if there is a CAL_READER_READY */
  size_t limit;                /* 0 before init */
  size_t ready;                /* length of CAL_READER_READY; 0: there is none */
  size_t wanted;               /* what the read(n) that waits can take as it comes; 0: nothing */
  struct casync_task *waiter;  /* the task whose wait is not over; NULL: none */
  const struct cal_read_type *type; /* of that wait */
  uint8_t wait;                     /* enum cal_reader_wait: of that task */
  bool eof, paused;
  bool has_exception, has_transport;
};

/* The reader at `index`, or NULL. */
struct cal_reader *cal_test_reader(lua_State *L, int index);
/* Argument 1, initialized; or an error. */
struct cal_reader *cal_check_reader(lua_State *L);
/* Pushes a new reader for the Loop at `loop`. */
struct cal_reader *cal_reader_new(lua_State *L, int loop, size_t limit);

/* What StreamReaderProtocol calls, on the reader at `index`.  The first may raise, for want of
 * memory or what the transport's pause_reading() raises; the others do not. */
void cal_reader_feed(lua_State *L, int index, const char *bytes, size_t size);
/* The same for the usual case, without Lua: bytes that `stream` has just read, and that pause it
 * if they are too many.  False, and nothing has happened: it is another case. */
bool cal_reader_feed_quickly(struct cal_reader *self, struct casync_stream *stream,
                             const char *bytes, size_t size);
void cal_reader_feed_eof(lua_State *L, int index);
void cal_reader_set_exception(lua_State *L, int index);  /* the error on top (popped) */
bool cal_reader_push_exception(lua_State *L, int index); /* false, and nothing is pushed: none */

static inline bool cal_reader_has_waiter(const struct cal_reader *self)
{
  return self->waiter != NULL && self->wait == CAL_READER_WAITS;
}

/* Whether an exception has woken the task that waits, which has not come back yet. */
static inline bool cal_reader_is_failing(const struct cal_reader *self)
{
  return self->waiter != NULL && self->wait == CAL_READER_FAILED;
}

/* How many bytes can be read at once. */
static inline size_t cal_reader_size(const struct cal_reader *self)
{
  return casync_buffer_size(&self->buffer) + self->ready;
}

/* Whether a paused transport may go on: not more than the limit is left. */
static inline bool cal_reader_may_resume(const struct cal_reader *self)
{
  return self->paused && cal_reader_size(self) <= self->limit;
}

/* Puts everything that the reader at `index` has into its buffer. */
void cal_reader_spill(lua_State *L, int index);
/* Pushes what is ready if that is no more than `size`; else spills it, false. */
bool cal_reader_take_ready(lua_State *L, int index, size_t size);
/* Lets a paused transport go on if not more than the limit is left. */
void cal_reader_maybe_resume(lua_State *L, int index);
/* The same, however much is left: a paused transport brings nothing more. */
void cal_reader_resume(lua_State *L, int index);

/* ---- reading (stream/read.c, until.c, lines.c) ---- */

struct cal_read_type {
  struct cal_native_type native;
  const char *verb; /* the method's name */
  /* Pushes the result, if there is enough.  The reader is at index 1.  `*n`: how many bytes, or
   * what else the method has to remember.  `again`: the task has waited. */
  bool (*attempt)(lua_State *L, struct cal_reader *self, lua_Integer *n, bool again);
  uint8_t more; /* what stands above the reader in its frame from the start: 1, a place for `n`
                 * while it waits; 2, the separators as well */
};

extern const struct cal_read_type cal_readline, cal_readuntil;
bool cal_attempt_readline(lua_State *L, struct cal_reader *self, lua_Integer *how, bool again);
enum { CAL_SEPARATORS = 3 }; /* where a frame of readuntil has them */
bool cal_attempt_readuntil(lua_State *L, struct cal_reader *self, lua_Integer *seen, bool again);

/* Pushes an op for the reader at index 1. */
struct cal_op *cal_read_new(lua_State *L, const struct cal_read_type *type,
                            struct cal_reader *self);

/* The current task waits for more: cal_wait() is to follow.  False: it is driven by hand, and only
 * an op can wait.  Raises if it cannot.  `wanted`: as many bytes may be kept as they come. */
bool cal_reader_wait(lua_State *L, struct cal_state *state, const struct cal_read_type *type,
                     size_t wanted);
/* First in a continuation, instead of cal_come_back(): raises what ended the wait. */
void cal_reader_come_back(lua_State *L, struct cal_state *state, struct cal_reader *self);

CAL_NORETURN void cal_reader_raise(lua_State *L); /* the exception of the reader at index 1 */

/* Pushes up to `size` bytes and takes them out of the reader at index 1; how many they are. */
static inline size_t cal_reader_take(lua_State *L, struct cal_reader *self, size_t size)
{
  size_t there = cal_reader_size(self);
  if (size > there) size = there;
  if (self->ready == 0 || !cal_reader_take_ready(L, 1, size)) {
    lua_pushlstring(L, casync_buffer_begin(&self->buffer), size);
    casync_buffer_take(&self->buffer, size);
  }
  if (cal_reader_may_resume(self)) cal_reader_maybe_resume(L, 1);
  return size;
}

/* Makes an error of class `name` of the `n` arguments on top (popped) and leaves it there. */
void cal_read_error(lua_State *L, const char *name, int n);
/* The end has come: everything in the buffer goes into an IncompleteReadError.  `expected`: 0 if
 * that is not known. */
CAL_NORETURN void cal_raise_incomplete(lua_State *L, struct cal_reader *self, lua_Integer expected);

#define CAL_NOT_FOUND "Separator is not found, and chunk exceed the limit"
#define CAL_TOO_LONG "Separator is found, but chunk is longer than limit"

/* Each adds its methods to the class on top. */
void cal_open_reads(lua_State *L);
void cal_open_until(lua_State *L);
void cal_open_lines(lua_State *L);

void cal_open_reader(lua_State *L);

/* ---- writers (stream/writer.c) ---- */

void cal_open_writer(lua_State *L); /* core.StreamWriter: the native methods */

#endif
