/* SPDX-License-Identifier: MIT
 *
 * A connection: a stream over one end of a socket pair, with a protocol that notes each call in the
 * world's trace and then acts; the test has the other end (`far`) in its hands.
 *
 * Words of the trace: made opened data:BYTES (data+N when there are many) get updated:BYTES eof
 * pause resume lost lost:ERROR released.
 */
#ifndef SPEC_CONNECTION_H
#define SPEC_CONNECTION_H

#include "casync/impl/transport.h"
#include "support.h"

enum call {
  CALL_MADE,
  CALL_OPENED,
  CALL_DATA,
  CALL_GET,
  CALL_UPDATED,
  CALL_EOF,
  CALL_PAUSE,
  CALL_RESUME,
  CALL_LOST,
  CALL_RELEASED,
  CALLS
};

struct connection {
  struct casync_stream stream;
  struct world *world;
  int far;                                          /* -1: closed */
  void (*on[CALLS])(struct connection *connection); /* what to do inside; NULL: nothing */
  bool keeps_open;                                  /* what eof() answers */
  size_t room;                                      /* of get_buffer()'s buffer, 0: it aborts */
  size_t received;                                  /* bytes, all together */
  int calls[CALLS];                                 /* how often */
  char buffer[64];
};

extern const struct casync_protocol noting, noting_buffered;

/* Fixtures: `*state` is a connection.  `opened`: the stream has not begun yet; `begun`: it has, and
 * the trace is empty.  What is left of it at the end is abandoned. */
int connection_open(void **state);
int connection_open_buffered(void **state);
int connection_begin(void **state);
int connection_begin_buffered(void **state);
int connection_close(void **state);

#define it_opens(test) cmocka_unit_test_setup_teardown(test, connection_open, connection_close)
#define it_streams(test) cmocka_unit_test_setup_teardown(test, connection_begin, connection_close)
#define it_buffers(test) \
  cmocka_unit_test_setup_teardown(test, connection_begin_buffered, connection_close)

/* Abandons what is left and opens another stream; nothing is noted, nothing is done inside calls.
 */
void connect_again(struct connection *connection, const struct casync_protocol *protocol);

/* Replaces the socket pair by a TCP connection over the loopback, and begins again. */
void connect_over_tcp(struct connection *connection);

struct iovec part(const char *text);

/* write() on the stream; the result of write() is checked. */
void write_text(struct connection *connection, const char *text);
void write_many(struct connection *connection, size_t count);

/* Fills the kernel's buffer past the stream, which keeps what is written then.  How much. */
size_t fill(struct connection *connection);

/* The far end writes, reads all that is there (the result: how much), goes away. */
void far_writes(struct connection *connection, const char *text);
size_t far_reads(struct connection *connection);
void far_shuts_down(struct connection *connection);
void far_closes(struct connection *connection);

/* The far end reads exactly this, or the end. */
void assert_far_reads(struct connection *connection, const char *expected);
void assert_far_is_at_end(struct connection *connection);

/* Iterations while the far end reads all that comes, until the stream keeps nothing. */
void drain(struct connection *connection);

/* Things to do inside a call. */
void do_close(struct connection *connection);
void do_abort(struct connection *connection);
void do_abandon(struct connection *connection);
void do_pause_reading(struct connection *connection);
void do_resume_reading(struct connection *connection);
void do_write(struct connection *connection); /* "w" */
void do_write_eof(struct connection *connection);
void do_set_limits(struct connection *connection); /* 0, 0 */
void do_set_protocol(struct connection *connection);

#endif
