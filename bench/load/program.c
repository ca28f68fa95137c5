/* SPDX-License-Identifier: MIT
 *
 * The program under load: starting it on our core, its CPU time and memory,
 * its port.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, RETRY_MS = 5 };

double wall_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void load_fail(struct program *p, const char *message)
{
  int error = errno;
  if (p->pid > 0) program_kill(p);
  fprintf(stderr, "load: %s%s%s\n", message, error ? ": " : "", error ? strerror(error) : "");
  exit(1);
}

void load_settle(void)
{
  cpu_set_t all, one;
  int last = -1;
  if (sched_getaffinity(0, sizeof all, &all) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &all)) last = cpu;
  if (last >= 0) {
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_BATCH, &none);
}

static void put_port(struct program *p)
{
  static char digits[16];
  snprintf(digits, sizeof digits, "%d", p->port);
  for (char **word = p->argv; *word != NULL; word++)
    if (strcmp(*word, "PORT") == 0) *word = digits;
}

void program_start(struct program *p, int is_server)
{
  pid_t load = getpid();
  put_port(p);
  p->pid = fork();
  if (p->pid < 0) load_fail(p, "fork");
  if (p->pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != load) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  if (is_server) dup2(2, 1);
  execvp(p->argv[0], p->argv);
  perror(p->argv[0]);
  _exit(127);
}

static double schedstat_ns(const char *path)
{
  double ns = 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%lf", &ns) != 1) ns = 0;
  fclose(file);
  return ns;
}

double program_cpu_ns(struct program *p)
{
  char path[64 + 256];
  double ns = 0;
  snprintf(path, sizeof path, "/proc/%d/task", (int)p->pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)p->pid, entry->d_name);
    ns += schedstat_ns(path);
  }
  closedir(tasks);
  return ns;
}

/* The number behind `field` in a file of /proc/PID. */
static long proc_kb(struct program *p, const char *name, const char *field)
{
  char path[64], line[256];
  long kb = 0;
  size_t length = strlen(field);
  snprintf(path, sizeof path, "/proc/%d/%s", (int)p->pid, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, field, length) == 0) kb = atol(line + length);
  fclose(file);
  return kb;
}

/* status counts per core and is off by some pages; smaps_rollup is exact. */
long program_rss_kb(struct program *p)
{
  return proc_kb(p, "smaps_rollup", "Rss:");
}

long program_peak_kb(struct program *p)
{
  return proc_kb(p, "status", "VmHWM:");
}

void program_kill(struct program *p)
{
  kill(p->pid, SIGKILL);
  waitpid(p->pid, NULL, 0);
  p->pid = 0;
}

int program_join(struct program *p)
{
  int status;
  while (waitpid(p->pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  p->pid = 0;
  return status;
}

/* A program that fails has said why; its words are to be the last. */
void program_check(struct program *p)
{
  int status;
  if (waitpid(p->pid, &status, WNOHANG) != p->pid) return;
  p->pid = 0;
  errno = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) exit(1);
  load_fail(p, "the program ended");
}

static struct sockaddr_in loopback(int host, int port)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)host);
  return a;
}

int port_take(int *listener)
{
  struct sockaddr_in a = loopback(1, 0);
  socklen_t length = sizeof a;
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, length) != 0) return -1;
  if (getsockname(fd, (struct sockaddr *)&a, &length) != 0) return -1;
  if (listener == NULL)
    close(fd);
  else if (listen(*listener = fd, 8) != 0)
    return -1;
  return ntohs(a.sin_port);
}

static int try_connect(int host, int port)
{
  struct sockaddr_in from = loopback(host, 0), to = loopback(1, port);
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
      connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int connect_to(struct program *p, int host, int patient)
{
  for (int waited = 0;; waited += RETRY_MS) {
    int fd = try_connect(host, p->port);
    if (fd >= 0) return fd;
    if (errno != ECONNREFUSED || !patient || waited >= PATIENCE_MS) load_fail(p, "connect");
    program_check(p);
    usleep(RETRY_MS * 1000);
  }
}

int accept_from(struct program *p, int listener)
{
  struct pollfd waiting = {.fd = listener, .events = POLLIN};
  for (int waited = 0; poll(&waiting, 1, RETRY_MS) == 0; waited += RETRY_MS) {
    program_check(p);
    errno = 0;
    if (waited >= PATIENCE_MS) load_fail(p, "the reader does not connect");
  }
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) load_fail(p, "accept");
  return fd;
}
