/* SPDX-License-Identifier: MIT
 *
 * Starts a program, puts load on it over loopback, and prints one line of
 * figures about it.
 *
 *     load echo SIZE CONNECTIONS TRIPS -- SERVER PORT…
 *     load http CONNECTIONS TRIPS      -- SERVER PORT…
 *     load idle CONNECTIONS            -- SERVER PORT…
 *     load lines COUNT                 -- READER PORT…
 *     load bulk MEBIBYTES              -- READER PORT…
 *
 * The word PORT becomes the port that the program listens on or connects to,
 * and the word COUNT the number of lines or mebibytes that it is to expect.
 * Both share one core under SCHED_BATCH, so neither pays for waking up another
 * core, and what is told is the CPU time of the program, not that of the load.
 */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void usage(void)
{
  fputs("usage: load echo SIZE CONNECTIONS TRIPS | http CONNECTIONS TRIPS | idle CONNECTIONS |\n"
        "            lines COUNT | bulk MEBIBYTES  -- PROGRAM PORT...\n",
        stderr);
  exit(2);
}

static long positive(const char *word)
{
  char *end;
  errno = 0;
  long n = strtol(word, &end, 10);
  if (*end != '\0' || errno != 0 || n < 1) usage();
  return n;
}

static void put_count(char **argv, char *count)
{
  for (; *argv != NULL; argv++)
    if (strcmp(*argv, "COUNT") == 0) *argv = count;
}

/* Does what the words before "--" say; `n` of them. */
static void run(struct program *p, char **word, int n)
{
  if (strcmp(word[0], "echo") == 0 && n == 4) {
    load_echo(p, (size_t)positive(word[1]), (int)positive(word[2]), positive(word[3]));
  } else if (strcmp(word[0], "http") == 0 && n == 3) {
    load_http(p, (int)positive(word[1]), positive(word[2]));
  } else if (strcmp(word[0], "idle") == 0 && n == 2) {
    load_idle(p, (int)positive(word[1]));
  } else if (strcmp(word[0], "lines") == 0 && n == 2) {
    put_count(p->argv, word[1]);
    load_pump(p, 1, positive(word[1]));
  } else if (strcmp(word[0], "bulk") == 0 && n == 2) {
    put_count(p->argv, word[1]);
    load_pump(p, 0, positive(word[1]));
  } else {
    usage();
  }
}

int main(int argc, char **argv)
{
  int dashes = 1;
  while (dashes < argc && strcmp(argv[dashes], "--") != 0) dashes++;
  if (dashes < 3 || dashes + 1 >= argc) usage();
  struct program p = {.argv = argv + dashes + 1};
  signal(SIGPIPE, SIG_IGN);
  load_settle();
  run(&p, argv + 1, dashes - 1);
  return 0;
}
