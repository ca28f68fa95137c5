/* SPDX-License-Identifier: MIT
 *
 * The process's socket: it is the process's, not a loop's, and so is the only thing here that has
 * to know of forks and of the exit.  What is at its path belongs to this process or to one that is
 * dead, since the path ends with the process's number.
 */
#include "ps/ps.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "casync/sock.h"
#include "casync/impl/sock.h"

/* Who asks while the process is busy waits here; more are told at once that it is. */
enum { BACKLOG = 16 };

/* A global of the process, as what it stands for is. */
static struct {
  pthread_mutex_t lock;
  int fd; /* while there are users */
  int users;
  pid_t pid; /* whose it is */
  bool is_removed_at_exit;
  char path[CA_PS_PATH];
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- opening and removing ---- */

/* The socket has a name and nobody listens yet: only this user may connect, whatever the umask. */
static int listen_at(int fd, const char *path)
{
  struct casync_address address;
  int status = casync_address_set_path(&address, path, strlen(path));
  if (status < 0) return status;
  unlink(path); /* of a dead process that had our number */
  status = casync_sock_bind(fd, &address);
  if (status < 0) return status;
  status = casync_sock_listen(fd, BACKLOG);
  if (status < 0) unlink(path);
  return status;
}

/* The first place that can be used: a socket that listens, or -errno of the last one. */
static int open_socket(void)
{
  int fd = casync_sock_open(AF_UNIX, SOCK_STREAM, 0), status = -ENOENT;
  if (fd < 0) return fd;
  for (int place = 0; place < CA_PS_PLACES; place++) {
    status = ca_ps_make_path(place, getpid(), own.path, sizeof own.path);
    if (status == 0) status = listen_at(fd, own.path);
    if (status == 0) return fd;
  }
  casync_sock_close(fd);
  return status;
}

static void remove_at_exit(void)
{
  if (own.users > 0 && own.pid == getpid()) unlink(own.path);
}

static int open_own(void)
{
  int fd = open_socket();
  if (fd < 0) return fd;
  own.fd = fd;
  own.users = 1;
  own.pid = getpid();
  if (!own.is_removed_at_exit) own.is_removed_at_exit = atexit(remove_at_exit) == 0;
  return fd;
}

/* In a child, what the parent had is left as it is: loops that came along may still watch it. */
int casync_ps_open(void)
{
  pthread_mutex_lock(&own.lock);
  bool is_open = own.users > 0 && own.pid == getpid();
  if (is_open) own.users++;
  int fd = is_open ? own.fd : open_own();
  pthread_mutex_unlock(&own.lock);
  return fd;
}

void casync_ps_close(void)
{
  pthread_mutex_lock(&own.lock);
  bool is_ours = own.users > 0 && own.pid == getpid();
  if (is_ours && --own.users == 0) {
    unlink(own.path);
    casync_sock_close(own.fd);
  }
  pthread_mutex_unlock(&own.lock);
}

/* ---- who asks ---- */

#ifdef __linux__

static bool get_peer(int connection, uid_t *user)
{
  struct ucred peer;
  unsigned size = sizeof peer;
  if (casync_sock_get_option(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  *user = peer.uid;
  return true;
}

#else

static bool get_peer(int connection, uid_t *user)
{
  gid_t group;
  return getpeereid(connection, user, &group) == 0;
}

#endif

bool ca_ps_is_welcome(int connection, uid_t own_user)
{
  uid_t user;
  return get_peer(connection, &user) && (user == own_user || user == 0);
}

int casync_ps_accept(void)
{
  int connection = -EAGAIN;
  pthread_mutex_lock(&own.lock);
  if (own.users > 0 && own.pid == getpid()) connection = casync_sock_accept(own.fd, NULL);
  pthread_mutex_unlock(&own.lock);
  if (connection < 0 || ca_ps_is_welcome(connection, geteuid())) return connection;
  casync_sock_close(connection);
  return -EPERM;
}
