/* SPDX-License-Identifier: MIT
 *
 * The folders of the sockets.  They are the user's alone: one that belongs to somebody else, that
 * others may write to, or that is a symbolic link is not used, whoever made it.
 */
#include "ps/ps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder_of(const char *name)
{
  const char *folder = getenv(name);
  return folder != NULL && folder[0] == '/' ? folder : NULL;
}

/* Writes the folder's path: its length, or a negative code. */
static int write_folder(int place, char *path, size_t size)
{
  const char *runtime = folder_of("XDG_RUNTIME_DIR"), *temporary = folder_of("TMPDIR");
  unsigned long user = (unsigned long)geteuid();
  int length = -1;
  if (place < 0 || place >= CA_PS_ALL_PLACES) return -EINVAL;
  if (place == 0 && runtime == NULL) return -ENOENT;
  if (temporary == NULL || place == 3) temporary = "/tmp";
  if (place == 0) length = snprintf(path, size, "%s/casync", runtime);
  if (place == 2) length = snprintf(path, size, "/run/user/%lu/casync", user);
  if (place % 2 == 1) length = snprintf(path, size, "%s/casync-%lu", temporary, user);
  return length > 0 && (size_t)length < size ? length : -ENAMETOOLONG;
}

static int check_folder(const char *path)
{
  struct stat info;
  if (lstat(path, &info) < 0) return -errno;
  bool is_ours = S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 077) == 0;
  return is_ours ? 0 : -EACCES;
}

static int write_path(int place, long pid, char *path, size_t size, bool is_made)
{
  int length = write_folder(place, path, size);
  if (length < 0) return length;
  if (is_made && mkdir(path, 0700) < 0 && errno != EEXIST) return -errno;
  int status = check_folder(path);
  if (status < 0) return status;
  size_t rest = size - (size_t)length;
  int n = snprintf(path + length, rest, "/%ld", pid);
  return n > 0 && (size_t)n < rest ? 0 : -ENAMETOOLONG;
}

int casync_ps_path(int place, long pid, char *path, size_t size)
{
  return write_path(place, pid, path, size, false);
}

int ca_ps_make_path(int place, long pid, char *path, size_t size)
{
  return write_path(place, pid, path, size, true);
}
