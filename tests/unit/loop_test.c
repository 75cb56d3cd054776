#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/io/loop.h"
#include "tests/lib/loop_until.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    struct loop *loop;
    struct loop_timer timer;
    struct loop_timer second_timer;
    struct loop_turn turn;
    struct loop_wakeup wakeup;
    int count;
    int second_count;
    int wanted;
    uint64_t last_ms;
};

static int set_up(void **state)
{
    struct seen *seen = test_calloc(1, sizeof(*seen));

    seen->loop = loop_new();
    *state = seen;
    return 0;
}

static int tear_down(void **state)
{
    struct seen *seen = *state;

    loop_free(&seen->loop);
    assert_null(seen->loop);
    test_free(seen);
    return 0;
}

static void on_count(void *owner)
{
    struct seen *seen = owner;

    seen->count++;
    seen->last_ms = clock_monotonic_ms();
}

static void on_second_count(void *owner)
{
    ((struct seen *)owner)->second_count++;
}

static void on_end(void *owner)
{
    loop_stop(((struct seen *)owner)->loop);
}

/* Runs until a timer of this length is due. */
static void run_for(struct seen *seen, uint64_t ms)
{
    struct loop_timer end;

    loop_timer_init(&end, seen->loop, on_end, seen);
    loop_timer_start(&end, ms);
    loop_run(seen->loop);
}

/* ---- timers ---- */

static void calls_a_timer_once_and_not_early(void **state)
{
    struct seen *seen = *state;

    loop_timer_init(&seen->timer, seen->loop, on_count, seen);
    assert_false(loop_timer_is_running(&seen->timer));
    uint64_t begin_ms = clock_monotonic_ms();
    loop_timer_start(&seen->timer, 30);
    assert_true(loop_timer_is_running(&seen->timer));
    run_for(seen, 60);
    assert_int_equal(seen->count, 1);
    assert_true(seen->last_ms >= begin_ms + 29); /* both clocks cut to milliseconds */
    assert_false(loop_timer_is_running(&seen->timer));
}

/* libev counts from the beginning of a turn; after a long callback that would be too early. */
static void counts_a_delay_from_now_and_not_from_the_turns_begin(void **state)
{
    struct seen *seen = *state;

    run_for(seen, 1);
    uint64_t end_ms = clock_monotonic_ms() + 40;
    while (clock_monotonic_ms() < end_ms)
        continue;
    loop_timer_init(&seen->timer, seen->loop, on_count, seen);
    uint64_t begin_ms = clock_monotonic_ms();
    loop_timer_start(&seen->timer, 30);
    loop_until_count(seen->loop, &seen->count, 1, "the timer");
    assert_true(seen->last_ms >= begin_ms + 29);
}

static void repeats_an_interval_until_it_is_stopped(void **state)
{
    struct seen *seen = *state;

    loop_timer_init(&seen->timer, seen->loop, on_count, seen);
    loop_timer_start_every(&seen->timer, 2);
    loop_until_count(seen->loop, &seen->count, 5, "five intervals");
    loop_timer_stop(&seen->timer);
    int before = seen->count;
    run_for(seen, 20);
    assert_int_equal(seen->count, before);
}

static void sets_a_running_timer_anew(void **state)
{
    struct seen *seen = *state;

    loop_timer_init(&seen->timer, seen->loop, on_count, seen);
    loop_timer_start(&seen->timer, 1);
    loop_timer_start(&seen->timer, 10000);
    run_for(seen, 30);
    assert_int_equal(seen->count, 0);
    loop_timer_start(&seen->timer, 1);
    loop_until_count(seen->loop, &seen->count, 1, "the timer set anew");
    loop_timer_stop(&seen->timer);
}

static void stops_timers_that_were_never_started_or_set_up(void **state)
{
    struct seen *seen = *state;
    struct loop_timer blank = {.loop = NULL};

    loop_timer_stop(&blank);
    loop_timer_init(&seen->timer, seen->loop, on_count, seen);
    loop_timer_stop(&seen->timer);
    loop_timer_stop(&seen->timer);
}

static void on_stop_the_second(void *owner)
{
    struct seen *seen = owner;

    seen->count++;
    loop_timer_stop(&seen->second_timer);
}

/* Both are due in the same turn: the one stopped by the other must stay silent. */
static void keeps_a_due_timer_silent_once_it_is_stopped(void **state)
{
    struct seen *seen = *state;

    loop_timer_init(&seen->timer, seen->loop, on_stop_the_second, seen);
    loop_timer_init(&seen->second_timer, seen->loop, on_second_count, seen);
    loop_timer_start(&seen->timer, 5);
    loop_timer_start(&seen->second_timer, 6);
    uint64_t late_ms = clock_monotonic_ms() + 15;
    while (clock_monotonic_ms() < late_ms)
        continue;
    run_for(seen, 5);
    assert_int_equal(seen->count, 1);
    assert_int_equal(seen->second_count, 0);
}

/* ---- turns ---- */

static void calls_a_turn_once_for_any_number_of_asks(void **state)
{
    struct seen *seen = *state;

    loop_turn_init(&seen->turn, seen->loop, on_count, seen);
    for (int i = 0; i < 5; i++)
        loop_turn_ask(&seen->turn);
    run_for(seen, 10);
    assert_int_equal(seen->count, 1);
    loop_turn_done(&seen->turn);
}

static void on_ask_again(void *owner)
{
    struct seen *seen = owner;

    seen->count++;
    if (seen->count < seen->wanted)
        loop_turn_ask(&seen->turn);
    else
        loop_stop(seen->loop);
}

/* A step that has more to do asks for the next turn: it comes at once, with nothing else to wake the loop. */
static void does_not_wait_while_a_turn_asks_again(void **state)
{
    struct seen *seen = *state;
    struct loop_timer guard;

    seen->wanted = 1000;
    loop_timer_init(&guard, seen->loop, on_end, seen);
    loop_timer_start(&guard, 10000);
    loop_turn_init(&seen->turn, seen->loop, on_ask_again, seen);
    loop_turn_ask(&seen->turn);
    loop_run(seen->loop);
    loop_timer_stop(&guard);
    assert_int_equal(seen->count, 1000);
    loop_turn_done(&seen->turn);
}

static void forgets_a_turn_that_was_asked_for(void **state)
{
    struct seen *seen = *state;
    struct loop_turn blank = {.loop = NULL};

    loop_turn_done(&blank);
    loop_turn_init(&seen->turn, seen->loop, on_count, seen);
    loop_turn_ask(&seen->turn);
    loop_turn_done(&seen->turn);
    run_for(seen, 5);
    assert_int_equal(seen->count, 0);
}

/* ---- wake-ups ---- */

static void wakes_once_for_many_writes(void **state)
{
    struct seen *seen = *state;

    loop_wakeup_init(&seen->wakeup, seen->loop, on_count, seen);
    for (int i = 0; i < 100; i++)
        loop_wakeup_send(&seen->wakeup);
    run_for(seen, 10);
    assert_int_equal(seen->count, 1);
    loop_wakeup_send(&seen->wakeup);
    loop_until_count(seen->loop, &seen->count, 2, "the next wake-up");
    loop_wakeup_done(&seen->wakeup);
}

static void *send_on_thread(void *argument)
{
    struct loop_wakeup *wakeup = argument;

    /* As librdkafka does it: just a write of the payload. */
    BUG_ON(write(wakeup->fd, &loop_wakeup_payload, sizeof(loop_wakeup_payload)) !=
           sizeof(loop_wakeup_payload));
    return NULL;
}

static void on_wake_and_stop(void *owner)
{
    struct seen *seen = owner;

    seen->count++;
    loop_stop(seen->loop);
}

static void is_woken_by_another_thread_out_of_its_wait(void **state)
{
    struct seen *seen = *state;
    pthread_t thread;

    loop_wakeup_init(&seen->wakeup, seen->loop, on_wake_and_stop, seen);
    for (int i = 1; i <= 50; i++) {
        assert_int_equal(pthread_create(&thread, NULL, send_on_thread, &seen->wakeup), 0);
        loop_run(seen->loop); /* nothing else would end its wait */
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(seen->count, i);
    }
    loop_wakeup_done(&seen->wakeup);
    loop_wakeup_done(&seen->wakeup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_a_timer_once_and_not_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_a_delay_from_now_and_not_from_the_turns_begin, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(repeats_an_interval_until_it_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_a_running_timer_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_timers_that_were_never_started_or_set_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_a_due_timer_silent_once_it_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_a_turn_once_for_any_number_of_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_wait_while_a_turn_asks_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_a_turn_that_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wakes_once_for_many_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_woken_by_another_thread_out_of_its_wait, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
