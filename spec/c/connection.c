/* SPDX-License-Identifier: MIT
 *
 * The connection of a test; see connection.h.
 */
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "net/net.h"

enum { SPELLED = 16, KERNEL_BUFFER = 4096 };

/* ---- the protocol ---- */

static struct connection *of(struct casync_stream *stream)
{
  return ca_container_of(stream, struct connection, stream);
}

static void called(struct casync_stream *stream, enum call call)
{
  struct connection *connection = of(stream);
  connection->calls[call]++;
  if (connection->on[call] != NULL) connection->on[call](connection);
}

static void note_bytes(struct connection *connection, const char *word, const char *bytes,
                       size_t size)
{
  connection->received += size;
  if (size <= SPELLED)
    note(connection->world, "%s:%.*s", word, (int)size, bytes);
  else
    note(connection->world, "%s+%zu", word, size);
}

static void on_made(struct casync_stream *stream)
{
  note(of(stream)->world, "made");
  called(stream, CALL_MADE);
}

static void on_opened(struct casync_stream *stream)
{
  note(of(stream)->world, "opened");
  called(stream, CALL_OPENED);
}

static void on_data(struct casync_stream *stream, const char *bytes, size_t size)
{
  note_bytes(of(stream), "data", bytes, size);
  called(stream, CALL_DATA);
}

static size_t on_get_buffer(struct casync_stream *stream, char **bytes)
{
  struct connection *connection = of(stream);
  note(connection->world, "get");
  called(stream, CALL_GET);
  if (connection->room == 0) casync_stream_abort(stream, CASYNC_EHOST);
  *bytes = connection->buffer;
  return connection->room;
}

static void on_buffer_updated(struct casync_stream *stream, size_t size)
{
  note_bytes(of(stream), "updated", of(stream)->buffer, size);
  called(stream, CALL_UPDATED);
}

static bool on_eof(struct casync_stream *stream)
{
  note(of(stream)->world, "eof");
  called(stream, CALL_EOF);
  return of(stream)->keeps_open;
}

static void on_pause_writing(struct casync_stream *stream)
{
  note(of(stream)->world, "pause");
  called(stream, CALL_PAUSE);
}

static void on_resume_writing(struct casync_stream *stream)
{
  note(of(stream)->world, "resume");
  called(stream, CALL_RESUME);
}

static void on_lost(struct casync_stream *stream, int error)
{
  if (error == 0)
    note(of(stream)->world, "lost");
  else
    note(of(stream)->world, "lost:%s", error == CASYNC_EHOST ? "host" : casync_strerror(error));
  called(stream, CALL_LOST);
}

static void on_released(struct casync_stream *stream)
{
  note(of(stream)->world, "released");
  called(stream, CALL_RELEASED);
}

const struct casync_protocol noting = {
    .made = on_made,
    .opened = on_opened,
    .data = on_data,
    .eof = on_eof,
    .pause_writing = on_pause_writing,
    .resume_writing = on_resume_writing,
    .lost = on_lost,
    .released = on_released,
};

const struct casync_protocol noting_buffered = {
    .made = on_made,
    .opened = on_opened,
    .get_buffer = on_get_buffer,
    .buffer_updated = on_buffer_updated,
    .eof = on_eof,
    .pause_writing = on_pause_writing,
    .resume_writing = on_resume_writing,
    .lost = on_lost,
    .released = on_released,
};

/* ---- fixtures ---- */

static void open_stream(struct connection *connection, const int ends[2],
                        const struct casync_protocol *protocol)
{
  int size = KERNEL_BUFFER;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(fcntl(ends[i], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  }
  connection->far = ends[1];
  assert_int_equal(
      casync_stream_open(&connection->stream, connection->world->loop, ends[0], protocol), 0);
}

static void open_pair(struct connection *connection, const struct casync_protocol *protocol)
{
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  open_stream(connection, ends, protocol);
}

static int open_connection(void **state, const struct casync_protocol *protocol)
{
  world_open(state);
  struct world *world = *state;
  struct connection *connection = keep(world, sizeof *connection);
  connection->world = world;
  connection->room = sizeof connection->buffer;
  open_pair(connection, protocol);
  *state = connection;
  return 0;
}

static int begin(struct connection *connection)
{
  run_turns(connection->world->loop, 1);
  take_trace(connection->world);
  return 0;
}

int connection_open(void **state)
{
  return open_connection(state, &noting);
}

int connection_open_buffered(void **state)
{
  return open_connection(state, &noting_buffered);
}

int connection_begin(void **state)
{
  int status = connection_open(state);
  return status == 0 ? begin(*state) : status;
}

int connection_begin_buffered(void **state)
{
  int status = connection_open_buffered(state);
  return status == 0 ? begin(*state) : status;
}

static void end(struct connection *connection)
{
  casync_stream_abandon(&connection->stream);
  if (connection->far >= 0) far_closes(connection);
}

int connection_close(void **state)
{
  struct connection *connection = *state;
  struct world *world = connection->world;
  ca_alloc_fail_at(0);
  ca_sock_fail_at(0, 0);
  ca_sock_limit(0);
  end(connection);
  *state = world;
  return world_close(state);
}

void connect_again(struct connection *connection, const struct casync_protocol *protocol)
{
  struct world *world = connection->world;
  end(connection);
  take_trace(world);
  *connection = (struct connection){.world = world, .room = sizeof connection->buffer};
  open_pair(connection, protocol);
}

static void open_tcp_pair(int ends[2])
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 1), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
  ends[1] = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(ends[1], (struct sockaddr *)&address, size), 0);
  ends[0] = accept(listener, NULL, NULL);
  assert_true(ends[0] >= 0);
  close(listener);
}

void connect_over_tcp(struct connection *connection)
{
  int ends[2];
  end(connection);
  open_tcp_pair(ends);
  open_stream(connection, ends, &noting);
  begin(connection);
}

/* ---- both ends ---- */

struct iovec part(const char *text)
{
  return (struct iovec){(void *)text, strlen(text)};
}

void write_text(struct connection *connection, const char *text)
{
  struct iovec only = part(text);
  assert_int_equal(casync_stream_write(&connection->stream, &only, 1), 0);
}

void write_many(struct connection *connection, size_t count)
{
  char *bytes = calloc(1, count);
  struct iovec only = {bytes, count};
  int status = casync_stream_write(&connection->stream, &only, 1);
  free(bytes);
  assert_int_equal(status, 0);
}

size_t fill(struct connection *connection)
{
  char block[1024] = {0};
  size_t all = 0;
  ssize_t n;
  while ((n = write(connection->stream.fd, block, sizeof block)) > 0) all += (size_t)n;
  return all;
}

void far_writes(struct connection *connection, const char *text)
{
  assert_int_equal(write(connection->far, text, strlen(text)), strlen(text));
}

size_t far_reads(struct connection *connection)
{
  char bytes[4096];
  size_t all = 0;
  ssize_t n;
  while ((n = read(connection->far, bytes, sizeof bytes)) > 0) all += (size_t)n;
  return all;
}

void far_shuts_down(struct connection *connection)
{
  assert_int_equal(shutdown(connection->far, SHUT_WR), 0);
}

void far_closes(struct connection *connection)
{
  close(connection->far);
  connection->far = -1;
}

void assert_far_reads(struct connection *connection, const char *expected)
{
  char bytes[256];
  ssize_t n = read(connection->far, bytes, sizeof bytes);
  assert_int_equal(n, strlen(expected));
  assert_memory_equal(bytes, expected, strlen(expected));
}

void assert_far_is_at_end(struct connection *connection)
{
  char byte;
  assert_int_equal(read(connection->far, &byte, 1), 0);
}

void drain(struct connection *connection)
{
  for (int i = 0; i < 1000 && casync_stream_write_buffer_size(&connection->stream) > 0; i++) {
    far_reads(connection);
    run_turns(connection->world->loop, 1);
  }
  assert_int_equal(casync_stream_write_buffer_size(&connection->stream), 0);
}

/* ---- things to do ---- */

void do_close(struct connection *connection)
{
  casync_stream_close(&connection->stream);
}

void do_abort(struct connection *connection)
{
  casync_stream_abort(&connection->stream, 0);
}

void do_abandon(struct connection *connection)
{
  casync_stream_abandon(&connection->stream);
}

void do_pause_reading(struct connection *connection)
{
  casync_stream_pause_reading(&connection->stream);
}

void do_resume_reading(struct connection *connection)
{
  casync_stream_resume_reading(&connection->stream);
}

void do_write(struct connection *connection)
{
  struct iovec only = part("w");
  (void)casync_stream_write(&connection->stream, &only, 1);
}

void do_write_eof(struct connection *connection)
{
  (void)casync_stream_write_eof(&connection->stream);
}

void do_set_limits(struct connection *connection)
{
  casync_stream_set_limits(&connection->stream, 0, 0);
}

void do_set_protocol(struct connection *connection)
{
  casync_stream_set_protocol(&connection->stream, &noting);
}
