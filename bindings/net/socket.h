/* SPDX-License-Identifier: MIT
 *
 * Private header of the socket classes: sockets that are not transports yet, or show a transport's.
 *
 * Ownership
 *   - A Socket owns its descriptor until it is closed, collected, or the descriptor is detached
 *     (when a transport takes it).
 *   - A TransportSocket looks at the descriptor of somebody else, whom it keeps alive.
 *   - A Listener keeps its Socket; the loop holds it while it listens.
 */
#ifndef CAL_SOCKET_H
#define CAL_SOCKET_H

#include "casync/impl/sock.h"
#include "net.h"

/* The start of both kinds of sockets. */
struct cal_any_socket {
  struct cal_object object;
  const int *fd; /* its number, -1 when it is closed */
  int family, type, proto;
};

struct cal_socket {
  struct cal_any_socket any; /* fd: the one below */
  int fd;
  struct casync_connect connect; /* under way while its task is set */
};

enum cal_socket_view_value { CAL_SOCKET_VIEW_OWNER = 1 };

struct cal_socket_view {
  struct cal_any_socket any; /* fd: in the owner */
};

enum cal_listener_value { CAL_LISTENER_SOCKET = 1, CAL_LISTENER_CALLBACK, CAL_LISTENER_CONTEXT };

struct cal_listener {
  struct cal_object object;
  struct casync_listener listener;
  struct cal_loop *loop;
  uint32_t slot; /* in the held array; 0: it does not listen */
};

/* ---- net/socket.c ---- */

/* The Socket at `index`, which is open; raises OSError if it is not. */
struct cal_socket *cal_check_socket(lua_State *L, int index);
/* Pushes a Socket without a descriptor; cal_socket_own() gives it one. */
struct cal_socket *cal_socket_new(lua_State *L);
void cal_socket_own(struct cal_socket *socket, int fd);

#endif
