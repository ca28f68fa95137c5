/* SPDX-License-Identifier: MIT
 *
 * Times the life of a process: starts a command COUNT times, one after the
 * other, and prints the median of the wall times and the largest peak RSS.
 *
 *     startup COUNT PROGRAM ARGUMENT…
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double wall_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  int count = argc > 2 ? atoi(argv[1]) : 0;
  if (count < 1) return 2;
  double *ns = calloc((size_t)count, sizeof *ns);
  long rss_kb = 0;
  for (int i = 0; i < count; i++) {
    pid_t pid;
    int status;
    struct rusage usage;
    double start = wall_ns();
    if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0) {
      perror(argv[2]);
      return 1;
    }
    if (wait4(pid, &status, 0, &usage) != pid || status != 0) {
      fprintf(stderr, "%s: status %d\n", argv[2], status);
      return 1;
    }
    ns[i] = wall_ns() - start;
    if (usage.ru_maxrss > rss_kb) rss_kb = usage.ru_maxrss;
  }
  qsort(ns, (size_t)count, sizeof *ns, by_value);
  printf("ns_per_op=%.0f ops=%d rss_kb=%ld\n", ns[count / 2], count, rss_kb);
  free(ns);
  return 0;
}
