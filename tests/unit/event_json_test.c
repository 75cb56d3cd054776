#include "common/event/event_json.h"

#include "common/codec/rfc3339.h"

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

static struct event must_read(const struct fixture *fixture, struct slice body)
{
    struct event event = {0};
    struct event_problem problem = {0};

    if (!event_request_read(&fixture->reader, body, &fixture->origin, &event, &problem))
        fail_msg("%.*s: %s %s", SLICE_ARG(body), problem.field, problem.text);
    return event;
}

#define assert_slice_equal(slice, text) assert_true(slice_equals_text((slice), (text)))

/* ---- requests ---- */

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
        struct event_problem problem = {.is_forbidden = true};
        if (event_request_read(&fixture->reader, slice_from(rows[i].body), &fixture->origin, &event,
                               &problem))
            fail_msg("%s was taken", rows[i].body);
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].body, problem.text);
        assert_false(problem.is_forbidden);
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
            bool is_taken =
                event_request_read(&fixture->reader, buf_slice(&body), &fixture->origin, &event, &problem);
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
        bool is_taken = event_request_read(&fixture->reader, request_with(&body, buf_text(&more)),
                                           &fixture->origin, &event, &problem);
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
        assert_false(event_request_read(&fixture->reader, request_with(&body, buf_text(&more)),
                                        &fixture->origin, &event, &problem));
        assert_true(problem.is_forbidden);
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

/* ---- records ---- */

static const char *const awkward_properties =
    "{ \"n\":9007199254740993,\"d\" : 0.10,\"s\":\"tab\\t quote\\\" \\u00e9 \xf0\x9f\x98\x80 '; "
    "DROP\",\"o\":{\"x\":[1,{}]} }";

static struct event sample(void)
{
    return (struct event){.id = SLICE("id \"1\"\\"),
                          .tenant_id = SLICE("acme"),
                          .environment_id = SLICE("live"),
                          .event_name = SLICE("api \xc3\xa9"),
                          .external_customer_id = SLICE("c:1"),
                          .customer_id = SLICE("a\tb\nc\\"),
                          .source = SLICE(""),
                          .properties = slice_from(awkward_properties),
                          .timestamp_us = NOW_US + 1,
                          .ingested_at_us = NOW_US + 2000,
                          .content_hash = {0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff}};
}

static void writes_a_record_with_properties_last(void **state)
{
    struct event event = sample();
    AUTO_BUF out = {0};

    (void)state;
    event.id_was_made = true;
    event.properties = SLICE("{\"a\": 1 }");
    event_record_write(&out, &event);
    assert_string_equal(
        buf_text(&out),
        "{\"v\":1,\"id\":\"id \\\"1\\\"\\\\\",\"tenant_id\":\"acme\",\"environment_id\":\"live\","
        "\"event_name\":\"api \xc3\xa9\",\"external_customer_id\":\"c:1\",\"customer_id\":"
        "\"a\\tb\\nc\\\\\",\"source\":\"\",\"timestamp\":\"2026-11-21T12:00:00.000001Z\","
        "\"ingested_at\":\"2026-11-21T12:00:00.002Z\",\"content_hash\":"
        "\"ab0102030405060708090a0b0c0d0eff\",\"made\":true,\"properties\":{\"a\": 1 }}");
}

static void reads_back_the_record_that_it_writes(void **state)
{
    const struct fixture *fixture = *state;

    for (int made = 0; made < 2; made++) {
        struct event event = sample();
        struct event again = {0};
        struct err err;
        AUTO_BUF out = {0};
        event.id_was_made = made == 1;
        event_record_write(&out, &event);
        assert_true(event_record_read(&fixture->reader, buf_slice(&out), &again, &err));
        assert_true(slice_equals(again.id, event.id));
        assert_true(slice_equals(again.tenant_id, event.tenant_id));
        assert_true(slice_equals(again.environment_id, event.environment_id));
        assert_true(slice_equals(again.event_name, event.event_name));
        assert_true(slice_equals(again.external_customer_id, event.external_customer_id));
        assert_true(slice_equals(again.customer_id, event.customer_id));
        assert_true(slice_is_empty(again.source));
        assert_slice_equal(again.properties, awkward_properties);
        assert_true(again.timestamp_us == event.timestamp_us);
        assert_true(again.ingested_at_us == event.ingested_at_us);
        assert_memory_equal(again.content_hash, event.content_hash, DIGEST_128_BYTES);
        assert_int_equal(again.id_was_made, made);
    }
}

/* The record of sample(), with the first `old` in it replaced. */
static struct slice record_with(struct buf *out, const char *old, const char *new)
{
    AUTO_BUF record = {0};
    struct event event = sample();

    event.properties = SLICE("{\"p\":1}");
    event_record_write(&record, &event);
    const char *text = buf_text(&record);
    const char *found = strstr(text, old);
    assert_non_null(found);
    buf_clear(out);
    buf_printf(out, "%.*s%s%s", (int)(found - text), text, new, found + strlen(old));
    return buf_slice(out);
}

static void takes_a_record_with_members_that_it_does_not_know(void **state)
{
    const struct fixture *fixture = *state;
    AUTO_BUF out = {0};
    struct event event;
    struct err err;

    assert_true(event_record_read(
        &fixture->reader, record_with(&out, "\"v\":1", "\"new\":{\"id\":[1]},\"v\":1"), &event, &err));
    assert_slice_equal(event.id, "id \"1\"\\");
}

static void refuses_records_that_nobody_of_ours_writes(void **state)
{
    static const struct {
        const char *old;
        const char *new;
        const char *text;
    } rows[] = {
        {"\"v\":1", "\"v\":2", "v is 2, only version 1 is known"},
        {"\"v\":1", "\"v\":1.0", "v is 1.0"},
        {"\"v\":1", "\"v\":\"1\"", "v must be"},
        {"\"v\":1", "\"w\":1", "v must be"},
        {"\"id\":\"id ", "\"id\":\"\\u00e9", "id must be printable"},
        {"\"id\":", "\"di\":", "id is required"},
        {"\"tenant_id\":\"acme\"", "\"tenant_id\":\"\"", "tenant_id is required"},
        {"\"environment_id\":\"live\"", "\"environment_id\":\"\"", "environment_id is required"},
        {"\"event_name\":\"api ", "\"event_name\":\"\\u0007", "event_name must not have control"},
        {"\"external_customer_id\":\"c:1\"", "\"external_customer_id\":null",
         "external_customer_id must be a string"},
        {"\"customer_id\":\"a", "\"source\":\"", "has already"},
        {"2026-11-21T12:00:00.000001Z", "2026-11-21", "timestamp must be RFC 3339"},
        {"2026-11-21T12:00:00.002Z", "2300-01-01T00:00:00Z", "ingested_at is later than the year 2299"},
        {"ab0102", "zz0102", "content_hash must be 32 hex"},
        {"ab0102", "0102", "content_hash must be 32 hex"},
        {"\"properties\":{", "\"made\":false,\"properties\":{", "made must be true"},
        {"{\"p\":1}", "[1]", "properties must be an object"},
        {"{\"p\":1}", "{\"p\":1", "not valid JSON"},
        {"{\"p\":1}", "{\"p\":1,\"p\":1}", "has already"},
        {"{\"p\":1}", "{\"p\":1e400}", "38 digits"},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        struct event event = {.timestamp_us = 7};
        struct err err;
        if (event_record_read(&fixture->reader, record_with(&out, rows[i].old, rows[i].new), &event, &err))
            fail_msg("%s was taken", buf_text(&out));
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].new, err.text);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_true(event.timestamp_us == 7);
    }
}

static void refuses_a_record_that_is_no_object(void **state)
{
    const struct fixture *fixture = *state;
    struct event event;
    struct err err;

    assert_false(event_record_read(&fixture->reader, SLICE("[1]"), &event, &err));
    assert_string_equal(err.text, "a record must be a JSON object");
}

/* ---- exact ---- */

/* The list as "name=value;...". */
static const char *exact_of(const struct fixture *fixture, struct buf *out, const char *properties)
{
    AUTO_BUF record = {0};
    struct event event = sample();
    struct err err;

    event.properties = slice_from(properties);
    event_record_write(&record, &event);
    assert_true(event_record_read(&fixture->reader, buf_slice(&record), &event, &err));
    buf_clear(out);
    for (size_t i = 0; i < event.exact_count; i++)
        buf_printf(out, "%.*s=%.*s;", SLICE_ARG(event.exact[i].name), SLICE_ARG(event.exact[i].value));
    return buf_text(out);
}

static void keeps_digits_that_json_readers_would_change(void **state)
{
    static const struct {
        const char *properties;
        const char *exact;
    } rows[] = {
        {"{}", ""},
        {"{\"a\":1,\"b\":-1,\"c\":0.5,\"d\":\"1.50\",\"e\":true,\"f\":null,\"g\":[1.50],\"h\":{\"a\":1e3}}",
         ""},
        {"{\"a\":9223372036854775807,\"b\":-9223372036854775808}", ""},
        {"{\"a\":123456789.123456}", ""},
        {"{\"a\":0.000001}", ""},
        {"{\"a\":1.50}", "a=1.50;"},
        {"{\"a\":1.0}", "a=1.0;"},
        {"{\"a\":-0}", "a=-0;"},
        {"{\"a\":1e3,\"b\":2,\"c\":1E-3}", "a=1e3;c=1E-3;"},
        {"{\"a\":1234567890.123456}", "a=1234567890.123456;"},
        {"{\"a\":0.0000001}", "a=0.0000001;"},
        {"{\"a\":9223372036854775808}", "a=9223372036854775808;"},
        {"{\"a\":18446744073709551615,\"b\":1}", "a=18446744073709551615;"},
        {"{\"\\u0061b\":1.50}", "ab=1.50;"},
    };
    AUTO_BUF out = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(exact_of(*state, &out, rows[i].properties), rows[i].exact);
}

static void keeps_all_when_one_number_hides_the_rest(void **state)
{
    static const struct {
        const char *properties;
        const char *exact;
    } rows[] = {
        {"{\"a\":1,\"b\":\"x\\ty\",\"c\":true,\"d\":false,\"e\":null,\"f\":[7],\"z\":18446744073709551616}",
         "a=1;b=x\ty;c=true;d=false;z=18446744073709551616;"},
        {"{\"a\":1,\"deep\":{\"x\":[-9223372036854775809]},\"b\":2}", "a=1;b=2;"},
    };
    AUTO_BUF out = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(exact_of(*state, &out, rows[i].properties), rows[i].exact);
}

static void keeps_any_number_of_exact_values(void **state)
{
    AUTO_BUF properties = {0};
    AUTO_BUF expected = {0};
    AUTO_BUF out = {0};

    buf_append_byte(&properties, '{');
    for (int i = 0; i < 1000; i++) {
        buf_printf(&properties, "%s\"k%d\":%d.0", i > 0 ? "," : "", i, i);
        buf_printf(&expected, "k%d=%d.0;", i, i);
    }
    buf_append_byte(&properties, '}');
    assert_string_equal(exact_of(*state, &out, buf_text(&properties)), buf_text(&expected));
}

/* ---- keys ---- */

static void builds_the_record_key(void **state)
{
    struct event event = sample();
    char key[EVENT_KEY_MAX_BYTES];

    (void)state;
    size_t length = event_key_write(&event, key);
    assert_true(slice_equals(slice_of(key, length), SLICE("acme:live:c:1")));
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
        EVENT_TEST(writes_a_record_with_properties_last),
        EVENT_TEST(reads_back_the_record_that_it_writes),
        EVENT_TEST(takes_a_record_with_members_that_it_does_not_know),
        EVENT_TEST(refuses_records_that_nobody_of_ours_writes),
        EVENT_TEST(refuses_a_record_that_is_no_object),
        EVENT_TEST(keeps_digits_that_json_readers_would_change),
        EVENT_TEST(keeps_all_when_one_number_hides_the_rest),
        EVENT_TEST(keeps_any_number_of_exact_values),
        cmocka_unit_test(builds_the_record_key),
    };

    return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
