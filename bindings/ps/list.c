/* SPDX-License-Identifier: MIT
 *
 * The Lua states of the process that answer, and how one that is asked gets the others to answer as
 * well: by an attention of their loops; by SIGURG, if they do not come back to their loops.
 *
 * The handler of that signal reads the list without its lock.  Whoever takes something away that it
 * may look at waits until no handler runs.
 */
#include "ps/states.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "casync/impl/ps.h"
#include "casync/sock.h"

static struct {
  pthread_mutex_t lock;
  struct cal_ps *first; /* atomic */
  int handlers;         /* atomic: how many run now */
  bool has_signal;
} list = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct cal_ps *first(void)
{
  return __atomic_load_n(&list.first, __ATOMIC_SEQ_CST);
}

static struct cal_ps *next_of(const struct cal_ps *ps)
{
  return __atomic_load_n(&ps->next, __ATOMIC_SEQ_CST);
}

static void await_handlers(void)
{
  while (__atomic_load_n(&list.handlers, __ATOMIC_SEQ_CST) != 0) sched_yield();
}

/* ---- the signal ---- */

static bool is_running(const struct cal_ps *ps)
{
  return __atomic_load_n(&ps->is_running, __ATOMIC_SEQ_CST) != 0;
}

/* In the thread that runs the code: lua_sethook() may be called in a signal handler then. */
static void interrupt(struct cal_ps *ps)
{
  int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  lua_State *innermost = *ps->innermost;
  if (innermost == NULL || lua_gethook(innermost) == cal_ps_on_busy) return;
  ps->hook = lua_gethook(innermost);
  ps->hook_mask = lua_gethookmask(innermost);
  ps->hook_count = lua_gethookcount(innermost);
  lua_sethook(innermost, cal_ps_on_busy, mask, 1);
}

/* Whether another thread has sent the signal on to this one. */
static bool was_sent_on(void)
{
  bool was = false;
  for (struct cal_ps *ps = first(); ps != NULL; ps = next_of(ps))
    if (is_running(ps) && pthread_equal(ps->thread, pthread_self()))
      was |= __atomic_exchange_n(&ps->is_urged, 0, __ATOMIC_SEQ_CST) != 0;
  return was;
}

/* The signal comes to any thread of the process, which sends it on to those that run loops. */
static void on_urgent(int number)
{
  int saved = errno;
  __atomic_fetch_add(&list.handlers, 1, __ATOMIC_SEQ_CST);
  bool is_mine = was_sent_on();
  for (struct cal_ps *ps = first(); ps != NULL; ps = next_of(ps)) {
    if (!is_running(ps)) continue;
    if (pthread_equal(ps->thread, pthread_self()))
      interrupt(ps);
    else if (!is_mine && __atomic_exchange_n(&ps->is_urged, 1, __ATOMIC_SEQ_CST) == 0)
      pthread_kill(ps->thread, number);
  }
  __atomic_fetch_sub(&list.handlers, 1, __ATOMIC_SEQ_CST);
  errno = saved;
}

static bool signal_is(void (*handler)(int))
{
  struct sigaction action;
  return sigaction(SIGURG, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
         action.sa_handler == handler;
}

static void set_signal(void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGURG, &action, NULL);
}

/* The application's own handler is left alone. */
static void take_signal(void)
{
  list.has_signal = signal_is(SIG_DFL);
  if (list.has_signal) set_signal(on_urgent);
}

static void give_signal_back(void)
{
  if (list.has_signal && signal_is(on_urgent)) set_signal(SIG_DFL);
}

/* ---- who is in the list ---- */

struct cal_ps *cal_ps_join(struct cal_state *state)
{
  struct cal_ps *ps = calloc(1, sizeof *ps);
  if (ps == NULL) return NULL;
  ps->innermost = &state->innermost;
  pthread_mutex_lock(&list.lock);
  if (first() == NULL) take_signal();
  ps->next = first();
  __atomic_store_n(&list.first, ps, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&list.lock);
  return ps;
}

static void drop_asked(struct cal_ps *ps)
{
  while (ps->asked_count > 0) casync_sock_close(ps->asked[--ps->asked_count]);
}

void cal_ps_leave(struct cal_ps *ps)
{
  pthread_mutex_lock(&list.lock);
  struct cal_ps **link = &list.first;
  while (*link != ps) link = &(*link)->next;
  __atomic_store_n(link, ps->next, __ATOMIC_SEQ_CST);
  if (list.first == NULL) give_signal_back();
  drop_asked(ps);
  pthread_mutex_unlock(&list.lock);
  await_handlers();
  free(ps);
}

/* The loop to be told that its state is asked; NULL: nobody would answer. */
static struct casync_loop *loop_of(const struct cal_ps *ps)
{
  return ps->running != NULL ? ps->running : ps->attached;
}

/* There may be another loop to be told now. */
static void pass_on(struct cal_ps *ps)
{
  struct casync_loop *loop = loop_of(ps);
  if (ps->asked_count == 0) return;
  if (loop == NULL) {
    drop_asked(ps);
    return;
  }
  casync_loop_attend(loop);
  casync_loop_wake(loop);
}

void cal_ps_attach(struct cal_ps *ps, struct casync_loop *loop)
{
  pthread_mutex_lock(&list.lock);
  ps->attached = loop;
  pass_on(ps);
  pthread_mutex_unlock(&list.lock);
}

static void set_running(struct cal_ps *ps, struct casync_loop *loop)
{
  ps->running = loop;
  if (loop != NULL) ps->thread = pthread_self();
  pass_on(ps);
  __atomic_store_n(&ps->is_running, loop != NULL, __ATOMIC_SEQ_CST);
}

/* The thread may end once no loop runs in it: nobody sends it a signal then. */
void cal_ps_note_running(const struct cal_state *state)
{
  struct cal_ps *ps = state->ps;
  pthread_mutex_lock(&list.lock);
  set_running(ps, state->running != NULL ? state->running->loop : NULL);
  pthread_mutex_unlock(&list.lock);
  if (state->running == NULL) await_handlers();
}

/* ---- who asks ---- */

static void ask(struct cal_ps *ps, const struct cal_ps *self, int connection)
{
  if (ps->asked_count == CAL_PS_ASKED) return;
  int copy = fcntl(connection, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  ps->asked[ps->asked_count++] = copy;
  if (ps != self) pass_on(ps);
}

/* Each gets a descriptor of its own of the connection, which ends when the last one is closed. */
static void ask_all(const struct cal_ps *self, int connection)
{
  char line[CASYNC_PS_LINE];
  int count = 0;
  for (struct cal_ps *ps = list.first; ps != NULL; ps = ps->next) count += loop_of(ps) != NULL;
  snprintf(line, sizeof line, "casync %s %d", casync_version(), count);
  if (casync_ps_tell(connection, line))
    for (struct cal_ps *ps = list.first; ps != NULL; ps = ps->next)
      if (loop_of(ps) != NULL) ask(ps, self, connection);
  casync_sock_close(connection);
}

/* Failures that say nothing about who asks next. */
static bool is_passing(int status)
{
  return status == -EPERM || status == -ECONNABORTED;
}

int cal_ps_take(struct cal_ps *ps, int *connections)
{
  int connection = 0;
  pthread_mutex_lock(&list.lock);
  for (int i = 0; i < CAL_PS_ASKED && (connection >= 0 || is_passing(connection)); i++) {
    connection = casync_ps_accept();
    if (connection >= 0) ask_all(ps, connection);
  }
  int count = ps->asked_count;
  memcpy(connections, ps->asked, (size_t)count * sizeof *connections);
  ps->asked_count = 0;
  pthread_mutex_unlock(&list.lock);
  bool has_failed = connection < 0 && connection != -EAGAIN && !is_passing(connection);
  return count == 0 && has_failed ? connection : count;
}
