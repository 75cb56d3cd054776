#include "common/codec/rowbinary.h"
#include "consumer-primary/event_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct world {
    struct json_reader *json;
    struct arena arena;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    world->json = json_reader_new(&json_limits_default);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    json_reader_free(&world->json);
    arena_done(&world->arena);
    test_free(world);
    return 0;
}

static void append_row(struct world *world, const struct batch_record *record, struct buf *rows)
{
    const struct event_reader reader = {world->json, &world->arena};
    struct event event;
    struct err err;

    arena_reset(&world->arena);
    if (!event_record_read(&reader, record->value, &event, &err))
        fail_msg("%s", err.text);
    event_row_write(rows, &event, record);
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
    uint64_t count;
    uint32_t number;
    uint64_t offset;

    write_value(&value, SLICE("evt-1"), SLICE("{\"tokens\": 12345678901234567890.5, \"model\":\"m\"}"));
    struct batch_record record = record_of(&value, 77);
    append_row(*state, &record, &row);
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

    write_value(&value, SLICE("evt-1"), SLICE("{\"a\":1.10,\"b\":[1,2]}"));
    write_value(&other, SLICE("evt-2"), SLICE("{\"z\":0.1000000000000000000001}"));
    struct batch_record record = record_of(&value, 77);
    struct batch_record between = record_of(&other, 78);
    append_row(*state, &record, &rows);
    size_t first_end = rows.length;
    append_row(*state, &between, &rows);
    size_t second_end = rows.length;
    append_row(*state, &record, &rows);
    assert_int_equal(rows.length - second_end, first_end);
    assert_memory_equal(rows.data, rows.data + second_end, first_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_every_column_of_the_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_as_many_columns_as_it_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_the_same_bytes_for_the_same_record, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("event_row", tests, NULL, NULL);
}
