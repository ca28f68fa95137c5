/* SPDX-License-Identifier: MIT
 *
 * Which version this is.
 */
#include "casync.h"

const char *casync_version(void)
{
  return CASYNC_VERSION;
}

int casync_version_num(void)
{
  return CASYNC_VERSION_NUM;
}
