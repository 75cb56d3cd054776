/*
 * trace_test.c - what is told of the events under one id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/codec/rowbinary.h"
#include "query/trace.h"

static void write_place(struct buf *rows, uint64_t offset)
{
    rowbinary_write_u32(rows, 1);
    rowbinary_write_u32(rows, 3);
    rowbinary_write_u64(rows, offset);
}

static void write_event(struct buf *rows, const char *customer, int64_t stored_us, uint64_t offset)
{
    rowbinary_write_string(rows, slice_from(customer));
    rowbinary_write_string(rows, SLICE("n"));
    rowbinary_write_i64(rows, 1000000);
    rowbinary_write_i64(rows, 2000000);
    rowbinary_write_i64(rows, stored_us);
    write_place(rows, offset);
}

static void write_outcome(struct buf *rows, const char *customer, const char *outcome, uint64_t offset)
{
    rowbinary_write_string(rows, slice_from(customer));
    rowbinary_write_string(rows, SLICE("a-stage"));
    rowbinary_write_string(rows, slice_from(outcome));
    rowbinary_write_string(rows, SLICE("because"));
    rowbinary_write_string(rows, SLICE("events"));
    rowbinary_write_i64(rows, 4000000);
    write_place(rows, offset);
    write_place(rows, 7);
}

/* Records up to offset 9 were forwarded; of those from 100 on nobody knows. */
static enum trace_forwarded was_forwarded(void *owner, const struct trace_place *place,
                                          const char **out_reason)
{
    (void)owner;
    *out_reason = place->offset >= 100 ? "nobody knows" : "not yet";
    if (place->offset >= 100)
        return TRACE_UNKNOWN;
    return place->offset < 10 ? TRACE_FORWARDED : TRACE_NOT_FORWARDED;
}

static void check(const struct buf *events, const struct buf *outcomes, const char *expected)
{
    const struct trace_request request = {.id = SLICE("e\"1")};
    const struct trace_topics topics = {"events", "forwarded-to", was_forwarded, NULL};
    struct arena arena = {0};
    struct trace trace = {.events = NULL};
    AUTO_BUF json = {0};

    assert_true(trace_read_events(buf_slice(events), &arena, &trace));
    assert_true(trace_read_outcomes(buf_slice(outcomes), &arena, &trace));
    trace_write(&json, &request, &trace, &topics);
    assert_string_equal(buf_text(&json), expected);
    arena_done(&arena);
}

#define STEPS(offset, stored, forwarded)                                                                     \
    "\"event_name\":\"n\",\"timestamp\":\"1970-01-01T00:00:01Z\",\"steps\":["                                \
    "{\"step\":\"received\",\"done\":true,\"at\":\"1970-01-01T00:00:02Z\"},"                                 \
    "{\"step\":\"in_kafka\",\"done\":true,\"topic\":\"events\",\"epoch\":1,\"partition\":3,"                 \
    "\"offset\":" offset "},{\"step\":\"stored\",\"done\":true" stored                                       \
    "},{\"step\":\"forwarded\",\"done\":" forwarded "}]"

static void a_stored_event_has_its_steps(void **state)
{
    static const struct {
        int64_t stored_us;
        uint64_t offset;
        const char *expected;
    } rows[] = {
        {3000000, 9,
         "{\"id\":\"e\\\"1\",\"events\":[{\"external_customer_id\":\"a\",\"status\":\"forwarded\"," STEPS(
             "9", ",\"at\":\"1970-01-01T00:00:03Z\"",
             "true,\"topic\":\"forwarded-to\"") ",\"outcomes\":[]}]}"},
        {0, 10,
         "{\"id\":\"e\\\"1\",\"events\":[{\"external_customer_id\":\"a\",\"status\":\"stored\"," STEPS(
             "10", "", "false,\"topic\":\"forwarded-to\",\"reason\":\"not yet\"") ",\"outcomes\":[]}]}"},
        {0, 100,
         "{\"id\":\"e\\\"1\",\"events\":[{\"external_customer_id\":\"a\",\"status\":\"stored\"," STEPS(
             "100", "", "null,\"topic\":\"forwarded-to\",\"reason\":\"nobody knows\"") ",\"outcomes\":[]}]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF events = {0};
        AUTO_BUF outcomes = {0};
        write_event(&events, "a", rows[i].stored_us, rows[i].offset);
        check(&events, &outcomes, rows[i].expected);
    }
}

static void copies_stand_beside_their_event_and_each_customer_has_its_own(void **state)
{
    AUTO_BUF events = {0};
    AUTO_BUF outcomes = {0};

    (void)state;
    write_event(&events, "b", 0, 1);
    write_event(&events, "b", 0, 2); /* a copy under another time: not shown */
    write_outcome(&outcomes, "a", "dead_letter", 5);
    write_outcome(&outcomes, "b", "duplicate", 6);
    check(
        &events, &outcomes,
        "{\"id\":\"e\\\"1\",\"events\":[{\"external_customer_id\":\"a\",\"status\":\"dead_letter\",\"steps\":"
        "["
        "{\"step\":\"in_kafka\",\"done\":true,\"topic\":\"events\",\"epoch\":1,\"partition\":3,\"offset\":5},"
        "{\"step\":\"stored\",\"done\":false,\"reason\":\"because\"}],\"outcomes\":["
        "{\"outcome\":\"dead_letter\",\"reason\":\"because\",\"stage\":\"a-stage\","
        "\"at\":\"1970-01-01T00:00:04Z\",\"topic\":\"events\",\"epoch\":1,\"partition\":3,\"offset\":5}]},"
        "{\"external_customer_id\":\"b\",\"status\":\"forwarded\"," STEPS(
            "1", "",
            "true,\"topic\":\"forwarded-to\"") ",\"outcomes\":["
                                               "{\"outcome\":\"duplicate\",\"reason\":\"because\","
                                               "\"stage\":\"a-stage\",\"at\":\"1970-01-01T00:00:04Z\","
                                               "\"topic\":\"events\",\"epoch\":1,\"partition\":3,"
                                               "\"offset\":6,\"first\":{\"epoch\":1,\"partition\":3,"
                                               "\"offset\":7}}]}]}");
}

static void half_a_row_is_none(void **state)
{
    struct arena arena = {0};
    AUTO_BUF events = {0};
    AUTO_BUF outcomes = {0};

    (void)state;
    write_event(&events, "a", 0, 1);
    write_outcome(&outcomes, "a", "conflict", 1);
    for (size_t length = 1; length < events.length; length++) {
        struct trace trace = {.events = NULL};
        assert_false(trace_read_events(slice_of(events.data, length), &arena, &trace));
    }
    for (size_t length = 1; length < outcomes.length; length++) {
        struct trace trace = {.events = NULL};
        assert_false(trace_read_outcomes(slice_of(outcomes.data, length), &arena, &trace));
    }
    arena_done(&arena);
}

static void more_than_is_shown_is_said(void **state)
{
    struct arena arena = {0};
    AUTO_BUF events = {0};
    struct trace trace = {.events = NULL};

    (void)state;
    for (int i = 0; i < TRACE_ROWS_MAX; i++)
        write_event(&events, "a", 0, 1);
    assert_true(trace_read_events(buf_slice(&events), &arena, &trace));
    assert_false(trace.has_more);
    write_event(&events, "a", 0, 1);
    trace = (struct trace){.events = NULL};
    assert_true(trace_read_events(buf_slice(&events), &arena, &trace));
    assert_true(trace.has_more);
    assert_int_equal(trace.event_count, TRACE_ROWS_MAX);
    arena_done(&arena);
}

static void the_id_may_hold_any_character_and_must_be_there(void **state)
{
    struct arena arena = {0};
    struct trace_request request;
    struct parameter_problem problem;

    (void)state;
    assert_true(
        trace_request_read(SLICE("id=a%2Fb%2Bc%25&external_customer_id=%C3%A4"), &arena, &request, &problem));
    assert_string_equal(request.id.data, "a/b+c%");
    assert_string_equal(request.external_customer_id.data, "ä");
    assert_false(trace_request_read(SLICE("external_customer_id=x"), &arena, &request, &problem));
    assert_string_equal(problem.parameter, "id");
    arena_done(&arena);
}

static void tenant_and_environment_stand_in_both_questions(void **state)
{
    const struct question_scope scope = {"t", "e"};
    const struct trace_request request = {SLICE("' OR 1=1"), SLICE("' OR 2=2")};
    struct arena arena = {0};
    struct question questions[2] = {{.arena = &arena}, {.arena = &arena}};

    (void)state;
    trace_ask_events(&scope, &request, &questions[0]);
    trace_ask_outcomes(&scope, &request, &questions[1]);
    for (int i = 0; i < 2; i++) {
        assert_non_null(strstr(questions[i].text,
                               " FINAL WHERE tenant_id = {tenant:String} AND "
                               "environment_id = {environment:String} AND id = "
                               "{id:String} AND external_customer_id = {customer:String}"));
        assert_null(strstr(questions[i].text, "=1"));
        assert_null(strstr(questions[i].text, "=2"));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_event_has_its_steps),
        cmocka_unit_test(copies_stand_beside_their_event_and_each_customer_has_its_own),
        cmocka_unit_test(half_a_row_is_none),
        cmocka_unit_test(more_than_is_shown_is_said),
        cmocka_unit_test(the_id_may_hold_any_character_and_must_be_there),
        cmocka_unit_test(tenant_and_environment_stand_in_both_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
