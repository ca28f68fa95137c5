/* SPDX-License-Identifier: MIT
 *
 * Texts of error codes.
 */
#include <string.h>

#include "casync/base.h"

const char *casync_strerror(int code)
{
  switch ((enum casync_error)code) {
  case CASYNC_OK: return "no error";
  case CASYNC_EMEMORY: return "not enough memory";
  case CASYNC_ECLOSED: return "the event loop is closed";
  case CASYNC_ERUNNING: return "the event loop is running";
  case CASYNC_ESTATE: return "the object's state does not allow this";
  case CASYNC_ELEFT: return "the event loop was left";
  case CASYNC_EDEADLOCK: return "nothing is ready and no timer is left";
  case CASYNC_EBUSY: return "the resource is in use";
  case CASYNC_EHOST: return "an error of the embedder's";
  case CASYNC_EATTACHED: return "the event loop is driven by another one";
  case CASYNC_ERAISED: return "a Lua error was raised";
  case CASYNC_ETHREAD: return "called in another thread than the event loop's";
  }
  return strerror(-code);
}
