/* SPDX-License-Identifier: MIT
 *
 * runtime/base/list.h
 */
#include "base/list.h"

#include "base/check.h"
#include "support.h"

struct letter {
  struct casync_node node;
  char name;
};

struct lists {
  struct casync_node head, other;
  struct letter a, b, c;
  char text[8];
};

static int open_lists(void **state)
{
  struct lists *lists = test_calloc(1, sizeof *lists);
  ca_list_init(&lists->head);
  ca_list_init(&lists->other);
  lists->a.name = 'a';
  lists->b.name = 'b';
  lists->c.name = 'c';
  *state = lists;
  return 0;
}

static int close_lists(void **state)
{
  test_free(*state);
  return 0;
}

/* The names forwards; checks that the way back is the same. */
static const char *spell(struct lists *lists, const struct casync_node *head)
{
  size_t n = 0;
  for (struct casync_node *node = head->next; node != head; node = node->next) {
    assert_ptr_equal(node->next->prev, node);
    lists->text[n++] = ca_container_of(node, struct letter, node)->name;
  }
  assert_ptr_equal(head->next->prev, head);
  lists->text[n] = '\0';
  return lists->text;
}

static void push_abc(struct lists *lists)
{
  ca_list_push(&lists->head, &lists->a.node);
  ca_list_push(&lists->head, &lists->b.node);
  ca_list_push(&lists->head, &lists->c.node);
}

static void a_new_list_is_empty(void **state)
{
  struct lists *lists = *state;
  assert_true(ca_list_is_empty(&lists->head));
}

static void a_push_appends(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  assert_string_equal(spell(lists, &lists->head), "abc");
}

static void a_list_with_an_element_is_not_empty(void **state)
{
  struct lists *lists = *state;
  ca_list_push(&lists->head, &lists->a.node);
  assert_false(ca_list_is_empty(&lists->head));
}

static void a_push_to_the_front_comes_first(void **state)
{
  struct lists *lists = *state;
  ca_list_push(&lists->head, &lists->a.node);
  ca_list_push_front(&lists->head, &lists->b.node);
  ca_list_push_front(&lists->head, &lists->c.node);
  assert_string_equal(spell(lists, &lists->head), "cba");
}

static void pop_takes_the_first(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  assert_ptr_equal(ca_list_pop(&lists->head), &lists->a.node);
  assert_string_equal(spell(lists, &lists->head), "bc");
}

static void popping_the_last_element_empties_the_list(void **state)
{
  struct lists *lists = *state;
  ca_list_push(&lists->head, &lists->a.node);
  ca_list_pop(&lists->head);
  assert_true(ca_list_is_empty(&lists->head));
}

static void unlinking_the_first_leaves_the_others(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_unlink(&lists->a.node);
  assert_string_equal(spell(lists, &lists->head), "bc");
}

static void unlinking_the_middle_leaves_the_others(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_unlink(&lists->b.node);
  assert_string_equal(spell(lists, &lists->head), "ac");
}

static void unlinking_the_last_leaves_the_others(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_unlink(&lists->c.node);
  assert_string_equal(spell(lists, &lists->head), "ab");
}

static void an_unlinked_element_can_be_pushed_again(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_unlink(&lists->a.node);
  ca_list_push(&lists->head, &lists->a.node);
  assert_string_equal(spell(lists, &lists->head), "bca");
}

static void append_joins_two_lists_in_order(void **state)
{
  struct lists *lists = *state;
  ca_list_push(&lists->head, &lists->a.node);
  ca_list_push(&lists->other, &lists->b.node);
  ca_list_push(&lists->other, &lists->c.node);
  ca_list_append(&lists->head, &lists->other);
  assert_string_equal(spell(lists, &lists->head), "abc");
}

static void append_empties_the_list_it_takes_from(void **state)
{
  struct lists *lists = *state;
  ca_list_push(&lists->other, &lists->b.node);
  ca_list_append(&lists->head, &lists->other);
  assert_true(ca_list_is_empty(&lists->other));
}

static void append_to_an_empty_list_moves_everything(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_append(&lists->other, &lists->head);
  assert_string_equal(spell(lists, &lists->other), "abc");
}

static void appending_an_empty_list_changes_nothing(void **state)
{
  struct lists *lists = *state;
  push_abc(lists);
  ca_list_append(&lists->head, &lists->other);
  assert_string_equal(spell(lists, &lists->head), "abc");
}

#define it_with_lists(test) cmocka_unit_test_setup_teardown(test, open_lists, close_lists)

static const struct CMUnitTest tests[] = {
    it_with_lists(a_new_list_is_empty),
    it_with_lists(a_push_appends),
    it_with_lists(a_list_with_an_element_is_not_empty),
    it_with_lists(a_push_to_the_front_comes_first),
    it_with_lists(pop_takes_the_first),
    it_with_lists(popping_the_last_element_empties_the_list),
    it_with_lists(unlinking_the_first_leaves_the_others),
    it_with_lists(unlinking_the_middle_leaves_the_others),
    it_with_lists(unlinking_the_last_leaves_the_others),
    it_with_lists(an_unlinked_element_can_be_pushed_again),
    it_with_lists(append_joins_two_lists_in_order),
    it_with_lists(append_empties_the_list_it_takes_from),
    it_with_lists(append_to_an_empty_list_moves_everything),
    it_with_lists(appending_an_empty_list_changes_nothing),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
