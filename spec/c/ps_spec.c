/* SPDX-License-Identifier: MIT
 *
 * runtime/ps/: whose folders are trusted, one socket for the process, who is welcome, handing over.
 */
#include "ps/ps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "casync/sock.h"
#include "casync/impl/sock.h"
#include "support.h"

/* A folder that is both XDG_RUNTIME_DIR and TMPDIR. */
static char base[64];

static int set_up(void **state)
{
  (void)state;
  strcpy(base, "/tmp/casync-spec-XXXXXX");
  if (mkdtemp(base) == NULL) return -1;
  setenv("XDG_RUNTIME_DIR", base, 1);
  setenv("TMPDIR", base, 1);
  return 0;
}

static const char *below(const char *name)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", base, name);
  return path;
}

static const char *temporary_folder(void)
{
  static char name[64];
  snprintf(name, sizeof name, "casync-%lu", (unsigned long)geteuid());
  return below(name);
}

/* Fails if the socket or anything else is left. */
static int tear_down(void **state)
{
  (void)state;
  chmod(below("casync"), 0700);
  unlink(below("casync"));
  rmdir(below("casync"));
  rmdir(below("elsewhere"));
  rmdir(temporary_folder());
  return rmdir(base);
}

#define it_in_folder(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static char path[CA_PS_PATH];

static const char *own_path(int place)
{
  assert_int_equal(casync_ps_path(place, getpid(), path, sizeof path), 0);
  return path;
}

static bool is_there(const char *name)
{
  struct stat info;
  return lstat(name, &info) == 0;
}

/* ---- folders ---- */

static void asking_makes_no_folder(void **state)
{
  (void)state;
  assert_int_equal(casync_ps_path(0, 1, path, sizeof path), -ENOENT);
  assert_int_equal(casync_ps_path(1, 1, path, sizeof path), -ENOENT);
}

static void a_folder_is_made_for_its_user_alone(void **state)
{
  struct stat info;
  (void)state;
  mode_t mask = umask(0);
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), 0);
  umask(mask);
  assert_string_equal(path, below("casync/17"));
  assert_int_equal(stat(below("casync"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0700);
}

static void the_second_place_is_the_users_in_the_temporary_folder(void **state)
{
  char expected[320];
  (void)state;
  snprintf(expected, sizeof expected, "%s/17", temporary_folder());
  assert_int_equal(ca_ps_make_path(1, 17, path, sizeof path), 0);
  assert_string_equal(path, expected);
}

static void there_is_no_first_place_without_its_variable(void **state)
{
  (void)state;
  unsetenv("XDG_RUNTIME_DIR");
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -ENOENT);
  setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -ENOENT);
}

static void a_folder_that_others_may_enter_is_not_trusted(void **state)
{
  static const mode_t modes[] = {0701, 0710, 0720, 0702, 0704, 0777};
  (void)state;
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    mkdir(below("casync"), 0700);
    chmod(below("casync"), modes[i]);
    assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -EACCES);
    assert_int_equal(casync_ps_path(0, 17, path, sizeof path), -EACCES);
    assert_string_equal(path, below("casync")); /* which one that is */
  }
}

static void a_symbolic_link_is_not_trusted(void **state)
{
  (void)state;
  mkdir(below("elsewhere"), 0700);
  assert_int_equal(symlink("elsewhere", below("casync")), 0);
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -EACCES);
}

static void a_file_in_its_place_is_not_trusted(void **state)
{
  (void)state;
  close(open(below("casync"), O_CREAT | O_WRONLY, 0600));
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -EACCES);
}

/* As root one can make somebody else's folder. */
static void a_folder_of_somebody_else_is_not_trusted(void **state)
{
  (void)state;
  if (geteuid() != 0) skip();
  mkdir(below("casync"), 0700);
  assert_int_equal(chown(below("casync"), 65534, 65534), 0);
  assert_int_equal(ca_ps_make_path(0, 17, path, sizeof path), -EACCES);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
  char small[16];
  (void)state;
  assert_int_equal(ca_ps_make_path(0, 17, small, sizeof small), -ENAMETOOLONG);
}

static void there_are_four_places(void **state)
{
  (void)state;
  assert_int_not_equal(casync_ps_path(3, 1, path, sizeof path), -EINVAL);
  assert_int_equal(casync_ps_path(4, 1, path, sizeof path), -EINVAL);
  assert_int_equal(casync_ps_path(-1, 1, path, sizeof path), -EINVAL);
}

/* ---- the socket ---- */

static int connect_to(const char *where)
{
  struct casync_address address;
  int fd = casync_sock_open(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(casync_address_set_path(&address, where, strlen(where)), 0);
  assert_int_equal(casync_sock_connect(fd, &address), 0);
  return fd;
}

static void the_process_has_one_socket(void **state)
{
  (void)state;
  int fd = casync_ps_open();
  assert_true(fd >= 0);
  assert_int_equal(casync_ps_open(), fd);
  assert_true(is_there(own_path(0)));
  casync_ps_close();
  assert_true(is_there(own_path(0)));
  casync_ps_close();
  assert_false(is_there(own_path(0)));
}

static void it_is_in_the_second_place_if_the_first_is_not_to_be_trusted(void **state)
{
  (void)state;
  mkdir(below("casync"), 0700);
  chmod(below("casync"), 0770);
  assert_true(casync_ps_open() >= 0);
  assert_true(is_there(own_path(1)));
  casync_ps_close();
}

static void without_a_place_there_is_none(void **state)
{
  (void)state;
  setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
  setenv("TMPDIR", "/nowhere", 1);
  assert_int_equal(casync_ps_open(), -ENOENT);
  assert_int_equal(casync_ps_accept(), -EAGAIN);
}

static void what_a_dead_process_has_left_is_replaced(void **state)
{
  (void)state;
  assert_int_equal(ca_ps_make_path(0, getpid(), path, sizeof path), 0);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  assert_true(casync_ps_open() >= 0);
  close(connect_to(own_path(0)));
  casync_ps_close();
}

static void who_asks_is_accepted_once(void **state)
{
  (void)state;
  casync_ps_open();
  assert_int_equal(casync_ps_accept(), -EAGAIN);
  int asks = connect_to(own_path(0)), connection = casync_ps_accept();
  assert_true(connection >= 0);
  assert_int_equal(casync_ps_accept(), -EAGAIN);
  close(connection);
  close(asks);
  casync_ps_close();
}

static void another_user_is_not_welcome(void **state)
{
  int ends[2];
  (void)state;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  assert_true(ca_ps_is_welcome(ends[0], geteuid()));
  assert_int_equal(ca_ps_is_welcome(ends[0], geteuid() + 1), geteuid() == 0); /* but root is */
  close(ends[0]);
  close(ends[1]);
}

static int status_of(pid_t child)
{
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_child_leaves_the_socket_to_its_parent(void **state)
{
  (void)state;
  casync_ps_open();
  pid_t child = fork();
  if (child == 0) {
    casync_ps_close();
    exit(casync_ps_accept() == -EAGAIN ? 0 : 1); /* through the handlers of the exit */
  }
  assert_int_equal(status_of(child), 0);
  assert_true(is_there(own_path(0)));
  close(connect_to(own_path(0)));
  casync_ps_close();
}

static void a_child_can_have_its_own(void **state)
{
  (void)state;
  casync_ps_open();
  pid_t child = fork();
  if (child == 0) {
    bool is_open = casync_ps_open() >= 0 && is_there(own_path(0));
    exit(is_open ? 0 : 1); /* which removes it */
  }
  assert_int_equal(status_of(child), 0);
  assert_int_equal(casync_ps_path(0, child, path, sizeof path), 0);
  assert_false(is_there(path));
  assert_true(is_there(own_path(0)));
  casync_ps_close();
}

/* ---- handing over ---- */

/* One message, as text, and the descriptor that came with it, or -1. */
struct received {
  char text[2 * CASYNC_PS_LINE];
  ssize_t size;
  int file;
};

static struct received receive(int fd)
{
  struct received got = {.file = -1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {got.text, sizeof got.text - 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  got.size = recvmsg(fd, &message, 0);
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL) memcpy(&got.file, CMSG_DATA(header), sizeof got.file);
  return got;
}

static void a_long_text_is_handed_over_at_once(void **state)
{
  enum { SIZE = 3000000 };
  char *text = malloc(SIZE), *read_back = malloc(SIZE);
  int ends[2];
  (void)state;
  for (int i = 0; i < SIZE; i++) text[i] = (char)('a' + i % 26);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  assert_true(casync_ps_hand_over(ends[0], text, SIZE)); /* though nobody reads yet */
  struct received got = receive(ends[1]);
  assert_string_equal(got.text, "part\n");
  assert_int_equal(read(got.file, read_back, SIZE), SIZE);
  assert_memory_equal(text, read_back, SIZE);
  close(got.file);
  close(ends[0]);
  close(ends[1]);
  free(text);
  free(read_back);
}

static void a_failure_is_told(void **state)
{
  int ends[2];
  (void)state;
  setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
  setenv("TMPDIR", "/nowhere", 1);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  assert_false(casync_ps_hand_over(ends[0], "x", 1));
  assert_string_equal(receive(ends[1]).text, "failed No such file or directory\n");
  close(ends[0]);
  close(ends[1]);
}

static void who_does_not_read_is_not_waited_for(void **state)
{
  char line[CASYNC_PS_LINE];
  int ends[2], told = 0;
  (void)state;
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\0';
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  while (told < 1000000 && casync_ps_tell(ends[0], line)) told++;
  assert_true(told > 0 && told < 1000000);
  assert_false(casync_ps_hand_over(ends[0], "x", 1));
  close(ends[0]);
  close(ends[1]);
}

static void who_has_gone_is_no_signal(void **state)
{
  int ends[2];
  (void)state;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  close(ends[1]);
  assert_false(casync_ps_tell(ends[0], "casync"));
  assert_false(casync_ps_hand_over(ends[0], "x", 1));
  close(ends[0]);
}

static void a_long_line_is_cut(void **state)
{
  char line[2 * CASYNC_PS_LINE];
  int ends[2];
  (void)state;
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\0';
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  assert_true(casync_ps_tell(ends[0], line));
  struct received got = receive(ends[1]);
  assert_int_equal(got.size, CASYNC_PS_LINE - 1);
  assert_int_equal(got.text[got.size - 1], '\n');
  close(ends[0]);
  close(ends[1]);
}

static const struct CMUnitTest tests[] = {
    it_in_folder(asking_makes_no_folder),
    it_in_folder(a_folder_is_made_for_its_user_alone),
    it_in_folder(the_second_place_is_the_users_in_the_temporary_folder),
    it_in_folder(there_is_no_first_place_without_its_variable),
    it_in_folder(a_folder_that_others_may_enter_is_not_trusted),
    it_in_folder(a_symbolic_link_is_not_trusted),
    it_in_folder(a_file_in_its_place_is_not_trusted),
    it_in_folder(a_folder_of_somebody_else_is_not_trusted),
    it_in_folder(a_path_that_is_too_long_is_refused),
    it_in_folder(there_are_four_places),
    it_in_folder(the_process_has_one_socket),
    it_in_folder(it_is_in_the_second_place_if_the_first_is_not_to_be_trusted),
    it_in_folder(without_a_place_there_is_none),
    it_in_folder(what_a_dead_process_has_left_is_replaced),
    it_in_folder(who_asks_is_accepted_once),
    it_in_folder(another_user_is_not_welcome),
    it_in_folder(a_child_leaves_the_socket_to_its_parent),
    it_in_folder(a_child_can_have_its_own),
    it_in_folder(a_long_text_is_handed_over_at_once),
    it_in_folder(a_failure_is_told),
    it_in_folder(who_does_not_read_is_not_waited_for),
    it_in_folder(who_has_gone_is_no_signal),
    it_in_folder(a_long_line_is_cut),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
