/*
 * list_request_test.c - what a client asks a list for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "query/list_request.h"

/* 2026-11-21T00:00:00Z, and a day. */
#define NOW_US INT64_C(1795219200000000)
#define DAY_US (INT64_C(86400) * 1000000)

struct fixture {
    struct arena arena;
    struct json_reader *json;
    struct list_request request;
    struct parameter_problem problem;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL)
        return -1;
    fixture->json = json_reader_new(&json_limits_default);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    json_reader_free(&fixture->json);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

static bool read_query(struct fixture *fixture, const char *query)
{
    const struct list_reader reader = {fixture->json, &fixture->arena, NOW_US};

    return list_request_from_query(&reader, slice_from(query), &fixture->request, &fixture->problem);
}

static bool read_body(struct fixture *fixture, const char *body)
{
    const struct list_reader reader = {fixture->json, &fixture->arena, NOW_US};

    return list_request_from_body(&reader, slice_from(body), &fixture->request, &fixture->problem);
}

static void nothing_asks_for_the_last_seven_days(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture, ""));
    assert_int_equal(fixture->request.end_us, NOW_US);
    assert_int_equal(fixture->request.start_us, NOW_US - 7 * DAY_US);
    assert_int_equal(fixture->request.page_size, 50);
    assert_true(fixture->request.wants_count);
    assert_false(fixture->request.is_ascending);
    assert_false(fixture->request.has_newer || fixture->request.has_older || fixture->request.has_offset);
    assert_int_equal(fixture->request.sort, LIST_BY_TIMESTAMP);
    assert_true(slice_is_empty(fixture->request.external_customer_id));
}

static void check_every_parameter(const struct list_request *request)
{
    assert_string_equal(request->external_customer_id.data, "c 1");
    assert_string_equal(request->event_name.data, "n m");
    assert_string_equal(request->event_id.data, "e\"");
    assert_string_equal(request->source.data, "s");
    assert_int_equal(request->start_us, NOW_US - DAY_US);
    assert_int_equal(request->end_us, NOW_US - DAY_US / 2);
    assert_int_equal(request->page_size, 7);
    assert_true(request->is_ascending);
    assert_false(request->wants_count);
    assert_true(request->has_newer && request->has_older);
    assert_int_equal(request->newer.us, 1);
    assert_int_equal(request->older.us, 5);
    assert_int_equal(request->older.tie, 11);
    assert_int_equal(request->filters->count, 2);
    assert_string_equal(request->filters->items[1].name.data, "j");
    assert_string_equal(request->filters->values[0].data, "v");
    assert_string_equal(request->filters->values[2].data, "1.50");
}

static void every_parameter_is_taken_from_a_query_string(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture, "external_customer_id=c%201&event_name=n+m&event_id=e%22&source=s"
                                    "&start_time=2026-11-20T02:00:00%2B02:00&end_time=2026-11-20T12:00:00Z"
                                    "&page_size=7&order=asc&count_total=false&sort=timestamp"
                                    "&iter_first_key=1000::a&iter_last_key=5000:000000000000000b:b"
                                    "&property_filters=k:v%2Cw;j%3a1.50"));
    check_every_parameter(&fixture->request);
}

static void every_parameter_is_taken_from_json(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_body(fixture,
                          "{\"external_customer_id\":\"c 1\",\"event_name\":\"n m\",\"event_id\":\"e\\\"\","
                          "\"source\":\"s\",\"start_time\":\"2026-11-20T02:00:00+02:00\","
                          "\"end_time\":\"2026-11-20T12:00:00Z\",\"page_size\":7,\"order\":\"asc\","
                          "\"count_total\":false,\"sort\":\"timestamp\",\"iter_first_key\":\"1000::a\","
                          "\"iter_last_key\":\"5000:000000000000000b:b\",\"unknown\":[{\"page_size\":9}],"
                          "\"property_filters\":{\"k\":[\"v\",\"w\"],\"j\":[1.50]}}"));
    check_every_parameter(&fixture->request);
}

static void json_may_ask_for_longer_pages(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_body(fixture, "{}"));
    assert_int_equal(fixture->request.page_size, 50);
    assert_true(read_body(fixture, "{\"page_size\":1000}"));
    assert_int_equal(fixture->request.page_size, 1000);
    assert_true(read_body(fixture, "{\"page_size\":null,\"sort\":\"\",\"property_filters\":null}"));
    assert_int_equal(fixture->request.page_size, 50);
    assert_null(fixture->request.filters);
}

static void the_start_follows_the_end(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture, "end_time=2026-01-08T00:00:00Z"));
    assert_int_equal(fixture->request.end_us - fixture->request.start_us, 7 * DAY_US);
    assert_true(read_query(fixture, "end_time=1970-01-02T00:00:00Z"));
    assert_int_equal(fixture->request.start_us, 0);
}

static void empty_and_unknown_parameters_change_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture,
                           "page_size=&sort=&order&iter_last_key=&offset=&property_filters=&start_time="
                           "&unknown=1&unknown=2&bad=%zz&%zz=1"));
    assert_int_equal(fixture->request.page_size, 50);
    assert_false(fixture->request.has_offset || fixture->request.has_older);
}

static void names_are_decoded_too(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture, "page%5Fsize=3"));
    assert_int_equal(fixture->request.page_size, 3);
}

static void a_list_by_name_is_walked_by_offset(void **state)
{
    struct fixture *fixture = *state;

    assert_true(read_query(fixture, "sort=event_name"));
    assert_true(fixture->request.has_offset);
    assert_int_equal(fixture->request.offset, 0);
    assert_true(read_query(fixture, "offset=100"));
    assert_int_equal(fixture->request.offset, 100);
}

static void a_bad_parameter_is_named(void **state)
{
    static const struct {
        const char *query, *parameter;
    } rows[] = {
        {"page_size=0", "page_size"},
        {"page_size=51", "page_size"},
        {"page_size=-1", "page_size"},
        {"page_size=1.5", "page_size"},
        {"page_size=18446744073709551617", "page_size"},
        {"page_size=1&page_size=1", "page_size"},
        {"page_size=&page_size=1", "page_size"},
        {"offset=100001", "offset"},
        {"offset=-1", "offset"},
        {"start_time=yesterday", "start_time"},
        {"start_time=2026-11-20T00:00:00", "start_time"},
        {"start_time=2026-11-20T00:00:00+02:00", "start_time"},
        {"end_time=2026-13-20T00:00:00Z", "end_time"},
        {"start_time=2026-11-20T00:00:01Z&end_time=2026-11-20T00:00:00Z", "end_time"},
        {"start_time=2026-11-22T00:00:00Z", "end_time"},
        {"iter_first_key=1", "iter_first_key"},
        {"iter_last_key=a::b", "iter_last_key"},
        {"iter_last_key=1::b&offset=1", "offset"},
        {"iter_last_key=1::b&sort=event_name", "sort"},
        {"sort=properties", "sort"},
        {"sort=Timestamp", "sort"},
        {"order=up", "order"},
        {"count_total=0", "count_total"},
        {"event_name=%00", "event_name"},
        {"source=%ff", "source"},
        {"source=%4", "source"},
        {"property_filters=k", "property_filters"},
        {"iter_last_key=1:0123:b", "iter_last_key"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(read_query(fixture, rows[i].query));
        assert_string_equal(fixture->problem.parameter, rows[i].parameter);
        assert_true(strlen(fixture->problem.text) > 0);
    }
}

static void a_bad_member_is_named(void **state)
{
    static const struct {
        const char *body, *parameter;
    } rows[] = {
        {"{\"page_size\":0}", "page_size"},
        {"{\"page_size\":1001}", "page_size"},
        {"{\"page_size\":\"1\"}", "page_size"},
        {"{\"page_size\":1.0}", "page_size"},
        {"{\"page_size\":[1]}", "page_size"},
        {"{\"event_name\":1}", "event_name"},
        {"{\"event_name\":{}}", "event_name"},
        {"{\"count_total\":\"false\"}", "count_total"},
        {"{\"start_time\":0}", "start_time"},
        {"{\"property_filters\":\"k:v\"}", "property_filters"},
        {"{\"property_filters\":{\"k\":\"v\"}}", "property_filters"},
        {"{\"iter_last_key\":\"1::b\",\"offset\":1}", "offset"},
        {"", ""},
        {"[]", ""},
        {"{}{}", ""},
        {"{\"order\":\"asc\",\"order\":\"asc\"}", ""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(read_body(fixture, rows[i].body));
        assert_string_equal(fixture->problem.parameter, rows[i].parameter);
        assert_true(strlen(fixture->problem.text) > 0);
    }
}

static void texts_have_the_bounds_of_events(void **state)
{
    static const struct {
        const char *name;
        size_t max_bytes;
    } rows[] = {{"external_customer_id", 256}, {"event_name", 256}, {"event_id", 128}, {"source", 256}};
    struct fixture *fixture = *state;
    char query[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300];
        memset(text, 'x', sizeof(text));
        (void)snprintf(query, sizeof(query), "%s=%.*s", rows[i].name, (int)rows[i].max_bytes, text);
        assert_true(read_query(fixture, query));
        (void)snprintf(query, sizeof(query), "%s=%.*s", rows[i].name, (int)rows[i].max_bytes + 1, text);
        assert_false(read_query(fixture, query));
        assert_string_equal(fixture->problem.parameter, rows[i].name);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_asks_for_the_last_seven_days),
        TEST(every_parameter_is_taken_from_a_query_string),
        TEST(every_parameter_is_taken_from_json),
        TEST(json_may_ask_for_longer_pages),
        TEST(the_start_follows_the_end),
        TEST(empty_and_unknown_parameters_change_nothing),
        TEST(names_are_decoded_too),
        TEST(a_list_by_name_is_walked_by_offset),
        TEST(a_bad_parameter_is_named),
        TEST(a_bad_member_is_named),
        TEST(texts_have_the_bounds_of_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
