#include "common/codec/rowbinary.h"
#include "consumer-primary/event_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct event_rows *rows = test_calloc(1, sizeof(*rows));

    event_rows_init(rows);
    *state = rows;
    return 0;
}

static int tear_down(void **state)
{
    event_rows_done(*state);
    test_free(*state);
    return 0;
}

/* A record as ingest writes it. */
static void write_value(struct buf *value, struct slice id, struct slice properties)
{
    struct event event = {
        .id = id,
        .tenant_id = SLICE("acme"),
        .environment_id = SLICE("live"),
        .event_name = SLICE("api_call"),
        .external_customer_id = SLICE("cust-7"),
        .customer_id = SLICE("c_1"),
        .source = SLICE("sdk"),
        .properties = properties,
        .timestamp_us = INT64_C(1795262400123456),
        .ingested_at_us = INT64_C(1795262401000000),
    };

    memcpy(event.content_hash, "0123456789abcdef", sizeof(event.content_hash));
    event_record_write(value, &event);
}

static struct batch_record record_of(const struct buf *value, int64_t offset)
{
    return (struct batch_record){.key = SLICE("acme:live:cust-7"),
                                 .value = buf_slice(value),
                                 .epoch = 2,
                                 .partition = 5,
                                 .offset = offset};
}

static void next_is(struct slice *rest, const char *expected)
{
    struct slice text;

    assert_true(rowbinary_read_string(rest, &text));
    if (!slice_equals_text(text, expected))
        fail_msg("%.*s, expected %s", SLICE_ARG(text), expected);
}

static void next_is_i64(struct slice *rest, int64_t expected)
{
    int64_t value;

    assert_true(rowbinary_read_i64(rest, &value));
    assert_int_equal(value, expected);
}

/* In the order of event_row_columns, read back as ClickHouse reads it. */
static void writes_every_column_of_the_row(void **state)
{
    AUTO_BUF value = {0};
    AUTO_BUF row = {0};
    struct err err = {0};
    uint64_t count;
    uint32_t number;
    uint64_t offset;

    write_value(&value, SLICE("evt-1"), SLICE("{\"tokens\": 12345678901234567890.5, \"model\":\"m\"}"));
    struct batch_record record = record_of(&value, 77);
    assert_true(event_rows_decide(*state, &record, &row, &err));
    struct slice rest = buf_slice(&row);
    next_is(&rest, "acme");
    next_is(&rest, "live");
    next_is(&rest, "cust-7");
    next_is(&rest, "api_call");
    next_is_i64(&rest, INT64_C(1795262400123456));
    next_is(&rest, "evt-1");
    next_is(&rest, "c_1");
    next_is(&rest, "sdk");
    next_is(&rest, "{\"tokens\": 12345678901234567890.5, \"model\":\"m\"}");
    assert_true(rowbinary_read_count(&rest, &count) && count == 1);
    next_is(&rest, "tokens");
    next_is(&rest, "12345678901234567890.5");
    next_is_i64(&rest, INT64_C(1795262401000000));
    assert_true(slice_starts_with(rest, SLICE("0123456789abcdef")));
    rest = slice_from_index(rest, DIGEST_128_BYTES);
    assert_true(rowbinary_read_u32(&rest, &number) && number == 2);
    assert_true(rowbinary_read_u32(&rest, &number) && number == 5);
    assert_true(rowbinary_read_u64(&rest, &offset) && offset == 77);
    assert_true(slice_is_empty(rest));
}

static void names_as_many_columns_as_it_writes(void **state)
{
    struct slice rest = slice_from(event_row_columns);
    struct slice name;
    size_t count = 1;

    (void)state;
    while (slice_cut(&rest, ',', &name))
        count++;
    assert_int_equal(count, 15);
}

/* A replay under the same token must have the same bytes, whatever was read in between. */
static void gives_the_same_bytes_for_the_same_record(void **state)
{
    AUTO_BUF value = {0};
    AUTO_BUF other = {0};
    AUTO_BUF rows = {0};
    struct err err = {0};

    write_value(&value, SLICE("evt-1"), SLICE("{\"a\":1.10,\"b\":[1,2]}"));
    write_value(&other, SLICE("evt-2"), SLICE("{\"z\":0.1000000000000000000001}"));
    struct batch_record record = record_of(&value, 77);
    struct batch_record between = record_of(&other, 78);
    assert_true(event_rows_decide(*state, &record, &rows, &err));
    size_t first_end = rows.length;
    assert_true(event_rows_decide(*state, &between, &rows, &err));
    size_t second_end = rows.length;
    assert_true(event_rows_decide(*state, &record, &rows, &err));
    assert_int_equal(rows.length - second_end, first_end);
    assert_memory_equal(rows.data, rows.data + second_end, first_end);
}

struct bad_record {
    const char *what;
    struct slice value;
};

static void refuses_what_is_no_event_and_appends_nothing(void **state)
{
    const struct bad_record rows[] = {
        {"a tombstone", {NULL, 0}},
        {"an empty value", SLICE("")},
        {"no JSON", SLICE("hello")},
        {"JSON that ends early", SLICE("{\"v\":1,\"id\":\"x\"")},
        {"an object of something else", SLICE("{\"hello\":\"world\"}")},
        {"an array", SLICE("[]")},
        {"a later format", SLICE("{\"v\":2,\"id\":\"x\"}")},
        {"bytes that are no text", SLICE("\xff\xfe\x00\x01")},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        AUTO_BUF id = {0};
        struct err err = {0};
        const struct batch_record record = {.value = rows[i].value, .epoch = 1};
        buf_append_text(&out, "before");
        if (event_rows_decide(*state, &record, &out, &err))
            fail_msg("taken: %s", rows[i].what);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_true(err.text[0] != '\0');
        assert_true(slice_equals_text(buf_slice(&out), "before"));
        assert_false(event_rows_identify(*state, &record, &id));
        assert_int_equal(id.length, 0);
    }
}

/* By this id a partition finds out whether its topic was made anew: it must be what the table has. */
static void identifies_a_record_by_the_id_of_its_row(void **state)
{
    AUTO_BUF value = {0};
    AUTO_BUF id = {0};

    write_value(&value, SLICE("evt-1"), SLICE("{}"));
    struct batch_record record = record_of(&value, 77);
    assert_true(event_rows_identify(*state, &record, &id));
    assert_true(slice_equals_text(buf_slice(&id), "evt-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_every_column_of_the_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_as_many_columns_as_it_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_the_same_bytes_for_the_same_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_event_and_appends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identifies_a_record_by_the_id_of_its_row, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("event_row", tests, NULL, NULL);
}
