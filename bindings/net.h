/* SPDX-License-Identifier: MIT
 *
 * The third part of the bindings' private header: what net/ and its users share.  Bytes are Lua
 * strings; an asyncio.Buffer is taken wherever a string of bytes is.
 */
#ifndef CAL_NET_H
#define CAL_NET_H

#include "bind.h"
#include "casync/impl/transport.h"
#include "casync/transport.h"

struct addrinfo;
struct sockaddr;
struct cal_reader;
struct sockaddr_storage;

/* ---- addresses (net/address.c) ---- */

/* Pushes an address as the API has it: {host, port}, also by these names, with flowinfo and
 * scope_id for IPv6; a path for Unix sockets; nil for anything else. */
void cal_push_address(lua_State *L, const struct sockaddr *address, size_t size);

/* ---- transports (net/transport.c, net/protocol.c) ---- */

enum cal_transport_value {
  CAL_TRANSPORT_PROTOCOL = 1,
  CAL_TRANSPORT_TARGET, /* where the bytes go: a StreamReader, or the Buffer of get_buffer() */
  CAL_TRANSPORT_SERVER, /* who is told that the connection has ended */
  CAL_TRANSPORT_WRITER, /* of the task that handles the connection, until that has ended */
  CAL_TRANSPORT_EXTRA,  /* table of rare things: extra info by name, enum cal_transport_extra */
  CAL_TRANSPORT_VALUES = CAL_TRANSPORT_EXTRA
};

/* Places in that table. */
enum cal_transport_extra {
  CAL_TRANSPORT_ERROR = 1, /* the error of a protocol that ends the connection */
  CAL_TRANSPORT_WAITER,    /* the future of create_connection() */
  CAL_TRANSPORT_CONTEXT    /* where the protocol's methods run, if not in the empty one */
};

struct cal_transport {
  struct cal_object object;
  struct casync_stream stream;
  struct cal_loop *loop;     /* NULL after the end */
  struct cal_reader *reader; /* at user value TARGET, if that is one */
  uint32_t slot;             /* in the held array; 0: it has ended */
  bool is_handled;           /* stream.begin waits for the task that handles the connection */
  bool has_extra;
  bool is_accepted;                  /* a Server counts it */
  unsigned char peer_size, own_size; /* bytes of the names; 0: unknown */
  char names[];                      /* of the peer and its own, as they were when it opened */
};

struct cal_transport *cal_test_transport(lua_State *L, int index);
static inline struct cal_transport *cal_transport_of(const struct casync_stream *stream)
{
  return (struct cal_transport *)(void *)((char *)stream - offsetof(struct cal_transport, stream));
}
/* Pushes the extra table of the Transport at `index`, made if need be. */
void cal_transport_push_extra(lua_State *L, int index);
/* The table for the protocol at user value PROTOCOL of the Transport at `index`. */
const struct casync_protocol *cal_protocol_table(lua_State *L, int index);
/* write() of the transport at `index`: the bytes at `bytes`. */
void cal_transport_write(lua_State *L, struct cal_transport *transport, int bytes);
/* The loop goes: the Transport ends without calling anybody. */
void cal_transport_abandon(lua_State *L, struct cal_transport *transport);
void cal_open_transport(lua_State *L);
/* Runs `function` protected, outside of any task, in the transport's context.  Its arguments are
 * the Transport and two light userdata.  The Transport stays on the stack, below the error. */
int cal_transport_run(lua_State *L, struct cal_transport *transport, lua_CFunction function,
                      void *a, const void *b);
/* The loop holds the Transport at `index` no longer. */
void cal_transport_let_go(lua_State *L, int index, struct cal_transport *transport);
/* core.handle_connection (net/handler.c) */
int cal_handle_connection(lua_State *L);

/* ---- sockets that are not transports (net/socket.h) ---- */

struct cal_listener;

void cal_listener_abandon(struct cal_listener *listener); /* its loop goes */
void cal_open_socket(lua_State *L);
void cal_open_connect(lua_State *L);
void cal_open_listener(lua_State *L);

/* ---- bytes (net/buffer.c) ---- */

/* User value of a Buffer: the block that its bytes are in, shared with its views.  Blocks never
 * move and live as long as any Buffer that looks into them. */
enum cal_buffer_value {
  CAL_BUFFER_BLOCK = 1,
  CAL_BUFFER_FIELDS,
  CAL_BUFFER_VALUES = CAL_BUFFER_FIELDS
};

struct cal_buffer {
  struct cal_object object;
  char *bytes; /* in the block; NULL before init */
  size_t size;
};

struct cal_buffer *cal_test_buffer(lua_State *L, int index);
/* The bytes of the string or Buffer at `index`, good while it is alive (those of a Buffer may
 * change); raises TypeError for anything else, numbers included. */
const char *cal_bytes_at(lua_State *L, int index, size_t *size);
/* The bytes of the Buffer at `index`, to be filled; raises TypeError for anything else. */
char *cal_buffer_writable(lua_State *L, int index, size_t *size);
void cal_open_buffer(lua_State *L);

/* ---- what getaddrinfo tells (net/address_info.c) ---- */

/* Fills `address` from the table at `index` and returns its size.  Its host must be numeric and, if
 * `family` is not AF_UNSPEC, of that family: else gaierror.  TypeError and ValueError for the rest.
 */
size_t cal_check_address(lua_State *L, int index, int family, struct sockaddr_storage *address);
/* Pushes what getaddrinfo tells of one address, {family, type, proto, canonname, sockaddr}, all of
 * them also as fields. */
void cal_push_address_info(lua_State *L, const struct addrinfo *info);
/* The int at `index`; `missing` if there is none. */
int cal_optional_int(lua_State *L, int index, int missing);
/* Pushes the error of a look-up: gaierror, or OSError if the code is EAI_SYSTEM. */
void cal_push_lookup_error(lua_State *L, int code, int system);
void cal_open_address_info(lua_State *L);

/* ---- look-ups (net/resolver.c) ---- */

/* User value of a Lookup: the Future that waits for it. */
enum cal_lookup_value { CAL_LOOKUP_FUTURE = 1, CAL_LOOKUP_VALUES = CAL_LOOKUP_FUTURE };

/* A look-up under way, in the held array until it is over.  Lua never sees it. */
struct cal_lookup {
  struct cal_object object;
  struct casync_handle watch; /* waits for the Future: somebody else may complete it */
  struct cal_loop *loop;
  struct casync_job *job; /* NULL: over */
  uint32_t slot;
};

/* Its loop closes. */
void cal_lookup_abandon(struct cal_lookup *lookup);
void cal_open_resolver(lua_State *L);

void cal_open_constants(lua_State *L); /* net/constants.c */

#endif
