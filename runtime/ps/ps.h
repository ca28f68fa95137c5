/* SPDX-License-Identifier: MIT
 *
 * Private header of ps/: the folders, the socket in them, what is handed over through it.
 */
#ifndef CA_PS_H
#define CA_PS_H

#include <stdbool.h>
#include <sys/types.h>

#include "casync/impl/ps.h"

enum {
  CA_PS_PLACES = 2, /* where this process would listen; the others are for who asks */
  CA_PS_ALL_PLACES = 4,
  CA_PS_PATH = 104 /* the shortest that a system takes for a socket's path */
};

/* place.c: the same as casync_ps_path(), but makes the folder if there is none. */
int ca_ps_make_path(int place, long pid, char *path, size_t size);

/* socket.c: whether the user at the other end of a connection is `own` or root. */
bool ca_ps_is_welcome(int connection, uid_t own);

#endif
