#include "common/event/event_declared.h"
#include "common/event/event_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 2026-11-21T12:00:00Z */
#define NOW_US INT64_C(1795262400000000)

struct fixture {
    struct event_reader reader;
    struct arena arena;
    struct event_origin origin;
};

static int set_up(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    fixture->reader = (struct event_reader){json_reader_new(&json_limits_default), &fixture->arena};
    fixture->origin =
        (struct event_origin){.tenant_id = SLICE("acme"),
                              .environment_id = SLICE("live"),
                              .now_us = NOW_US,
                              .bounds = {.future_ms = 3600000, .past_ms = 400 * UINT64_C(86400000)}};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    json_reader_free(&fixture->reader.json);
    arena_done(&fixture->arena);
    test_free(fixture);
    return 0;
}

/* What came of one event, or of the document. */
struct outcome {
    struct event events[4];
    uint32_t event_count;
    struct event_problem problems[4];
    uint32_t indexes[4]; /* of the problems */
    uint32_t problem_count;
};

static void on_event(void *owner, uint32_t index, const struct event *event)
{
    struct outcome *outcome = owner;

    assert_int_equal(index, outcome->event_count + outcome->problem_count);
    if (outcome->event_count < 4)
        outcome->events[outcome->event_count] = *event;
    outcome->event_count++;
}

static void on_problem(void *owner, uint32_t index, const struct event_problem *problem)
{
    struct outcome *outcome = owner;

    assert_int_equal(index, outcome->event_count + outcome->problem_count);
    if (outcome->problem_count < 4) {
        outcome->problems[outcome->problem_count] = *problem;
        outcome->indexes[outcome->problem_count] = index;
    }
    outcome->problem_count++;
}

static bool read_form(const struct fixture *fixture, enum event_form form, struct slice body,
                      struct outcome *out_outcome, struct event_problem *out_problem)
{
    const struct event_sink sink = {on_event, on_problem, out_outcome};

    *out_outcome = (struct outcome){0};
    return event_request_read(&fixture->reader, body, form, &fixture->origin, &sink, out_problem);
}

/* The one event of the body; false with its problem, or that of the document. */
static bool read_one(const struct fixture *fixture, enum event_form form, struct slice body,
                     struct event *out_event, struct event_problem *out_problem)
{
    struct outcome outcome;

    if (!read_form(fixture, form, body, &outcome, out_problem))
        return false;
    assert_int_equal(outcome.event_count + outcome.problem_count, 1);
    if (outcome.problem_count > 0) {
        *out_problem = outcome.problems[0];
        return false;
    }
    *out_event = outcome.events[0];
    return true;
}

static struct event must_read_form(const struct fixture *fixture, enum event_form form, struct slice body)
{
    struct event event = {0};
    struct event_problem problem = {0};

    if (!read_one(fixture, form, body, &event, &problem))
        fail_msg("%.*s: %s %s", SLICE_ARG(body), problem.field, problem.text);
    return event;
}

static struct event must_read(const struct fixture *fixture, struct slice body)
{
    return must_read_form(fixture, EVENT_FORM_ONE, body);
}

#define assert_slice_equal(slice, text) assert_true(slice_equals_text((slice), (text)))

/* ---- one event ---- */

static void takes_every_field_of_a_request(void **state)
{
    struct event event = must_read(
        *state,
        SLICE(
            "{\"event_name\":\"api\",\"external_customer_id\":\"c:1\",\"event_id\":\"e 1\","
            "\"customer_id\":\"i\\u00e9\",\"timestamp\":\"2026-11-21T13:00:00.5+01:00\",\"source\":\"a\\tb\","
            "\"unknown\":{\"event_name\":\"x\",\"properties\":[1]},\"tenant_id\":\"acme\","
            "\"environment_id\":\"live\",\"properties\": {\"n\" : 1.50} }"));

    assert_slice_equal(event.event_name, "api");
    assert_slice_equal(event.external_customer_id, "c:1");
    assert_slice_equal(event.id, "e 1");
    assert_false(event.id_was_made);
    assert_slice_equal(event.customer_id, "i\xc3\xa9");
    assert_slice_equal(event.source, "a\tb");
    assert_true(event.timestamp_us == NOW_US + 500000);
    assert_true(event.ingested_at_us == NOW_US);
    assert_slice_equal(event.tenant_id, "acme");
    assert_slice_equal(event.environment_id, "live");
    assert_slice_equal(event.properties, "{\"n\" : 1.50}");
}

static void fills_in_what_a_request_leaves_out(void **state)
{
    static const struct slice bodies[] = {
        SLICE("{\"event_name\":\"api\",\"external_customer_id\":\"c1\"}"),
        SLICE(
            "{\"event_name\":\"api\",\"external_customer_id\":\"c1\",\"event_id\":null,\"customer_id\":null,"
            "\"timestamp\":null,\"source\":null,\"properties\":null,\"tenant_id\":null,\"environment_id\":"
            "null}"),
        SLICE(
            "{\"event_name\":\"api\",\"external_customer_id\":\"c1\",\"event_id\":\"\",\"customer_id\":\"\","
            "\"timestamp\":\"\",\"source\":\"\",\"properties\":{},\"tenant_id\":\"\",\"environment_id\":"
            "\"\"}"),
    };
    struct event first = must_read(*state, bodies[0]);

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct event event = must_read(*state, bodies[i]);
        assert_true(event.id_was_made);
        assert_int_equal(event.id.length, 32);
        assert_true(slice_starts_with(event.id, SLICE("event_")));
        assert_true(event.timestamp_us == NOW_US);
        assert_true(slice_is_empty(event.customer_id) && slice_is_empty(event.source));
        assert_slice_equal(event.properties, "{}");
        assert_memory_equal(event.content_hash, first.content_hash, sizeof(event.content_hash));
    }
}

/* A request with the two required fields and `more`. */
static struct slice request_with(struct buf *out, const char *more)
{
    buf_clear(out);
    buf_printf(out, "{\"event_name\":\"api\",\"external_customer_id\":\"c1\",%s}", more);
    return buf_slice(out);
}

static void refuses_a_field_and_says_the_rule(void **state)
{
    static const struct {
        const char *body;
        const char *field;
        const char *text;
    } rows[] = {
        {"", "", "it is empty"},
        {"[]", "", "must be a JSON object"},
        {"\"event_name\"", "", "must be a JSON object"},
        {"null", "", "must be a JSON object"},
        {"{\"event_name\":\"a\",\"event_name\":\"a\"}", "", "a key that the object has already"},
        {"{}", "event_name", "is required"},
        {"{\"event_name\":null}", "event_name", "is required"},
        {"{\"event_name\":\"\"}", "event_name", "is required"},
        {"{\"event_name\":7}", "event_name", "must be a string"},
        {"{\"event_name\":{\"a\":\"b\"}}", "event_name", "must be a string"},
        {"{\"event_name\":\"a\\tb\"}", "event_name", "control characters"},
        {"{\"event_name\":\"a\x7f\"}", "event_name", "control characters"},
        {"{\"event_name\":\"a\xc2\x85\"}", "event_name", "control characters"},
        {"{\"event_name\":\"a\"}", "external_customer_id", "is required"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\\ny\"}", "external_customer_id",
         "control characters"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"event_id\":\" \"}", "event_id", "blank"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"event_id\":\"\xc3\xa9\"}", "event_id",
         "printable"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"event_id\":\"a\\tb\"}", "event_id",
         "printable"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"event_id\":12}", "event_id",
         "must be a string"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"source\":true}", "source",
         "must be a string"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"properties\":[]}", "properties",
         "must be an object"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"properties\":\"{}\"}", "properties",
         "must be an object"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"timestamp\":\"2026-11-21\"}", "timestamp",
         "RFC 3339"},
        {"{\"event_name\":\"a\",\"external_customer_id\":\"x\",\"timestamp\":1795262400}", "timestamp",
         "RFC 3339"},
        {"{\"tenant_id\":7}", "tenant_id", "must be a string"},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct event event = {.timestamp_us = 7};
        struct event_problem problem = {.kind = EVENT_PROBLEM_FORBIDDEN};
        if (read_one(fixture, EVENT_FORM_ONE, slice_from(rows[i].body), &event, &problem))
            fail_msg("%s was taken", rows[i].body);
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].body, problem.text);
        assert_int_equal(problem.kind, EVENT_PROBLEM_INVALID);
        assert_true(event.timestamp_us == 7);
    }
}

static void refuses_a_field_that_is_too_long(void **state)
{
    static const struct {
        const char *field;
        int max_bytes;
    } rows[] = {{"event_name", 256},
                {"external_customer_id", 256},
                {"event_id", 128},
                {"customer_id", 256},
                {"source", 256}};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int extra = 0; extra < 2; extra++) {
            AUTO_BUF body = {0};
            struct event event;
            struct event_problem problem = {0};
            buf_printf(&body, "{\"%s\":\"%0*d\"", rows[i].field, rows[i].max_bytes + extra, 0);
            if (strcmp(rows[i].field, "event_name") != 0)
                buf_append_text(&body, ",\"event_name\":\"a\"");
            if (strcmp(rows[i].field, "external_customer_id") != 0)
                buf_append_text(&body, ",\"external_customer_id\":\"a\"");
            buf_append_byte(&body, '}');
            bool is_taken = read_one(fixture, EVENT_FORM_ONE, buf_slice(&body), &event, &problem);
            assert_int_equal(is_taken, extra == 0);
            assert_string_equal(problem.field, extra == 0 ? "" : rows[i].field);
        }
    }
}

static void keeps_timestamps_within_the_bounds(void **state)
{
    static const struct {
        const char *timestamp;
        const char *text; /* NULL: it is taken */
    } rows[] = {
        {"2026-11-21T13:00:00Z", NULL},
        {"2026-11-21T13:00:00.000001Z", "must not be later than 2026-11-21T13:00:00Z"},
        {"2025-10-17T12:00:00Z", NULL},
        {"2025-10-17T11:59:59.999999Z", "must not be earlier than 2025-10-17T12:00:00Z"},
        {"9999-01-01T00:00:00Z", "later than the year 2299"},
        {"2026-13-01T00:00:00Z", "RFC 3339"},
        {"2026-11-21T12:00:60Z", "RFC 3339"},
        {"10000-01-01T00:00:00Z", "RFC 3339"},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF body = {0};
        AUTO_BUF more = {0};
        struct event event;
        struct event_problem problem = {0};
        buf_printf(&more, "\"timestamp\":\"%s\"", rows[i].timestamp);
        bool is_taken =
            read_one(fixture, EVENT_FORM_ONE, request_with(&body, buf_text(&more)), &event, &problem);
        if (is_taken != (rows[i].text == NULL) || (!is_taken && strstr(problem.text, rows[i].text) == NULL))
            fail_msg("%s: %s", rows[i].timestamp, problem.text);
    }
}

static void endures_bounds_of_any_size(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF body = {0};

    fixture->origin.bounds = (struct event_time_bounds){UINT64_MAX, UINT64_MAX};
    (void)must_read(fixture, request_with(&body, "\"timestamp\":\"1970-01-01T00:00:00Z\""));
    (void)must_read(fixture, request_with(&body, "\"timestamp\":\"2299-12-31T23:59:59.999999Z\""));
}

static void forbids_to_name_another_tenant_or_environment(void **state)
{
    static const char *const fields[] = {"tenant_id", "environment_id"};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < 2; i++) {
        AUTO_BUF body = {0};
        AUTO_BUF more = {0};
        struct event event;
        struct event_problem problem = {0};
        buf_printf(&more, "\"%s\":\"other\"", fields[i]);
        assert_false(
            read_one(fixture, EVENT_FORM_ONE, request_with(&body, buf_text(&more)), &event, &problem));
        assert_int_equal(problem.kind, EVENT_PROBLEM_FORBIDDEN);
        assert_string_equal(problem.field, fields[i]);
    }
}

/* The hash of each row, all but the first group of which differ. */
static void tells_a_duplicate_from_a_conflict(void **state)
{
    static const struct {
        const char *more;
        int group;
    } rows[] = {
        {"\"properties\":{}", 0},
        {"\"event_id\":\"e1\"", 0},
        {"\"event_id\":\"e2\",\"unknown\":1", 0},
        {"\"source\":\"\",\"customer_id\":null", 0},
        {"\"source\":\"a\"", 1},
        {"\"customer_id\":\"a\"", 2},
        {"\"timestamp\":\"2026-11-21T12:00:00Z\"", 3},
        {"\"timestamp\":\"2026-11-21T13:00:00.000+01:00\"", 3},
        {"\"timestamp\":\"2026-11-21T12:00:00.000001Z\"", 4},
        {"\"properties\":{\"a\":1}", 5},
        {"\"properties\":{\"a\":1.0}", 6},
        {"\"properties\":{\"a\": 1}", 7},
    };
    enum { COUNT = sizeof(rows) / sizeof(rows[0]) };
    unsigned char hashes[COUNT][DIGEST_128_BYTES];

    for (size_t i = 0; i < COUNT; i++) {
        AUTO_BUF body = {0};
        struct event event = must_read(*state, request_with(&body, rows[i].more));
        memcpy(hashes[i], event.content_hash, DIGEST_128_BYTES);
        for (size_t j = 0; j < i; j++)
            if ((memcmp(hashes[i], hashes[j], DIGEST_128_BYTES) == 0) != (rows[i].group == rows[j].group))
                fail_msg("%s against %s", rows[i].more, rows[j].more);
    }
}

static void hashes_the_same_at_another_time(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF body = {0};
    struct event first = must_read(fixture, request_with(&body, "\"event_id\":\"e\""));

    fixture->origin.now_us += 1000000;
    struct event second = must_read(fixture, request_with(&body, "\"event_id\":\"e\""));
    assert_memory_equal(first.content_hash, second.content_hash, DIGEST_128_BYTES);
}

/* ---- lists of events ---- */

#define GOOD "{\"event_name\":\"a\",\"external_customer_id\":\"c\"}"

static void hands_on_each_event_of_a_list_and_each_problem(void **state)
{
    struct outcome outcome;
    struct event_problem problem;
    struct slice body =
        SLICE("{\"before\":[{\"events\":[1]}],\"events\":[" GOOD ",7,{\"event_name\":\"b\\u00e9\","
              "\"external_customer_id\":\"d\",\"properties\":{\"events\":[{}]}},[" GOOD "],{}],"
              "\"after\":{\"events\":[]}}");

    if (!read_form(*state, EVENT_FORM_BULK, body, &outcome, &problem))
        fail_msg("%s %s", problem.field, problem.text);
    assert_int_equal(outcome.event_count, 2);
    assert_int_equal(outcome.problem_count, 3);
    assert_slice_equal(outcome.events[0].event_name, "a");
    assert_slice_equal(outcome.events[1].properties, "{\"events\":[{}]}");
    static const struct {
        uint32_t index;
        const char *field, *text;
    } rows[] = {{1, "", "an event must be a JSON object"},
                {3, "", "an event must be a JSON object"},
                {4, "event_name", "is required"}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(outcome.indexes[i], rows[i].index);
        assert_string_equal(outcome.problems[i].field, rows[i].field);
        assert_string_equal(outcome.problems[i].text, rows[i].text);
    }
}

static void refuses_what_is_no_list_of_events(void **state)
{
    static const struct {
        enum event_form form;
        const char *body;
        const char *field;
        const char *text;
    } rows[] = {
        {EVENT_FORM_BULK, "", "", "it is empty"},
        {EVENT_FORM_BULK, "[" GOOD "]", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "3", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{}", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"event\":[" GOOD "]}", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"events\":null}", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"events\":" GOOD "}", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"events\":[]}", "events", "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"a\":{\"events\":[" GOOD "]}}", "events",
         "must be an array of 1 to 1000 events"},
        {EVENT_FORM_BULK, "{\"events\":[" GOOD "],\"events\":[" GOOD "]}", "", "has already"},
        {EVENT_FORM_BULK, "{\"events\":[" GOOD "]", "", "not valid JSON"},
        {EVENT_FORM_BULK, "{\"events\":[" GOOD "]} 1", "", "a second document"},
        {EVENT_FORM_CLOUD_BULK, "{\"events\":[" GOOD "]}", "", "a batch must be an array of 1 to 1000"},
        {EVENT_FORM_CLOUD_BULK, "[]", "", "a batch must be an array of 1 to 1000"},
        {EVENT_FORM_CLOUD_BULK, "\"x\"", "", "a batch must be an array of 1 to 1000"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;
        struct event_problem problem = {0};
        if (read_form(*state, rows[i].form, slice_from(rows[i].body), &outcome, &problem))
            fail_msg("%s was taken", rows[i].body);
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].body, problem.text);
    }
}

static void takes_a_thousand_events_and_not_one_more(void **state)
{
    for (uint32_t extra = 0; extra < 2; extra++) {
        AUTO_BUF body = {0};
        struct outcome outcome;
        struct event_problem problem = {0};
        buf_append_text(&body, "{\"events\":[" GOOD);
        for (uint32_t i = 1; i < EVENT_BULK_MAX + extra; i++)
            buf_append_text(&body, "," GOOD);
        buf_append_text(&body, "]}");
        bool is_taken = read_form(*state, EVENT_FORM_BULK, buf_slice(&body), &outcome, &problem);
        assert_int_equal(is_taken, extra == 0);
        assert_int_equal(outcome.event_count, EVENT_BULK_MAX);
        assert_string_equal(problem.text, extra == 0 ? "" : "must be an array of 1 to 1000 events");
    }
}

/* ---- ids of an Idempotency-Key ---- */

static void makes_the_same_ids_for_the_same_key(void **state)
{
    static const struct {
        struct slice tenant, environment, key;
    } rows[] = {{SLICE("acme"), SLICE("live"), SLICE("k")},
                {SLICE("acme"), SLICE("live"), SLICE("k2")},
                {SLICE("acme"), SLICE("test"), SLICE("k")},
                {SLICE("other"), SLICE("live"), SLICE("k")}};
    struct fixture *fixture = *state;
    char stems[4][EVENT_ID_STEM_BYTES];
    char again[EVENT_ID_STEM_BYTES];

    for (size_t i = 0; i < 4; i++) {
        event_id_stem(rows[i].tenant, rows[i].environment, rows[i].key, stems[i]);
        event_id_stem(rows[i].tenant, rows[i].environment, rows[i].key, again);
        assert_string_equal(stems[i], again);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(stems[i], stems[j]);
    }
    fixture->origin.id_stem = slice_from(stems[0]);
    struct outcome outcome;
    struct event_problem problem;
    assert_true(read_form(fixture, EVENT_FORM_BULK,
                          SLICE("{\"events\":[{\"event_name\":\"a\",\"external_customer_id\":\"c\","
                                "\"event_id\":\"own\"}," GOOD "]}"),
                          &outcome, &problem));
    assert_slice_equal(outcome.events[0].id, "own");
    assert_true(slice_starts_with(outcome.events[1].id, slice_from(stems[0])));
    assert_true(slice_starts_with(outcome.events[1].id, SLICE("event_")));
    assert_slice_equal(slice_from_index(outcome.events[1].id, strlen(stems[0])), "1");
    assert_false(outcome.events[1].id_was_made);
}

/* ---- CloudEvents ---- */

static void takes_a_cloud_event(void **state)
{
    struct event event = must_read_form(
        *state, EVENT_FORM_CLOUD,
        SLICE("{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"com.example.call\",\"source\":\"/s?a=b\","
              "\"subject\":\"c1\",\"time\":\"2026-11-21T11:00:00Z\",\"datacontenttype\":"
              "\"Application/JSON; charset=utf-8\",\"dataschema\":\"x:y\",\"traceparent\":\"z\","
              "\"tenant_id\":\"other\",\"data\":{\"n\": 1.0}}"));

    assert_slice_equal(event.id, "1");
    assert_slice_equal(event.event_name, "com.example.call");
    assert_slice_equal(event.source, "/s?a=b");
    assert_slice_equal(event.external_customer_id, "c1");
    assert_slice_equal(event.properties, "{\"n\": 1.0}");
    assert_slice_equal(event.tenant_id, "acme");
    assert_true(event.timestamp_us == NOW_US - INT64_C(3600000000));
}

static void refuses_a_cloud_event_and_names_the_attribute(void **state)
{
    static const char *const good = "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"s\","
                                    "\"subject\":\"c\",\"data\":{}}";
    static const struct {
        const char *old, *new;
        const char *field; /* NULL: it is taken */
        const char *text;
    } rows[] = {
        {"{}", "{}", NULL, NULL},
        {",\"data\":{}", "", NULL, NULL},
        {"{}", "null", NULL, NULL},
        {"{}", "{},\"datacontenttype\":\"application/x+json\"", NULL, NULL},
        {"\"1.0\"", "\"0.3\"", "specversion", "must be \"1.0\""},
        {"\"1.0\"", "1.0", "specversion", "must be \"1.0\""},
        {"specversion", "version", "specversion", "must be \"1.0\""},
        {"\"id\":\"1\"", "\"id\":\"\"", "id", "is required"},
        {"\"id\":\"1\"", "\"id\":1", "id", "must be a string"},
        {"\"type\":\"t\",", "", "type", "is required"},
        {"\"source\":\"s\",", "", "source", "is required"},
        {"\"subject\":\"c\",", "", "subject", "is required"},
        {"{}", "[]", "data", "must be an object"},
        {"{}", "\"text\"", "data", "must be an object"},
        {"\"data\":{}", "\"data_base64\":\"AA==\"", "data_base64", "is not taken"},
        {"{}", "{},\"datacontenttype\":\"text/xml\"", "datacontenttype", "must be application/json"},
        {"{}", "{},\"datacontenttype\":\"+json\"", "datacontenttype", "must be application/json"},
        {"{}", "{},\"time\":\"today\"", "time", "RFC 3339"},
        {"{}", "{},\"time\":\"2001-01-01T00:00:00Z\"", "time", "must not be earlier"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF body = {0};
        struct event event;
        struct event_problem problem = {0};
        const char *found = strstr(good, rows[i].old);
        buf_printf(&body, "%.*s%s%s", (int)(found - good), good, rows[i].new, found + strlen(rows[i].old));
        bool is_taken = read_one(*state, EVENT_FORM_CLOUD, buf_slice(&body), &event, &problem);
        if (is_taken != (rows[i].field == NULL))
            fail_msg("%s: %s %s", buf_text(&body), problem.field, problem.text);
        if (is_taken)
            continue;
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].text) == NULL)
            fail_msg("%s: %s", buf_text(&body), problem.text);
    }
}

/* ---- declared event types ---- */

static void a_declared_event_becomes_its_envelope(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF value = {0};

    fixture->origin.event_name = SLICE("casino.bet.placed.v1");
    struct event event =
        must_read_form(fixture, EVENT_FORM_DECLARED,
                       SLICE("{\"eventId\":\"e1\",\"eventTimestamp\":\"2026-11-21T13:00:00+02:00\","
                             "\"brandId\":\"b\",\"userId\":\"u1\\\"\",\"metadata\":{\"a\": 1},\"other\":7,"
                             "\"payload\":{\"points\": 1.50}}"));
    event_declared_write(&value, &event);
    assert_string_equal(
        buf_text(&value),
        "{\"v\":1,\"eventId\":\"e1\",\"eventType\":\"casino.bet.placed.v1\",\"eventTimestamp\":"
        "\"2026-11-21T11:00:00Z\",\"brandId\":\"b\",\"userId\":\"u1\\\"\",\"tenantId\":\"acme\","
        "\"environmentId\":\"live\",\"ingestedAt\":\"2026-11-21T12:00:00Z\",\"metadata\":{\"a\": 1},"
        "\"payload\":{\"points\": 1.50}}");
}

static void fills_in_what_a_declared_event_leaves_out(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF value = {0};

    fixture->origin.event_name = SLICE("casino.bet.placed.v1");
    fixture->origin.id_stem = SLICE("event_x_");
    struct event event = must_read_form(
        fixture, EVENT_FORM_DECLARED,
        SLICE("{\"userId\":\"u\",\"eventType\":\"BetPlaced\",\"brandId\":null,\"payload\":{}}"));
    event_declared_write(&value, &event);
    assert_string_equal(
        buf_text(&value),
        "{\"v\":1,\"eventId\":\"event_x_0\",\"eventType\":\"BetPlaced\",\"eventTimestamp\":"
        "\"2026-11-21T12:00:00Z\",\"brandId\":\"\",\"userId\":\"u\",\"tenantId\":\"acme\","
        "\"environmentId\":\"live\",\"ingestedAt\":\"2026-11-21T12:00:00Z\",\"metadata\":{},\"payload\":{}}");
}

static void refuses_a_declared_event_and_names_the_field(void **state)
{
    static const struct {
        const char *body;
        const char *field, *text;
    } rows[] = {
        {"{}", "userId", "is required"},
        {"{\"userId\":7}", "userId", "must be a string"},
        {"{\"userId\":\"a\\n\"}", "userId", "control"},
        {"{\"userId\":\"u\"}", "payload", "is required"},
        {"{\"userId\":\"u\",\"payload\":[]}", "payload", "must be an object"},
        {"{\"userId\":\"u\",\"payload\":{},\"metadata\":\"x\"}", "metadata", "must be an object"},
        {"{\"userId\":\"u\",\"payload\":{},\"eventId\":\" \"}", "eventId", "blank"},
        {"{\"userId\":\"u\",\"payload\":{},\"eventTimestamp\":\"now\"}", "eventTimestamp", "RFC 3339"},
        {"{\"userId\":\"u\",\"payload\":{},\"brandId\":1}", "brandId", "must be a string"},
        {"[]", "", "must be a JSON object"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct event event;
        struct event_problem problem = {0};
        if (read_one(*state, EVENT_FORM_DECLARED, slice_from(rows[i].body), &event, &problem))
            fail_msg("%s was taken", rows[i].body);
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].body, problem.text);
    }
}

#define EVENT_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(takes_every_field_of_a_request),
        EVENT_TEST(fills_in_what_a_request_leaves_out),
        EVENT_TEST(refuses_a_field_and_says_the_rule),
        EVENT_TEST(refuses_a_field_that_is_too_long),
        EVENT_TEST(keeps_timestamps_within_the_bounds),
        EVENT_TEST(endures_bounds_of_any_size),
        EVENT_TEST(forbids_to_name_another_tenant_or_environment),
        EVENT_TEST(tells_a_duplicate_from_a_conflict),
        EVENT_TEST(hashes_the_same_at_another_time),
        EVENT_TEST(hands_on_each_event_of_a_list_and_each_problem),
        EVENT_TEST(refuses_what_is_no_list_of_events),
        EVENT_TEST(takes_a_thousand_events_and_not_one_more),
        EVENT_TEST(makes_the_same_ids_for_the_same_key),
        EVENT_TEST(takes_a_cloud_event),
        EVENT_TEST(refuses_a_cloud_event_and_names_the_attribute),
        EVENT_TEST(a_declared_event_becomes_its_envelope),
        EVENT_TEST(fills_in_what_a_declared_event_leaves_out),
        EVENT_TEST(refuses_a_declared_event_and_names_the_field),
    };

    return cmocka_run_group_tests_name("event_request", tests, NULL, NULL);
}
