#include "common/event/event_json.h"

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
};

static int set_up(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    fixture->reader = (struct event_reader){json_reader_new(&json_limits_default), &fixture->arena};
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

#define assert_slice_equal(slice, text) assert_true(slice_equals_text((slice), (text)))

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
