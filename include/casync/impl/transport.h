/* SPDX-License-Identifier: MIT
 *
 * The complete transport, and the table that a protocol is.
 *
 * Ownership: the memory of a stream is its embedder's and must stay where it is from open() until
 * `released` is called (or abandon() has returned, and with it the call that it was made from); the
 * stream owns its descriptor and the bytes that it keeps.
 */
#ifndef CASYNC_IMPL_TRANSPORT_H
#define CASYNC_IMPL_TRANSPORT_H

#include <stdbool.h>

#include "buffer.h"
#include "handle.h"

struct casync_stream;

/* What a stream calls; each from a handle of the loop, but `pause_writing` from write() and
 * set_limits().  Inside, everything may be done with the stream. */
struct casync_protocol {
  /* connection_made(): first of all, before anything is read. */
  void (*made)(struct casync_stream *stream);
  /* Reading has begun: create_connection() may return.  May be NULL. */
  void (*opened)(struct casync_stream *stream);
  /* data_received(): one or more bytes, which are the protocol's during the call only. */
  void (*data)(struct casync_stream *stream, const char *bytes, size_t size);
  /* Of a BufferedProtocol, else NULL: where the next bytes go, and how many may; 0 ends the
   * reading of this time (the protocol has aborted the stream). */
  size_t (*get_buffer)(struct casync_stream *stream, char **bytes);
  /* `size` bytes have come into that buffer.  Called of the table whose get_buffer() gave it. */
  void (*buffer_updated)(struct casync_stream *stream, size_t size);
  /* eof_received(): false: the stream is to be closed. */
  bool (*eof)(struct casync_stream *stream);
  void (*pause_writing)(struct casync_stream *stream);
  void (*resume_writing)(struct casync_stream *stream);
  /* connection_lost(), once; `error` as in casync_stream_abort().  The descriptor is closed behind
   * it; only `released` comes then. */
  void (*lost)(struct casync_stream *stream, int error);
  /* Last: nothing refers to the stream any more, and it is not touched again. */
  void (*released)(struct casync_stream *stream);
  /* What it is given is used in the next iteration: too much at once would have left the
   * processor's caches by then. */
  bool is_read_later;
};

enum casync_stream_flag {
  CASYNC_STREAM_CLOSING = 1,         /* close() or abort() was called */
  CASYNC_STREAM_LOST = 2,            /* connection_lost() is on its way */
  CASYNC_STREAM_PAUSED = 4,          /* pause_reading() */
  CASYNC_STREAM_EOF_SENT = 8,        /* write_eof() */
  CASYNC_STREAM_WRITING_PAUSED = 16, /* pause_writing() of the protocol was called */
  CASYNC_STREAM_READS = 32,          /* watched for reading */
  CASYNC_STREAM_WRITES = 64          /* watched for writing */
};

struct casync_stream {
  struct casync_loop *loop;
  const struct casync_protocol *protocol;
  struct casync_handle readable, writable; /* watch the descriptor */
  struct casync_handle begin, end;         /* queued once each; made() may give begin another use */
  struct casync_buffer outbox;             /* what the kernel did not take yet */
  size_t high, low;                        /* water marks of the outbox (bytes) */
  int fd;                                  /* -1 after the end */
  int error;                               /* what lost() will tell */
  unsigned lost_writes;
  uint8_t flags; /* enum casync_stream_flag */
};

#endif
