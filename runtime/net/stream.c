/* SPDX-License-Identifier: MIT
 *
 * The one byte-stream transport: asyncio's _SelectorSocketTransport.  It moves bytes between a
 * descriptor and a protocol, and decides when the connection ends; what bytes mean is not its
 * business.
 *
 *   open() -> [begin: made, reads, opened] -> … -> CLOSING -> LOST -> [end: lost] -> closed
 *
 * CLOSING without LOST: there is still something to send.  `end` is queued exactly once, by whoever
 * sets LOST, or lost() is called right after the last byte was sent.  CLOSING: no reading is
 * watched; LOST: no writing either.
 */
#include "net/net.h"

#include <errno.h>

#include "base/alloc.h"
#include "casync/buffer.h"
#include "base/check.h"
#include "core/core.h"

enum {
  MUCH_A_TURN = 128 * 1024, /* bytes that one iteration reads before it leaves the rest */
  HIGH_WATER = 64 * 1024    /* default of the write buffer */
};

static void finish(struct casync_stream *stream);

/* ---- watching ---- */

/* A handle that is queued still will not run: its run() finds the flag. */
static void unwatch(struct casync_stream *stream, enum casync_direction direction)
{
  bool reads = direction == CASYNC_READ;
  uint8_t flag = reads ? CASYNC_STREAM_READS : CASYNC_STREAM_WRITES;
  struct casync_handle *handle = reads ? &stream->readable : &stream->writable;
  if (!(stream->flags & flag)) return;
  stream->flags &= (uint8_t)~flag;
  casync_loop_unwatch(stream->loop, stream->fd, direction);
  if (handle->flags & CASYNC_HANDLE_QUEUED) handle->flags |= CASYNC_HANDLE_CANCELLED;
}

static void watch(struct casync_stream *stream, enum casync_direction direction)
{
  bool reads = direction == CASYNC_READ;
  uint8_t flag = reads ? CASYNC_STREAM_READS : CASYNC_STREAM_WRITES;
  if (stream->flags & flag) return;
  int status = casync_loop_watch(stream->loop, stream->fd, direction,
                                 reads ? &stream->readable : &stream->writable);
  if (status == 0)
    stream->flags |= flag;
  else
    casync_stream_abort(stream, status);
}

static bool was_unwatched(struct casync_handle *handle)
{
  if (!(handle->flags & CASYNC_HANDLE_CANCELLED)) return false;
  handle->flags &= (uint8_t)~CASYNC_HANDLE_CANCELLED;
  return true;
}

/* ---- reading ---- */

static void on_eof(struct casync_stream *stream)
{
  if (stream->protocol->eof(stream))
    unwatch(stream, CASYNC_READ); /* it may still write */
  else
    casync_stream_close(stream);
}

void casync_stream_hand_over(struct casync_stream *stream, struct casync_buffer *buffer,
                             size_t size)
{
  casync_buffer_clear(buffer);
  struct ca_block *block = stream->loop->scratch;
  *buffer = (struct casync_buffer){block->bytes, 0, size, CA_BLOCK_SIZE, block};
  stream->loop->scratch = NULL; /* the next reading takes another one */
}

/* An iteration that has read much leaves the rest to the next one, after those who wait for it: it
 * is used while the processor's caches still have it. */
static bool has_read_much(struct casync_loop *loop)
{
  if (loop->read_in != loop->iterations) {
    loop->read_in = loop->iterations;
    loop->read = 0;
  }
  return loop->read >= MUCH_A_TURN;
}

static void read_into_scratch(struct casync_stream *stream)
{
  struct ca_block *scratch = ca_loop_scratch(stream->loop);
  if (scratch == NULL) {
    casync_stream_abort(stream, CASYNC_EMEMORY);
    return;
  }
  ssize_t n = ca_sock_recv(stream->fd, scratch->bytes, CA_BLOCK_SIZE);
  if (ca_likely(n > 0)) {
    stream->loop->read += (size_t)n;
    stream->protocol->data(stream, scratch->bytes, (size_t)n);
  } else if (n == 0)
    on_eof(stream);
  else if (n != -EAGAIN)
    casync_stream_abort(stream, (int)n);
}

static void read_into_protocol(struct casync_stream *stream)
{
  /* Whose buffer it is is told, also if get_buffer() sets another protocol. */
  const struct casync_protocol *protocol = stream->protocol;
  char *bytes;
  size_t size = protocol->get_buffer(stream, &bytes);
  if (size == 0) return;
  ssize_t n = ca_sock_recv(stream->fd, bytes, size);
  if (ca_likely(n > 0))
    protocol->buffer_updated(stream, (size_t)n);
  else if (n == 0)
    on_eof(stream);
  else if (n != -EAGAIN)
    casync_stream_abort(stream, (int)n);
}

static void on_readable(struct casync_loop *loop, struct casync_handle *handle)
{
  struct casync_stream *stream = ca_container_of(handle, struct casync_stream, readable);
  if (was_unwatched(handle)) return;
  if (stream->protocol->is_read_later && has_read_much(loop))
    casync_loop_call_soon(loop, handle);
  else if (stream->protocol->get_buffer != NULL)
    read_into_protocol(stream);
  else
    read_into_scratch(stream);
}

/* ---- writing ---- */

static void maybe_pause_protocol(struct casync_stream *stream)
{
  if (stream->flags & CASYNC_STREAM_WRITING_PAUSED) return;
  if (casync_buffer_size(&stream->outbox) <= stream->high) return;
  stream->flags |= CASYNC_STREAM_WRITING_PAUSED;
  stream->protocol->pause_writing(stream);
}

static void maybe_resume_protocol(struct casync_stream *stream)
{
  if (!(stream->flags & CASYNC_STREAM_WRITING_PAUSED)) return;
  if (casync_buffer_size(&stream->outbox) > stream->low) return;
  stream->flags &= (uint8_t)~CASYNC_STREAM_WRITING_PAUSED;
  stream->protocol->resume_writing(stream); /* may write */
}

static void on_all_sent(struct casync_stream *stream)
{
  unwatch(stream, CASYNC_WRITE);
  if (stream->flags & CASYNC_STREAM_CLOSING) {
    stream->flags |= CASYNC_STREAM_LOST;
    finish(stream);
  } else if (stream->flags & CASYNC_STREAM_EOF_SENT) {
    ca_sock_shutdown_writing(stream->fd);
  }
}

static void on_writable(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_stream *stream = ca_container_of(handle, struct casync_stream, writable);
  if (was_unwatched(handle)) return;
  int status = ca_outbox_flush(stream);
  if (status < 0) {
    casync_stream_abort(stream, status);
    return;
  }
  maybe_resume_protocol(stream);
  if (casync_buffer_is_empty(&stream->outbox) && !(stream->flags & CASYNC_STREAM_LOST))
    on_all_sent(stream);
}

static bool is_nothing(const struct iovec *parts, int count)
{
  for (int i = 0; i < count; i++)
    if (parts[i].iov_len > 0) return false;
  return true;
}

int casync_stream_write(struct casync_stream *stream, const struct iovec *parts, int count)
{
  if (stream->flags & CASYNC_STREAM_EOF_SENT) return CASYNC_ESTATE;
  if (is_nothing(parts, count)) return 0;
  if (stream->flags & CASYNC_STREAM_LOST) {
    stream->lost_writes++;
    return 0;
  }
  bool sent_some;
  int status = ca_outbox_send(stream, parts, count, &sent_some);
  if (ca_unlikely(status < 0)) {
    bool is_told = status == CASYNC_EMEMORY && !sent_some;
    if (!is_told) casync_stream_abort(stream, status);
    return status == CASYNC_EMEMORY ? status : 0;
  }
  if (ca_likely(casync_buffer_is_empty(&stream->outbox))) return 0;
  watch(stream, CASYNC_WRITE);
  maybe_pause_protocol(stream);
  return 0;
}

int casync_stream_write_eof(struct casync_stream *stream)
{
  if (stream->flags & (CASYNC_STREAM_CLOSING | CASYNC_STREAM_EOF_SENT)) return 0;
  stream->flags |= CASYNC_STREAM_EOF_SENT;
  return casync_buffer_is_empty(&stream->outbox) ? ca_sock_shutdown_writing(stream->fd) : 0;
}

size_t casync_stream_write_buffer_size(const struct casync_stream *stream)
{
  return casync_buffer_size(&stream->outbox);
}

void casync_stream_set_limits(struct casync_stream *stream, size_t high, size_t low)
{
  stream->high = high;
  stream->low = low;
  if (stream->fd >= 0) maybe_pause_protocol(stream);
}

unsigned casync_stream_lost_writes(const struct casync_stream *stream)
{
  return stream->lost_writes;
}

/* ---- birth ---- */

static void on_begin(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_stream *stream = ca_container_of(handle, struct casync_stream, begin);
  stream->protocol->made(stream);
  /* made() may have paused or closed it, or set another protocol. */
  if (!(stream->flags & (CASYNC_STREAM_CLOSING | CASYNC_STREAM_PAUSED))) watch(stream, CASYNC_READ);
  if (stream->protocol->opened != NULL && stream->fd >= 0) stream->protocol->opened(stream);
}

static void on_end(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  finish(ca_container_of(handle, struct casync_stream, end));
}

static const struct casync_handle_type readable_type = {on_readable, NULL};
static const struct casync_handle_type writable_type = {on_writable, NULL};
static const struct casync_handle_type begin_type = {on_begin, NULL};
static const struct casync_handle_type end_type = {on_end, NULL};

int casync_stream_open(struct casync_stream *stream, struct casync_loop *loop, int fd,
                       const struct casync_protocol *protocol)
{
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  *stream = (struct casync_stream){
      .loop = loop,
      .protocol = protocol,
      .readable.type = &readable_type,
      .writable.type = &writable_type,
      .begin.type = &begin_type,
      .end.type = &end_type,
      .high = HIGH_WATER,
      .low = HIGH_WATER / 4,
      .fd = fd,
  };
  ca_sock_set_nodelay(fd); /* small writes leave at once */
  casync_loop_call_soon(loop, &stream->begin);
  return 0;
}

void casync_stream_set_protocol(struct casync_stream *stream,
                                const struct casync_protocol *protocol)
{
  stream->protocol = protocol;
}

/* ---- death ---- */

static void drop_queued(struct casync_handle *handle)
{
  if (handle->flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(handle);
}

/* Nothing refers to the stream any more, and it refers to nothing. */
static void release(struct casync_stream *stream)
{
  unwatch(stream, CASYNC_READ);
  unwatch(stream, CASYNC_WRITE);
  drop_queued(&stream->readable);
  drop_queued(&stream->writable);
  if (stream->begin.type == &begin_type) drop_queued(&stream->begin); /* else it is not ours */
  drop_queued(&stream->end);
  casync_buffer_clear(&stream->outbox);
  casync_sock_close(stream->fd);
  stream->fd = -1;
}

static void finish(struct casync_stream *stream)
{
  stream->protocol->lost(stream, stream->error);
  if (stream->fd < 0) return; /* abandoned meanwhile */
  release(stream);
  stream->protocol->released(stream);
}

static void lose(struct casync_stream *stream, int error)
{
  stream->flags |= CASYNC_STREAM_LOST;
  stream->error = error;
  unwatch(stream, CASYNC_WRITE);
  casync_loop_call_soon(stream->loop, &stream->end);
}

void casync_stream_close(struct casync_stream *stream)
{
  if (stream->flags & CASYNC_STREAM_CLOSING) return;
  stream->flags |= CASYNC_STREAM_CLOSING;
  unwatch(stream, CASYNC_READ);
  if (casync_buffer_is_empty(&stream->outbox)) lose(stream, 0);
}

void casync_stream_abort(struct casync_stream *stream, int error)
{
  if (stream->flags & CASYNC_STREAM_LOST) return;
  stream->flags |= CASYNC_STREAM_CLOSING;
  casync_buffer_clear(&stream->outbox);
  unwatch(stream, CASYNC_READ);
  lose(stream, error);
}

void casync_stream_abandon(struct casync_stream *stream)
{
  if (stream->fd < 0) return;
  stream->flags |= CASYNC_STREAM_CLOSING | CASYNC_STREAM_LOST;
  release(stream);
}

/* ---- reading, paused and resumed ---- */

void casync_stream_pause_reading(struct casync_stream *stream)
{
  if (stream->flags & (CASYNC_STREAM_CLOSING | CASYNC_STREAM_PAUSED)) return;
  stream->flags |= CASYNC_STREAM_PAUSED;
  unwatch(stream, CASYNC_READ);
}

void casync_stream_resume_reading(struct casync_stream *stream)
{
  if (stream->flags & CASYNC_STREAM_CLOSING) return;
  if (!(stream->flags & CASYNC_STREAM_PAUSED)) return;
  stream->flags &= (uint8_t)~CASYNC_STREAM_PAUSED;
  watch(stream, CASYNC_READ);
}

bool casync_stream_is_reading(const struct casync_stream *stream)
{
  return !(stream->flags & (CASYNC_STREAM_PAUSED | CASYNC_STREAM_CLOSING));
}

bool casync_stream_is_closing(const struct casync_stream *stream)
{
  return (stream->flags & CASYNC_STREAM_CLOSING) != 0;
}

int casync_stream_fd(const struct casync_stream *stream)
{
  return stream->fd;
}
