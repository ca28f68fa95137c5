/* SPDX-License-Identifier: MIT
 *
 * The other side of "asking a process from outside" (casync/loop.h): the process that is asked.  It
 * has one socket, whichever of its loops, threads and Lua states opened it.
 */
#ifndef CASYNC_IMPL_PS_H
#define CASYNC_IMPL_PS_H

#include "casync/loop.h"

/* The longest line that is told. */
enum { CASYNC_PS_LINE = 256 };

/* Opens the process's socket, or counts one user more of it: its descriptor, to be watched for
 * reading, or -errno.  It is gone when the last user has closed it, at the latest when the process
 * exits; a fork leaves it to the parent, and another call opens the child's own.  Any thread. */
CASYNC_API int casync_ps_open(void);
CASYNC_API void casync_ps_close(void);

/* Who asks: a connection that does not block, or -errno; -EAGAIN if nobody does (any more), -EPERM
 * if somebody did who may not.  Any thread. */
CASYNC_API int casync_ps_accept(void);

/* Tells a line, which is cut to CASYNC_PS_LINE; hands `size` bytes of JSON over.  Neither waits.
 * False: whoever asked is gone, or does not read; hand_over() has then told why, if it can. */
CASYNC_API bool casync_ps_tell(int connection, const char *line);
CASYNC_API bool casync_ps_hand_over(int connection, const char *bytes, size_t size);

#endif
