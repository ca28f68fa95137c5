/* SPDX-License-Identifier: MIT
 *
 * The byte-stream transport (asyncio.Transport) and what it calls (asyncio.Protocol).  One
 * transport serves every kind of stream: openers only make descriptors.
 *
 * All functions belong to the loop's thread.  A protocol is never called from within them, but
 * `pause_writing` from write() and set_limits().
 */
#ifndef CASYNC_TRANSPORT_H
#define CASYNC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h> /* struct iovec */

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_loop;
struct casync_stream;
struct casync_protocol;
struct casync_buffer;

/* Makes `stream`, in memory of the caller, a transport over the connected, non-blocking stream
 * socket `fd`, which it owns from now on.  Queues the beginning: connection_made(), then reading
 * begins, then `opened`.  Returns CASYNC_ECLOSED if the loop is closed (`fd` is then the caller's).
 */
CASYNC_API int casync_stream_open(struct casync_stream *stream, struct casync_loop *loop, int fd,
                                  const struct casync_protocol *protocol);

/* Only from within `data`: puts the block that its `size` bytes are in into `buffer`, whose own
 * memory goes, instead of a copy of them. */
CASYNC_API void casync_stream_hand_over(struct casync_stream *stream, struct casync_buffer *buffer,
                                        size_t size);

/* set_protocol(): who is called from now on; nobody is told. */
CASYNC_API void casync_stream_set_protocol(struct casync_stream *stream,
                                           const struct casync_protocol *protocol);

/* write(), writelines(): sends what the kernel takes at once and keeps a copy of the rest; no bytes
 * are ignored.  A failure to send aborts the connection.  Nothing is sent once the connection is
 * lost (see casync_stream_lost_writes()).
 * CASYNC_ESTATE after write_eof(); CASYNC_EMEMORY, after which the connection is aborted if a part
 * had been sent. */
CASYNC_API int casync_stream_write(struct casync_stream *stream, const struct iovec *parts,
                                   int count);

/* write_eof(): shuts the sending half down once everything is sent.  Nothing if it was called
 * before or the stream is closing.  0 or -errno. */
CASYNC_API int casync_stream_write_eof(struct casync_stream *stream);

/* close(): stops reading, sends what is kept; connection_lost(0) comes with a later callback. */
CASYNC_API void casync_stream_close(struct casync_stream *stream);

/* abort(): drops what is kept; connection_lost(error) comes with a later callback.  `error`: 0, a
 * system error, or CASYNC_EHOST for one that the embedder keeps.  Only the first one counts. */
CASYNC_API void casync_stream_abort(struct casync_stream *stream, int error);

/* The loop goes: everything is unlinked and closed, nobody is called any more. */
CASYNC_API void casync_stream_abandon(struct casync_stream *stream);

/* pause_reading(), resume_reading(): nothing if it is so already or the stream is closing. */
CASYNC_API void casync_stream_pause_reading(struct casync_stream *stream);
CASYNC_API void casync_stream_resume_reading(struct casync_stream *stream);

/* is_reading(): neither paused nor closing; true also behind the end of the data. */
CASYNC_API bool casync_stream_is_reading(const struct casync_stream *stream);

/* is_closing(): close() or abort() was called, or the connection was lost. */
CASYNC_API bool casync_stream_is_closing(const struct casync_stream *stream);

/* get_write_buffer_size(): bytes that are kept. */
CASYNC_API size_t casync_stream_write_buffer_size(const struct casync_stream *stream);

/* set_write_buffer_limits(): `pause_writing` when more than `high` bytes are kept (now or later),
 * `resume_writing` when sending has left `low` or fewer; low <= high.  At first 64 and 16 KiB. */
CASYNC_API void casync_stream_set_limits(struct casync_stream *stream, size_t high, size_t low);

/* How many writes came after the connection was lost; they are dropped. */
CASYNC_API unsigned casync_stream_lost_writes(const struct casync_stream *stream);

/* The descriptor, -1 after the end. */
CASYNC_API int casync_stream_fd(const struct casync_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
