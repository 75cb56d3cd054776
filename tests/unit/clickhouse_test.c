/*
 * clickhouse_test.c - questions whose answers come in pieces, and questions with a table of their own, on a
 * real connection.
 */
#include "common/io/clickhouse.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/scripted_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct slice rows = {"0123456789", 10};

struct world {
    struct loop *loop;
    struct scripted_clickhouse script;
    struct buf pieces;
    int piece_count;
    int answered_count;
    enum clickhouse_outcome outcome;
    int code;
    struct buf body; /* of the end */
    struct err err;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    world->loop = loop_new();
    scripted_clickhouse_start(&world->script, world->loop);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    scripted_clickhouse_stop(&world->script);
    loop_free(&world->loop);
    buf_done(&world->pieces);
    buf_done(&world->body);
    test_free(world);
    return 0;
}

static void on_piece(void *owner, struct slice piece)
{
    struct world *world = owner;

    assert_int_equal(world->answered_count, 0);
    buf_append_slice(&world->pieces, piece);
    world->piece_count++;
}

static void on_result(void *owner, const struct clickhouse_result *result)
{
    struct world *world = owner;

    world->answered_count++;
    world->outcome = result->outcome;
    world->code = result->code;
    world->err = result->err;
    buf_append_slice(&world->body, result->body);
}

static struct clickhouse_call *ask(struct world *world, struct clickhouse_query query)
{
    query.sql = "SELECT x";
    query.timeout_ms = 10000;
    query.answer_max_bytes = query.answer_max_bytes > 0 ? query.answer_max_bytes : 1000;
    query.on_result = on_result;
    query.owner = world;
    return clickhouse_ask(world->script.clickhouse, &query);
}

static void answer(struct world *world, enum script_manner manner, struct slice body)
{
    scripted_clickhouse_add(&world->script, &(struct script_rule){"SELECT x", manner, body, 60, 1});
}

static void ask_in_pieces(struct world *world)
{
    (void)ask(world, (struct clickhouse_query){.on_piece = on_piece, .answer_max_bytes = 9});
    loop_until_count(world->loop, &world->answered_count, 1, "the end");
}

/* Its bound is for what is kept: pieces are not. */
static void an_answer_comes_in_pieces_and_nothing_with_the_end(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_PIECES, rows);
    ask_in_pieces(world);
    assert_int_equal(world->outcome, CLICKHOUSE_DONE);
    assert_true(slice_equals(buf_slice(&world->pieces), rows));
    assert_true(world->piece_count > 1);
    assert_int_equal(world->body.length, 0);
}

static void an_answer_of_nothing_has_an_end_and_no_piece(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_WHOLE, slice_of(NULL, 0));
    ask_in_pieces(world);
    assert_int_equal(world->outcome, CLICKHOUSE_DONE);
    assert_int_equal(world->piece_count, 0);
}

static void an_error_comes_whole_and_never_as_a_piece(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_REFUSE, SLICE("no table"));
    ask_in_pieces(world);
    assert_int_equal(world->outcome, CLICKHOUSE_REFUSED);
    assert_int_equal(world->code, 60);
    assert_int_equal(world->piece_count, 0);
    assert_non_null(strstr(world->err.text, "no table"));
}

/* The pieces were right, as far as they went: only the end says that they are not all. */
static void a_connection_that_breaks_behind_some_pieces_is_no_success(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_CUT, rows);
    ask_in_pieces(world);
    assert_int_equal(world->outcome, CLICKHOUSE_NO_ANSWER);
    assert_int_equal(world->err.kind, ERR_RETRY);
    assert_true(slice_equals(buf_slice(&world->pieces), slice_of(rows.data, rows.length - 1)));
}

static void an_answer_that_is_taken_whole_keeps_its_bound(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_PIECES, rows);
    (void)ask(world, (struct clickhouse_query){.answer_max_bytes = 9});
    loop_until_count(world->loop, &world->answered_count, 1, "the end");
    assert_int_equal(world->outcome, CLICKHOUSE_NO_ANSWER);
    assert_non_null(strstr(world->err.text, "over 9 bytes"));
}

static void a_table_of_its_own_comes_with_the_question_byte_for_byte(void **state)
{
    static const struct slice bytes = {"\r\n--a\0b\r\n--\r\n", 13};
    static const struct clickhouse_pair parameters[] = {{"p", "7"}, {NULL, NULL}};
    struct world *world = *state;

    answer(world, SCRIPT_WHOLE, rows);
    (void)ask(world, (struct clickhouse_query){.parameters = parameters,
                                               .external = {"asked", "identity UInt64", bytes}});
    loop_until_count(world->loop, &world->answered_count, 1, "the answer");
    assert_int_equal(world->outcome, CLICKHOUSE_DONE);
    assert_true(slice_equals(buf_slice(&world->body), rows));
    const struct script_request *request = &world->script.requests[0];
    assert_true(slice_equals(scripted_clickhouse_external(request), bytes));
    assert_true(slice_starts_with(buf_slice(&request->content_type), SLICE("multipart/form-data; ")));
    scripted_clickhouse_assert(request, "asked_structure", "identity UInt64");
    scripted_clickhouse_assert(request, "asked_format", "RowBinary");
    scripted_clickhouse_assert(request, "param_p", "7");
}

/* Who knew the next one could put it into an id, and rows of his own behind it. */
static void each_question_has_another_boundary(void **state)
{
    struct world *world = *state;
    const struct script_request *requests = world->script.requests;
    const struct clickhouse_query query = {.external = {"asked", "id String", SLICE("x")}};

    answer(world, SCRIPT_WHOLE, rows);
    answer(world, SCRIPT_WHOLE, rows);
    (void)ask(world, query);
    (void)ask(world, query);
    loop_until_count(world->loop, &world->answered_count, 2, "the answers");
    assert_int_equal(requests[0].content_type.length, requests[1].content_type.length);
    assert_memory_not_equal(requests[0].content_type.data, requests[1].content_type.data,
                            requests[0].content_type.length);
}

static void a_question_that_was_cancelled_is_not_answered(void **state)
{
    struct world *world = *state;

    answer(world, SCRIPT_HOLD, rows);
    struct clickhouse_call *call = ask(world, (struct clickhouse_query){.on_piece = on_piece});
    loop_until_count(world->loop, &world->script.held_count, 1, "the question");
    clickhouse_cancel(call);
    answer(world, SCRIPT_WHOLE, slice_of(NULL, 0));
    ask_in_pieces(world);
    assert_int_equal(world->answered_count, 1);
    assert_int_equal(world->piece_count, 0);
}

#define CLICKHOUSE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLICKHOUSE_TEST(an_answer_comes_in_pieces_and_nothing_with_the_end),
        CLICKHOUSE_TEST(an_answer_of_nothing_has_an_end_and_no_piece),
        CLICKHOUSE_TEST(an_error_comes_whole_and_never_as_a_piece),
        CLICKHOUSE_TEST(a_connection_that_breaks_behind_some_pieces_is_no_success),
        CLICKHOUSE_TEST(an_answer_that_is_taken_whole_keeps_its_bound),
        CLICKHOUSE_TEST(a_table_of_its_own_comes_with_the_question_byte_for_byte),
        CLICKHOUSE_TEST(each_question_has_another_boundary),
        CLICKHOUSE_TEST(a_question_that_was_cancelled_is_not_answered),
    };

    return cmocka_run_group_tests_name("clickhouse", tests, NULL, NULL);
}
