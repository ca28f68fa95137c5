/* SPDX-License-Identifier: MIT
 *
 * Signals: one table for the process, since a signal's disposition belongs to the process.  libev's
 * ev_signal is not used: it aborts when two loops share a signal and never gives a foreign handler
 * back.
 *
 * A signal is owned by one loop at a time.  The handler counts it, asks the loop for its host's
 * attention and wakes it; nothing else happens in signal context, but what `notify` does.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/check.h"
#include "poll/poll.h"

struct ca_signal {
  struct casync_loop *loop; /* owner; NULL = free.  Atomic: handlers read it */
  int count;                /* atomic */
  int handlers;             /* atomic: handlers that run now; giving back waits for them */
  void (*volatile notify)(void *data);
  void *volatile data;
  struct sigaction former;
};

/* The one global of the process; `lock` guards taking and giving back. */
static struct ca_signal signals[NSIG];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct casync_loop *owner_of(int number)
{
  return __atomic_load_n(&signals[number].loop, __ATOMIC_SEQ_CST);
}

static void set_owner(int number, struct casync_loop *loop)
{
  __atomic_store_n(&signals[number].loop, loop, __ATOMIC_SEQ_CST);
}

static bool is_valid(int number)
{
  return number >= 1 && number < NSIG;
}

static void on_signal(int number)
{
  int saved = errno;
  struct ca_signal *signal = &signals[number];
  __atomic_fetch_add(&signal->handlers, 1, __ATOMIC_SEQ_CST);
  struct casync_loop *loop = owner_of(number);
  __atomic_fetch_add(&signal->count, 1, __ATOMIC_RELAXED);
  if (signal->notify != NULL) signal->notify(signal->data);
  if (loop != NULL) {
    casync_loop_attend(loop);
    casync_loop_wake(loop);
  }
  __atomic_fetch_sub(&signal->handlers, 1, __ATOMIC_SEQ_CST);
  errno = saved;
}

static int take_over(struct casync_loop *loop, int number)
{
  struct ca_signal *signal = &signals[number];
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  if (owner_of(number) != NULL) return owner_of(number) == loop ? 0 : CASYNC_EBUSY;
  sigemptyset(&action.sa_mask);
  __atomic_store_n(&signal->count, 0, __ATOMIC_RELAXED);
  signal->notify = NULL;
  set_owner(number, loop);
  if (sigaction(number, &action, &signal->former) == 0) return 0;
  int status = -errno;
  set_owner(number, NULL);
  return status;
}

/* Afterwards no handler, in whatever thread, refers to the loop or to the notification's data. */
static void give_back(int number)
{
  struct ca_signal *signal = &signals[number];
  sigaction(number, &signal->former, NULL);
  signal->notify = NULL;
  set_owner(number, NULL);
  while (__atomic_load_n(&signal->handlers, __ATOMIC_SEQ_CST) != 0) sched_yield();
}

int casync_signal_watch(struct casync_loop *loop, int number)
{
  if (!is_valid(number)) return -EINVAL;
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  pthread_mutex_lock(&lock);
  int status = take_over(loop, number);
  pthread_mutex_unlock(&lock);
  return status;
}

bool casync_signal_unwatch(struct casync_loop *loop, int number)
{
  if (!is_valid(number)) return false;
  pthread_mutex_lock(&lock);
  bool owned = owner_of(number) == loop;
  if (owned) give_back(number);
  pthread_mutex_unlock(&lock);
  return owned;
}

int casync_signal_take(struct casync_loop *loop, int number)
{
  if (!is_valid(number) || owner_of(number) != loop) return 0;
  return __atomic_exchange_n(&signals[number].count, 0, __ATOMIC_RELAXED);
}

void casync_signal_notify(struct casync_loop *loop, int number, void (*notify)(void *data),
                          void *data)
{
  if (!is_valid(number) || owner_of(number) != loop) return;
  struct ca_signal *signal = &signals[number];
  signal->notify = NULL;
  signal->data = data;
  signal->notify = notify;
}

void ca_signals_close(struct casync_loop *loop)
{
  for (int number = 1; number < NSIG; number++)
    if (owner_of(number) == loop) casync_signal_unwatch(loop, number);
}
