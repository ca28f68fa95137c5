/* SPDX-License-Identifier: MIT
 *
 * "C libev timers only": call_later with nothing but libev. Prints one line,
 * as every program here does.
 *
 *     timers COUNT SECONDS [bare]
 *
 * Starts COUNT timers due within SECONDS and runs them, one allocation a
 * timer, as any call_later needs that hands out a handle. The bare loop makes
 * the same calls, but allocates in front of the loop that starts the timers.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "delays.h"

static long fired;

static double cpu_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
  (void)ev;
  (void)events;
  fired++;
  free(w);
}

int main(int argc, char **argv)
{
  long n = argc > 1 ? atol(argv[1]) : 100000;
  double seconds = argc > 2 ? atof(argv[2]) : 0.01;
  int bare = argc > 3;
  struct ev_loop *ev = ev_default_loop(0);
  unsigned seed = DELAYS_SEED;
  double start = cpu_ns();
  ev_timer **timers = bare ? malloc((size_t)n * sizeof *timers) : NULL;
  for (long i = 0; bare && i < n; i++) timers[i] = malloc(sizeof **timers);
  for (long i = 0; i < n; i++) {
    ev_timer *w = bare ? timers[i] : malloc(sizeof *w);
    ev_timer_init(w, on_timer, delays_next(&seed) * seconds, 0.);
    ev_timer_start(ev, w);
  }
  ev_run(ev, 0);
  double ns = (cpu_ns() - start) / (double)n;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  if (fired != n) return 1;
  printf("ns_per_op=%.1f ops=%ld rss_kb=%ld\n", ns, n, usage.ru_maxrss);
  return 0;
}
