/* SPDX-License-Identifier: MIT
 *
 * The intrusive circular list.  A head is a node that belongs to no element; an empty list is a
 * head that points to itself.
 */
#ifndef CA_LIST_H
#define CA_LIST_H

#include <stdbool.h>

#include "casync/impl/handle.h"

static inline void ca_list_init(struct casync_node *head)
{
  head->next = head->prev = head;
}

static inline bool ca_list_is_empty(const struct casync_node *head)
{
  return head->next == head;
}

/* Links `node` as the last element. */
static inline void ca_list_push(struct casync_node *head, struct casync_node *node)
{
  struct casync_node *last = head->prev;
  node->next = head;
  node->prev = last;
  last->next = node;
  head->prev = node;
}

/* Links `node` as the first element. */
static inline void ca_list_push_front(struct casync_node *head, struct casync_node *node)
{
  ca_list_push(head->next, node);
}

static inline void ca_list_unlink(struct casync_node *node)
{
  node->next->prev = node->prev;
  node->prev->next = node->next;
}

/* Unlinks and returns the first element of a list that is not empty. */
static inline struct casync_node *ca_list_pop(struct casync_node *head)
{
  struct casync_node *first = head->next;
  head->next = first->next;
  first->next->prev = head;
  return first;
}

/* Moves all elements of `from` to the end of `to`; `from` is empty afterwards. */
static inline void ca_list_append(struct casync_node *to, struct casync_node *from)
{
  if (ca_list_is_empty(from)) return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  ca_list_init(from);
}

#endif
