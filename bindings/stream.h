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
  CAL_READER_EXCEPTION,
  CAL_READER_THROWN, /* what the task raises that an exception has woken */
  CAL_READER_TRANSPORT,
  CAL_READER_FIELDS,
  CAL_READER_VALUES = CAL_READER_FIELDS
};

enum { CAL_READER_LIMIT = 65536 }; /* unless told */

struct cal_reader {
  struct cal_object object;
  struct casync_buffer buffer; /* empty if there is a CAL_READER_READY */
  size_t limit;                /* 0 before init */
  size_t ready;                /* length of CAL_READER_READY; 0: there is none */
  size_t wanted;               /* what the read(n) that waits can take as it comes; 0: nothing */
  struct casync_task *waiter;  /* the task that waits for more */
  struct casync_task *failed;  /* the task that set_exception() has woken */
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
/* The same for the usual case, without Lua; false, and nothing has happened: it is another one. */
bool cal_reader_feed_quickly(struct cal_reader *self, const char *bytes, size_t size);
void cal_reader_feed_eof(lua_State *L, int index);
void cal_reader_set_exception(lua_State *L, int index);  /* the error on top (popped) */
bool cal_reader_push_exception(lua_State *L, int index); /* false, and nothing is pushed: none */

/* How many bytes can be read at once. */
static inline size_t cal_reader_size(const struct cal_reader *self)
{
  return casync_buffer_size(&self->buffer) + self->ready;
}

/* For what reads from the reader at `index`: puts everything there is into the buffer. */
void cal_reader_spill(lua_State *L, int index);
/* Lets a paused transport go on if not more than the limit is left. */
void cal_reader_maybe_resume(lua_State *L, int index);
/* The same, however much is left: a paused transport brings nothing more. */
void cal_reader_resume(lua_State *L, int index);
/* Raises the reader's exception, if it has one. */
void cal_reader_raise(lua_State *L, int index);
/* Pushes up to `size` bytes and takes them out; how many they are. */
size_t cal_reader_take(lua_State *L, int index, size_t size);

/* ---- waiting for data (stream/read.c) ---- */

struct cal_read_type {
  struct cal_native_type native;
  const char *verb; /* the method's name */
  /* With the op at 1 and the reader on top: pushes the result, if there is enough; else 0, with
   * the reader on top.  `again`: the task has waited. */
  int (*attempt)(lua_State *L, struct cal_op *op, bool again);
};

extern const struct cal_read_type cal_readline;
extern const luaL_Reg cal_read_methods[];

/* The current task waits for more: cal_wait() is to follow.  False: it is driven by hand, and only
 * an op can wait.  Raises if it cannot.  `wanted`: as many bytes may be kept as they come. */
bool cal_reader_wait(lua_State *L, struct cal_state *state, int index,
                     const struct cal_read_type *type, size_t wanted);
/* First in a continuation, instead of cal_come_back(): raises what ended the wait. */
void cal_reader_come_back(lua_State *L, struct cal_state *state, struct cal_reader *self);

/* How a line is wanted. */
enum cal_line_flag {
  CAL_LINE_WITH_END = 1,   /* with its newline */
  CAL_LINE_NIL_AT_END = 2, /* nil instead of an empty string */
  CAL_LINE_OFFSET = 4      /* times this: how many bytes have been looked through */
};

/* readline() on the reader at `index`, as cal_read_type.attempt.  `*how` are the flags, and the
 * offset when the task has waited. */
int cal_attempt_line(lua_State *L, int index, lua_Integer *how, bool again);

/* ---- the iterator (stream/lines.c) ---- */

void cal_open_lines(lua_State *L); /* adds to the class on top */

void cal_open_reader(lua_State *L);

/* ---- writers (stream/writer.c) ---- */

void cal_open_writer(lua_State *L); /* core.StreamWriter: the native methods */

#endif
