/* SPDX-License-Identifier: MIT
 *
 * What a Lua state takes of memory, without casync and with it and nothing running:
 *
 *     state COUNT plain|own|guest|stepped
 *
 * Starts itself COUNT times, since where the system puts a program changes what it takes, and
 * prints the medians: `bytes` is the resident set, `ns_per_op` the time of opening.
 */
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_CASYNC
#include <casync/lua.h>
#include <ev.h>
#endif

enum { MOST_STARTS = 1000 };

struct figures {
  double bytes, ns;
};

/* The kernel's exact count; the one of /proc/self/status lags behind. */
static double resident_bytes(void)
{
  static char text[2048];
  int fd = open("/proc/self/smaps_rollup", O_RDONLY);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  const char *line = size > 0 ? strstr(text, "\nRss:") : NULL;
  return line == NULL ? 0 : strtod(line + strlen("\nRss:"), NULL) * 1024;
}

static double now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#ifdef WITH_CASYNC

static int open_casync(lua_State *L, const char *kind)
{
  struct casync_lua_options options = {.size = sizeof options};
  struct casync_lua *host;
  if (strcmp(kind, "plain") == 0) return 0;
  if (strcmp(kind, "stepped") == 0) options.kind = CASYNC_LUA_STEPPED;
  if (strcmp(kind, "guest") == 0) {
    options.kind = CASYNC_LUA_GUEST;
    options.ev = ev_default_loop(0);
  }
  return casync_lua_open(L, &options, &host);
}

#else

static int open_casync(lua_State *L, const char *kind)
{
  (void)L;
  return strcmp(kind, "plain") == 0 ? 0 : -1;
}

#endif

static struct figures measure(const char *kind)
{
  double start = now_ns();
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (open_casync(L, kind) < 0) exit(1);
  double end = now_ns();
  return (struct figures){resident_bytes(), end - start};
}

/* Another start of this program measures and writes its figures into `out`. */
static void start_another(const char *self, const char *kind, int out)
{
  if (dup2(out, STDOUT_FILENO) >= 0) execl(self, self, "0", kind, (char *)NULL);
  _exit(1);
}

static int measure_in_another(const char *self, const char *kind, struct figures *figures)
{
  int ends[2], status;
  if (pipe(ends) != 0) return -1;
  pid_t child = fork();
  if (child == 0) start_another(self, kind, ends[1]);
  close(ends[1]);
  ssize_t size = read(ends[0], figures, sizeof *figures);
  close(ends[0]);
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return -1;
  return size == (ssize_t)sizeof *figures ? 0 : -1;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  static double bytes[MOST_STARTS], ns[MOST_STARTS];
  int count = argc == 3 ? atoi(argv[1]) : -1;
  if (count < 0 || count > MOST_STARTS) return 2;
  if (count == 0) {
    struct figures figures = measure(argv[2]);
    return write(STDOUT_FILENO, &figures, sizeof figures) == (ssize_t)sizeof figures ? 0 : 1;
  }
  for (int i = 0; i < count; i++) {
    struct figures figures;
    if (measure_in_another("/proc/self/exe", argv[2], &figures) < 0) return 1;
    bytes[i] = figures.bytes;
    ns[i] = figures.ns;
  }
  qsort(bytes, (size_t)count, sizeof *bytes, ascending);
  qsort(ns, (size_t)count, sizeof *ns, ascending);
  printf("ns_per_op=%.0f ops=%d rss_kb=%.0f bytes=%.0f\n", ns[count / 2], count,
         bytes[count / 2] / 1024, bytes[count / 2]);
  return 0;
}
