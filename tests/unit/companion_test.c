/*
 * companion_test.c - rows beside the stage's own, written over a real connection until the answer is yes.
 */
#include "common/service/batch/companion.h"

#include "common/base/buf.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/scripted_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define INSERT "INSERT INTO ids (identity) FORMAT RowBinary"

struct world {
    struct loop *loop;
    struct scripted_clickhouse script;
    struct stage_table table;
    struct companion companion;
    struct buf rows;
    int written_count;
};

static void on_written(void *owner)
{
    struct world *world = owner;

    assert_false(companion_is_writing(&world->companion));
    world->written_count++;
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    world->loop = loop_new();
    scripted_clickhouse_start(&world->script, world->loop);
    world->table = scripted_clickhouse_table(&world->script, "ids", "identity");
    companion_init(&world->companion, world->loop, &world->table, on_written, world);
    buf_append_text(&world->rows, "12345678");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    companion_cancel(&world->companion);
    scripted_clickhouse_stop(&world->script);
    loop_free(&world->loop);
    buf_done(&world->rows);
    test_free(world);
    return 0;
}

static void answer(struct world *world, enum script_manner manner, int code)
{
    scripted_clickhouse_add(&world->script, &(struct script_rule){INSERT, manner, SLICE("why"), code, 1});
}

static void writes_the_rows_once_and_says_so(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_HOLD, 0);
    companion_write(&world->companion, &world->rows);
    assert_true(companion_is_writing(&world->companion));
    loop_until_count(world->loop, &world->script.held_count, 1, "the insert");
    assert_int_equal(world->written_count, 0);
    scripted_clickhouse_let_go(&world->script);
    loop_until_count(world->loop, &world->written_count, 1, "that it is written");
    assert_int_equal(world->script.request_count, 1);
    const struct script_request *request = &world->script.requests[0];
    assert_true(slice_equals_text(buf_slice(&request->body), "12345678"));
    scripted_clickhouse_assert(request, "insert_deduplicate", "0");
    scripted_clickhouse_assert(request, "insert_deduplication_token", NULL);
    scripted_clickhouse_assert(request, "query_id", NULL);
    scripted_clickhouse_assert(request, "wait_end_of_query", "1");
}

static void does_nothing_without_rows(void **state)
{
    struct world *world = *state;
    const struct buf none = {0};

    companion_write(&world->companion, &none);
    assert_false(companion_is_writing(&world->companion));
    assert_int_equal(world->written_count, 0);
}

static bool has_problem(void *context)
{
    return ((struct world *)context)->companion.has_problem;
}

/* Even what ClickHouse calls a fault of the rows: they are ours, so a table or a release must be mended. */
static void writes_again_until_the_answer_is_yes(void **state)
{
    static const struct {
        const char *name;
        enum script_manner manner;
        int code;
        const char *problem;
    } rows[] = {
        {"no table", SCRIPT_REFUSE, 60, "table ids: ClickHouse answered 500, code 60: why"},
        {"a fault of the rows", SCRIPT_REFUSE, 117, "table ids: ClickHouse answered 500, code 117: why"},
        {"half an answer", SCRIPT_CUT, 0, "table ids: ClickHouse: 127.0.0.1"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        answer(world, rows[i].manner, rows[i].code);
        companion_write(&world->companion, &world->rows);
        loop_until(world->loop, has_problem, world, 20000, "the problem");
        if (strstr(world->companion.problem.text, rows[i].problem) == NULL)
            fail_msg("%s", world->companion.problem.text);
        assert_true(companion_is_writing(&world->companion));
        answer(world, SCRIPT_WHOLE, 0);
        loop_until_count(world->loop, &world->written_count, (int)i + 1, "that it is written");
        assert_false(has_problem(world));
        assert_int_equal(world->script.request_count, 2 * (i + 1));
        const struct script_request *again = &world->script.requests[world->script.request_count - 1];
        assert_true(slice_equals_text(buf_slice(&again->body), "12345678"));
    }
}

/* Cancelled between two tries, and while the insert is on its way; then it can be used again. */
static void says_nothing_after_it_was_cancelled(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_REFUSE, 60);
    companion_write(&world->companion, &world->rows);
    loop_until(world->loop, has_problem, world, 20000, "the problem");
    companion_cancel(&world->companion);
    assert_false(companion_is_writing(&world->companion));
    assert_false(has_problem(world));
    answer(world, SCRIPT_HOLD, 0);
    companion_write(&world->companion, &world->rows);
    loop_until_count(world->loop, &world->script.held_count, 1, "the insert");
    companion_cancel(&world->companion);
    companion_cancel(&world->companion);
    answer(world, SCRIPT_WHOLE, 0);
    companion_write(&world->companion, &world->rows);
    loop_until_count(world->loop, &world->written_count, 1, "that it is written");
    assert_int_equal(world->script.request_count, 3);
}

#define COMPANION_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMPANION_TEST(writes_the_rows_once_and_says_so),
        COMPANION_TEST(does_nothing_without_rows),
        COMPANION_TEST(writes_again_until_the_answer_is_yes),
        COMPANION_TEST(says_nothing_after_it_was_cancelled),
    };

    return cmocka_run_group_tests_name("companion", tests, NULL, NULL);
}
