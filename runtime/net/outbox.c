/* SPDX-License-Identifier: MIT
 *
 * What a stream has still to send.  As long as nothing is kept, bytes go straight from the caller
 * to the kernel; only what that does not take is copied.
 */
#include <errno.h>

#include "casync/buffer.h"
#include "net/net.h"

static int keep_from(struct casync_buffer *outbox, const struct iovec *parts, int count,
                     size_t offset)
{
  size_t before = casync_buffer_size(outbox);
  for (int i = 0; i < count; i++) {
    size_t size = parts[i].iov_len;
    if (offset >= size) {
      offset -= size;
      continue;
    }
    int status =
        casync_buffer_append(outbox, (const char *)parts[i].iov_base + offset, size - offset);
    if (status < 0) {
      outbox->end = outbox->start + before;
      return status;
    }
    offset = 0;
  }
  return 0;
}

int ca_outbox_send(struct casync_stream *stream, const struct iovec *parts, int count,
                   bool *sent_some)
{
  ssize_t sent = 0;
  *sent_some = false;
  if (casync_buffer_is_empty(&stream->outbox)) {
    sent = ca_sock_send(stream->fd, parts, count);
    if (sent < 0 && sent != -EAGAIN) return (int)sent;
    if (sent < 0) sent = 0;
    *sent_some = sent > 0;
  }
  return keep_from(&stream->outbox, parts, count, (size_t)sent);
}

int ca_outbox_flush(struct casync_stream *stream)
{
  struct casync_buffer *outbox = &stream->outbox;
  struct iovec all = {casync_buffer_begin(outbox), casync_buffer_size(outbox)};
  ssize_t sent = ca_sock_send(stream->fd, &all, 1);
  if (sent == -EAGAIN) return 0;
  if (sent < 0) return (int)sent;
  casync_buffer_take(outbox, (size_t)sent);
  return 0;
}
