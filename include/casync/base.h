/* SPDX-License-Identifier: MIT
 *
 * Error codes and the words that every public header uses.  No loop is known here.
 */
#ifndef CASYNC_BASE_H
#define CASYNC_BASE_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CASYNC_API __attribute__((visibility("default")))
#else
#define CASYNC_API
#endif

/* Functions that can fail return 0 or a negative code.  A failed system call gives `-errno`;
 * the codes below lie outside errno's range. */
enum casync_error {
  CASYNC_OK = 0,
  CASYNC_EMEMORY = -10001,   /* an allocation failed; nothing was changed */
  CASYNC_ECLOSED = -10002,   /* the loop is closed */
  CASYNC_ERUNNING = -10003,  /* the loop is running (already) */
  CASYNC_ESTATE = -10004,    /* the object is in a state that does not allow this */
  CASYNC_ELEFT = -10005,     /* a handle asked the loop to be left at once */
  CASYNC_EDEADLOCK = -10006, /* virtual clock: nothing is ready and no timer is left */
  CASYNC_EBUSY = -10007,     /* somebody else has this resource (a signal, a descriptor) */
  CASYNC_EHOST = -10008,     /* an error of the embedder's, which keeps it */
  CASYNC_EATTACHED = -10009, /* the loop lives in another one, which drives it */
  CASYNC_ERAISED = -10010,   /* a Lua error was raised: it is on top of the stack */
  CASYNC_ETHREAD = -10011    /* called in another thread than the one it belongs to */
};

/* The version that this library was built as, which CASYNC_VERSION and CASYNC_VERSION_NUM of the
 * headers (casync.h) are to be compared with: "0.1.0", and 10000 * major + 100 * minor + patch. */
CASYNC_API const char *casync_version(void);
CASYNC_API int casync_version_num(void);

/* Returns a short English text for `code`, never NULL, valid for the life of the process (for
 * system errors: until the next call in this thread). */
CASYNC_API const char *casync_strerror(int code);

#ifdef __cplusplus
}
#endif
#endif
