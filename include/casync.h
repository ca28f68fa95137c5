/* SPDX-License-Identifier: MIT
 *
 * casync: asyncio's semantics for C and Lua.  Umbrella of the public headers.
 *
 * The runtime knows loops, futures, tasks and operations; it does not know Lua.  Each header says
 * which asyncio name a function mirrors.  Structures whose fields are visible live in
 * casync/impl/ and promise nothing between versions.
 */
#ifndef CASYNC_H
#define CASYNC_H

#define CASYNC_VERSION "0.1.0"
#define CASYNC_VERSION_NUM 100 /* 10000 * major + 100 * minor + patch */

#include "casync/base.h"
#include "casync/buffer.h"
#include "casync/future.h"
#include "casync/gather.h"
#include "casync/loop.h"
#include "casync/op.h"
#include "casync/sock.h"
#include "casync/sync.h"
#include "casync/task.h"
#include "casync/transport.h"
#include "casync/work.h"

#endif
