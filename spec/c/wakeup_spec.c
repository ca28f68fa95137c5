/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/wakeup.c: posts and wakes, from this thread and from others.  Run under TSan.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/check.h"
#include "drive.h"

struct message {
  struct casync_post post;
  const char *name;
  struct callback *callback; /* queued at the delivery; NULL: none */
};

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  struct message *message = ca_container_of(post, struct message, post);
  note(world_of(loop), "%s", message->name);
  if (message->callback != NULL) casync_loop_call_soon(loop, &message->callback->timer.handle);
}

static struct message *message(struct world *world, const char *name, struct callback *callback_)
{
  struct message *message_ = keep(world, sizeof *message_);
  message_->post.deliver = deliver;
  message_->name = name;
  message_->callback = callback_;
  return message_;
}

static void post(struct world *world, struct message *message_)
{
  assert_int_equal(casync_loop_post(world->loop, &message_->post), 0);
}

/* From the loop's own thread */

static void a_post_is_not_delivered_inside_the_call(void **state)
{
  struct world *world = *state;
  post(world, message(world, "a", NULL));
  assert_trace(world, "");
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void posts_are_delivered_in_order(void **state)
{
  struct world *world = *state;
  post(world, message(world, "a", NULL));
  post(world, message(world, "b", NULL));
  post(world, message(world, "c", NULL));
  run_turns(world->loop, 1);
  assert_trace(world, "a b c");
}

static void a_post_is_delivered_once(void **state)
{
  struct world *world = *state;
  post(world, message(world, "a", NULL));
  run_turns(world->loop, 3);
  assert_trace(world, "a");
}

static void a_handle_queued_at_the_delivery_runs_in_that_iteration(void **state) /* L17 */
{
  struct world *world = *state;
  post(world, message(world, "post", callback(world, "handle")));
  soon(world, callback(world, "ready"));
  run_turns(world->loop, 1);
  assert_trace(world, "post ready handle");
}

static void a_handle_of_a_post_runs_before_io_and_timers(void **state) /* L2, L17 */
{
  struct world *world = *state;
  struct callback *reader = callback(world, "io");
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "x", 1), 1);
  casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle);
  at(world, casync_loop_time(world->loop), callback(world, "timer"));
  post(world, message(world, "post", callback(world, "handle")));
  run_turns(world->loop, 1);
  assert_trace(world, "post handle io timer");
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void then_post(struct world *world, struct callback *callback_)
{
  post(world, callback_->data);
}

static void a_post_made_in_an_iteration_is_delivered_before_the_handles_of_the_next(void **state)
{
  struct world *world = *state;
  struct message *post_ = message(world, "post", NULL);
  for (int i = 0; i < 100; i++) { /* a poll that comes soon after another may be left out */
    struct callback *b = callback(world, "b");
    soon(world, callback_then(world, "a", then_post, post_));
    soon(world, callback_then(world, "queue", then_soon, b));
    run_turns(world->loop, 2);
    assert_trace(world, "a queue post b");
  }
}

static void post_again(struct casync_loop *loop, struct casync_post *post_)
{
  struct world *world = world_of(loop);
  note(world, "again");
  casync_loop_post(loop, post_);
}

static void a_post_made_by_a_delivery_waits_for_the_next_iteration(void **state)
{
  struct world *world = *state;
  struct message *post_ = message(world, NULL, NULL);
  post_->post.deliver = post_again;
  post(world, post_);
  for (int i = 0; i < 10; i++) {
    run_turns(world->loop, 1);
    assert_trace(world, "again");
  }
}

static void a_closed_loop_refuses_posts(void **state)
{
  struct world *world = *state;
  struct message *post_ = message(world, "a", NULL);
  casync_loop_close(world->loop);
  assert_int_equal(casync_loop_post(world->loop, &post_->post), CASYNC_ECLOSED);
}

static void closing_drops_posts_that_were_not_delivered(void **state)
{
  struct world *world = *state;
  post(world, message(world, "never", NULL));
  casync_loop_close(world->loop);
  assert_trace(world, "");
}

static void waking_a_closed_loop_does_nothing(void **state)
{
  struct world *world = *state;
  casync_loop_close(world->loop);
  casync_loop_wake(world->loop);
}

static void waking_a_loop_that_does_not_run_ends_its_next_wait(void **state)
{
  struct world *world = *state;
  at(world, casync_loop_time(world->loop) + 60, callback(world, "never"));
  casync_loop_wake(world->loop);
  world->loop->poller->wait(world->loop, 60);
  assert_trace(world, "");
}

/* From other threads */

enum { THREADS = 4, POSTS = 500 };

struct sender {
  struct casync_loop *loop;
  struct crowd *crowd;
  pthread_t thread;
  int next;    /* number of the post that is due; the loop's thread only */
  int refused; /* posts that came too late */
  struct numbered {
    struct casync_post post;
    struct sender *sender;
    int number;
  } posts[POSTS];
};

struct crowd {
  struct sender senders[THREADS];
  int delivered, disordered;
};

static void count(struct casync_loop *loop, struct casync_post *post_)
{
  struct numbered *numbered = ca_container_of(post_, struct numbered, post);
  struct crowd *crowd = numbered->sender->crowd;
  crowd->disordered += numbered->sender->next++ != numbered->number;
  if (++crowd->delivered == THREADS * POSTS) casync_loop_stop(loop);
}

static void *send_all(void *data)
{
  struct sender *sender = data;
  for (int i = 0; i < POSTS; i++) {
    sender->refused += casync_loop_post(sender->loop, &sender->posts[i].post) != 0;
    if (i % 16 == 0) sched_yield();
  }
  return NULL;
}

static struct crowd *start_senders(struct world *world)
{
  struct crowd *crowd = keep(world, sizeof *crowd);
  for (int t = 0; t < THREADS; t++) {
    struct sender *sender = &crowd->senders[t];
    sender->loop = world->loop;
    sender->crowd = crowd;
    for (int i = 0; i < POSTS; i++) sender->posts[i] = (struct numbered){{NULL, count}, sender, i};
    assert_int_equal(pthread_create(&sender->thread, NULL, send_all, sender), 0);
  }
  return crowd;
}

static void join_senders(struct crowd *crowd)
{
  for (int t = 0; t < THREADS; t++) pthread_join(crowd->senders[t].thread, NULL);
}

static void every_post_of_several_threads_is_delivered(void **state)
{
  struct world *world = *state;
  struct crowd *crowd = start_senders(world);
  assert_int_equal(run_loop(world->loop), 0);
  join_senders(crowd);
  assert_int_equal(crowd->delivered, THREADS * POSTS);
}

static void the_posts_of_one_thread_stay_in_order(void **state)
{
  struct world *world = *state;
  struct crowd *crowd = start_senders(world);
  run_loop(world->loop);
  join_senders(crowd);
  assert_int_equal(crowd->disordered, 0);
}

static void posts_are_delivered_while_the_loop_is_busy(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "", then_soon, NULL);
  busy->data = busy;
  soon(world, busy);
  struct crowd *crowd = start_senders(world);
  assert_int_equal(run_loop(world->loop), 0);
  join_senders(crowd);
  assert_int_equal(crowd->delivered, THREADS * POSTS);
}

static void a_loop_may_be_closed_while_threads_post(void **state)
{
  struct world *world = *state;
  struct crowd *crowd = start_senders(world);
  run_turns(world->loop, 2);
  casync_loop_close(world->loop);
  int delivered = crowd->delivered;
  join_senders(crowd);
  assert_int_equal(crowd->delivered, delivered);
  int refused = 0;
  for (int t = 0; t < THREADS; t++) refused += crowd->senders[t].refused;
  assert_true(delivered + refused <= THREADS * POSTS);
}

static void *post_later(void *data)
{
  struct sender *sender = data;
  usleep(2000);
  casync_loop_post(sender->loop, &sender->posts[0].post);
  return NULL;
}

static void stop_at_delivery(struct casync_loop *loop, struct casync_post *post_)
{
  (void)post_;
  note(world_of(loop), "post");
  casync_loop_stop(loop);
}

static void a_post_ends_a_wait_without_end(void **state)
{
  struct world *world = *state;
  struct sender *sender = keep(world, sizeof *sender);
  sender->loop = world->loop;
  sender->posts[0].post.deliver = stop_at_delivery;
  assert_int_equal(pthread_create(&sender->thread, NULL, post_later, sender), 0);
  assert_int_equal(run_loop(world->loop), 0);
  pthread_join(sender->thread, NULL);
  assert_trace(world, "post");
}

struct waker {
  struct casync_loop *loop;
  int done; /* atomic */
};

static void *attend_and_wake(void *data)
{
  struct waker *waker = data;
  usleep(1000);
  casync_loop_attend(waker->loop);
  casync_loop_wake(waker->loop);
  return NULL;
}

static int stop_attending(struct world *world)
{
  note(world, "attend");
  casync_loop_stop(world->loop);
  return 0;
}

static void a_wake_of_another_thread_ends_a_wait_without_end(void **state)
{
  struct world *world = *state;
  struct waker waker = {.loop = world->loop};
  pthread_t thread;
  world->on_attend = stop_attending;
  assert_int_equal(pthread_create(&thread, NULL, attend_and_wake, &waker), 0);
  assert_int_equal(run_loop(world->loop), 0);
  pthread_join(thread, NULL);
  assert_trace(world, "attend");
}

static void *wake_for_ever(void *data)
{
  struct waker *waker = data;
  while (!__atomic_load_n(&waker->done, __ATOMIC_ACQUIRE)) {
    casync_loop_wake(waker->loop);
    sched_yield();
  }
  return NULL;
}

static void a_loop_may_be_run_and_closed_while_threads_wake_it(void **state)
{
  struct world *world = *state;
  struct waker waker = {.loop = world->loop};
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++)
    assert_int_equal(pthread_create(&threads[t], NULL, wake_for_ever, &waker), 0);
  run_turns(world->loop, 100);
  casync_loop_close(world->loop);
  sched_yield();
  __atomic_store_n(&waker.done, 1, __ATOMIC_RELEASE);
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
}

static const struct CMUnitTest tests[] = {
    it_owned(a_post_is_not_delivered_inside_the_call),
    it_owned(posts_are_delivered_in_order),
    it_owned(a_post_is_delivered_once),
    it_owned(a_handle_queued_at_the_delivery_runs_in_that_iteration),
    it_owned(a_handle_of_a_post_runs_before_io_and_timers),
    it_owned(a_post_made_in_an_iteration_is_delivered_before_the_handles_of_the_next),
    it_owned(a_post_made_by_a_delivery_waits_for_the_next_iteration),
    it_owned(a_closed_loop_refuses_posts),
    it_owned(closing_drops_posts_that_were_not_delivered),
    it_owned(waking_a_closed_loop_does_nothing),
    it_owned(waking_a_loop_that_does_not_run_ends_its_next_wait),
    it_owned(every_post_of_several_threads_is_delivered),
    it_owned(the_posts_of_one_thread_stay_in_order),
    it_owned(posts_are_delivered_while_the_loop_is_busy),
    it_owned(a_loop_may_be_closed_while_threads_post),
    it_owned(a_post_ends_a_wait_without_end),
    it_owned(a_wake_of_another_thread_ends_a_wait_without_end),
    it_owned(a_loop_may_be_run_and_closed_while_threads_wake_it),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
