#include "common/io/loop.h"
#include "common/io/offload.h"
#include "tests/lib/loop_until.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { JOBS_MAX = 100 };

/* Written on the loop, but for what the comments say. */
struct world {
    struct loop *loop;
    struct offload *offload;
    pthread_t main_thread;
    int order[JOBS_MAX]; /* of the numbers in on_done */
    int done_count;
    int dropped_count;
    pthread_mutex_t gate; /* while the test holds it, a gated job waits in its work */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_in_work; /* under mutex: a gated job has begun */
};

struct numbered {
    struct offload_job job; /* first */
    struct world *world;
    int number;
    bool has_worked;          /* by the thread */
    bool was_on_other_thread; /* by the thread */
    bool saw_signals_blocked; /* by the thread */
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    assert_int_equal(pthread_mutex_init(&world->gate, NULL), 0);
    assert_int_equal(pthread_mutex_init(&world->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&world->changed, NULL), 0);
    world->main_thread = pthread_self();
    world->loop = loop_new();
    world->offload = offload_start(world->loop);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    offload_stop(&world->offload);
    assert_null(world->offload);
    loop_free(&world->loop);
    test_free(world);
    return 0;
}

static void work(struct offload_job *job)
{
    struct numbered *numbered = (struct numbered *)job;
    sigset_t mask;

    numbered->has_worked = true;
    numbered->was_on_other_thread = !pthread_equal(pthread_self(), numbered->world->main_thread);
    numbered->saw_signals_blocked =
        pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 1;
}

static void gated_work(struct offload_job *job)
{
    struct world *world = ((struct numbered *)job)->world;

    (void)pthread_mutex_lock(&world->mutex);
    world->is_in_work = true;
    (void)pthread_cond_signal(&world->changed);
    (void)pthread_mutex_unlock(&world->mutex);
    (void)pthread_mutex_lock(&world->gate);
    (void)pthread_mutex_unlock(&world->gate);
    work(job);
}

static void await_work(struct world *world)
{
    (void)pthread_mutex_lock(&world->mutex);
    while (!world->is_in_work)
        (void)pthread_cond_wait(&world->changed, &world->mutex);
    (void)pthread_mutex_unlock(&world->mutex);
}

static void on_done(struct offload_job *job)
{
    struct numbered *numbered = (struct numbered *)job;
    struct world *world = numbered->world;

    assert_true(pthread_equal(pthread_self(), world->main_thread));
    world->order[world->done_count++] = numbered->number;
}

static void on_dropped(struct offload_job *job)
{
    ((struct numbered *)job)->world->dropped_count++;
}

static struct numbered job_of(struct world *world, int number)
{
    return (struct numbered){.job = {.work = work, .on_done = on_done, .on_dropped = on_dropped},
                             .world = world,
                             .number = number};
}

static void works_on_another_thread_and_answers_on_the_loop(void **state)
{
    struct world *world = *state;
    struct numbered job = job_of(world, 1);

    offload_run(world->offload, &job.job);
    loop_until_count(world->loop, &world->done_count, 1, "the answer");
    assert_true(job.has_worked);
    assert_true(job.was_on_other_thread);
    assert_true(job.saw_signals_blocked); /* SIGTERM must reach the loop */
}

static void does_jobs_one_after_the_other_in_order(void **state)
{
    struct world *world = *state;
    struct numbered jobs[JOBS_MAX];

    for (int i = 0; i < JOBS_MAX; i++) {
        jobs[i] = job_of(world, i);
        offload_run(world->offload, &jobs[i].job);
    }
    loop_until_count(world->loop, &world->done_count, JOBS_MAX, "all answers");
    for (int i = 0; i < JOBS_MAX; i++)
        assert_int_equal(world->order[i], i);
    assert_int_equal(world->dropped_count, 0);
}

static void on_done_run_again(struct offload_job *job)
{
    struct numbered *numbered = (struct numbered *)job;

    if (++numbered->world->done_count < 10)
        offload_run(numbered->world->offload, job);
}

/* topic_watch does so: the answer asks the next question with the same job. */
static void takes_the_same_job_again_out_of_its_answer(void **state)
{
    struct world *world = *state;
    struct numbered job = job_of(world, 1);

    job.job.on_done = on_done_run_again;
    offload_run(world->offload, &job.job);
    loop_until_count(world->loop, &world->done_count, 10, "ten answers");
}

/* A stop while a question is out: it is waited for, and nobody hears of it or of those behind it. */
static void drops_what_was_not_reported_when_it_stops(void **state)
{
    struct world *world = *state;
    struct numbered first = job_of(world, 1);
    struct numbered second = job_of(world, 2);
    struct numbered silent = job_of(world, 3);

    first.job.work = gated_work;
    silent.job.on_dropped = NULL;
    assert_int_equal(pthread_mutex_lock(&world->gate), 0);
    offload_run(world->offload, &first.job);
    await_work(world);
    offload_run(world->offload, &second.job);
    offload_run(world->offload, &silent.job);
    assert_int_equal(pthread_mutex_unlock(&world->gate), 0);
    offload_stop(&world->offload);
    assert_int_equal(world->dropped_count, 2);
    assert_int_equal(world->done_count, 0);
    assert_true(first.has_worked);
}

static void drops_an_answer_that_the_loop_has_not_taken(void **state)
{
    struct world *world = *state;
    struct numbered first = job_of(world, 1);
    struct numbered second = job_of(world, 2);

    second.job.work = gated_work;
    offload_run(world->offload, &first.job);
    offload_run(world->offload, &second.job);
    await_work(world); /* so the first is done, and its answer waits for the loop */
    offload_stop(&world->offload);
    assert_true(first.has_worked);
    assert_int_equal(world->dropped_count, 2);
    assert_int_equal(world->done_count, 0);
}

static void stops_at_once_when_it_has_nothing_to_do(void **state)
{
    struct world *world = *state;

    offload_stop(&world->offload);
    offload_stop(&world->offload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(works_on_another_thread_and_answers_on_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_jobs_one_after_the_other_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_the_same_job_again_out_of_its_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_what_was_not_reported_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_an_answer_that_the_loop_has_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_at_once_when_it_has_nothing_to_do, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
