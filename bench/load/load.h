/* SPDX-License-Identifier: MIT
 *
 * The load generator: what its files share. Linux only (epoll, schedstat).
 */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <sys/types.h>

/* A program under load. It runs on our core, at our scheduling policy. */
struct program {
  char **argv; /* a word PORT stands for the port */
  pid_t pid;
  int port;
};

/* Prints a message, perror's way when errno is set, ends the program and exits. */
_Noreturn void load_fail(struct program *p, const char *message);

/* Binds this process to one core and to SCHED_BATCH; children inherit both. */
void load_settle(void);

/* Starts the program. A server's standard output would mix with ours: it goes
 * to standard error; a reader prints its line itself. */
void program_start(struct program *p, int is_server);

/* Nanoseconds of CPU, user and system, that all its threads took so far. */
double program_cpu_ns(struct program *p);

/* Its resident set now and at most, in KiB; 0 when it is gone. */
long program_rss_kb(struct program *p);
long program_peak_kb(struct program *p);

/* Ends a server; no result is of interest. */
void program_kill(struct program *p);

/* Waits until a reader ends; returns 0 when it was content. */
int program_join(struct program *p);

/* Exits when the program has ended already. */
void program_check(struct program *p);

/* A free TCP port of 127.0.0.1; the socket that listens on it when asked for. */
int port_take(int *listener);

/* Connects to the program, waiting for it to listen when `patient`. Sockets
 * from 127.0.0.`host` spare the ports of one address. */
int connect_to(struct program *p, int host, int patient);

/* The connection that the program makes to us. */
int accept_from(struct program *p, int listener);

double wall_ns(void);

/* The kinds of load; each prints the line that the driver reads. */
void load_echo(struct program *p, size_t size, int connections, long trips);
void load_http(struct program *p, int connections, long trips);
void load_pump(struct program *p, int lines, long count);
void load_idle(struct program *p, int connections);

#endif
