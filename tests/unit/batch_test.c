/*
 * batch_test.c - batches of records as librdkafka gives them: from its mock cluster, because nobody else
 * can make one.
 */
#include "common/base/buf.h"
#include "common/service/batch/batch.h"
#include "tests/lib/each_decider.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RECORDS = 10 };

struct world {
    struct mock_kafka mock;
    struct mock_records records; /* offsets 0 to 9, values "0:0" to "0:9" */
    struct batch batch;
    struct batch other;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", 1);
    mock_kafka_fill(&world->mock, "events", 0, 0, RECORDS);
    world->records = mock_kafka_read(&world->mock, "events", 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    batch_done(&world->batch);
    batch_done(&world->other);
    mock_records_done(&world->records);
    mock_kafka_stop(&world->mock);
    test_free(world);
    return 0;
}

/* Gives the batch the record of that offset. */
static void add(struct world *world, struct batch *batch, int64_t offset)
{
    batch_add(batch, world->records.messages[offset]);
    world->records.messages[offset] = NULL;
}

static void add_range(struct world *world, struct batch *batch, int64_t first, int64_t last)
{
    for (int64_t offset = first; offset <= last; offset++)
        add(world, batch, offset);
}

static void assert_offsets(const struct batch *batch, int64_t first, int64_t last)
{
    uint64_t bytes = 0;

    assert_int_equal(batch->count, last - first + 1);
    for (uint32_t i = 0; i < batch->count; i++) {
        assert_int_equal(batch->messages[i]->offset, first + i);
        bytes += batch_message_bytes(batch->messages[i]);
    }
    assert_int_equal(batch->bytes, bytes);
}

/* ---- records ---- */

static void moves_records_between_batches_in_order(void **state)
{
    struct world *world = *state;

    add_range(world, &world->batch, 0, 9);
    assert_offsets(&world->batch, 0, 9);
    batch_split_off(&world->batch, 4, &world->other);
    assert_offsets(&world->other, 0, 3);
    assert_offsets(&world->batch, 4, 9);
    batch_append_all(&world->other, &world->batch);
    assert_offsets(&world->other, 0, 9);
    assert_int_equal(world->batch.count, 0);
    assert_int_equal(world->batch.bytes, 0);
}

/* Compaction and transactions leave holes. */
static void counts_records_and_not_offsets(void **state)
{
    struct world *world = *state;

    add(world, &world->batch, 2);
    add(world, &world->batch, 5);
    add(world, &world->batch, 6);
    assert_int_equal(batch_first(&world->batch), 2);
    assert_int_equal(batch_last(&world->batch), 6);
    assert_int_equal(batch_count_until(&world->batch, 1), 0);
    assert_int_equal(batch_count_until(&world->batch, 4), 1);
    assert_int_equal(batch_count_until(&world->batch, 5), 2);
    assert_int_equal(batch_count_until(&world->batch, 99), 3);
}

static void sums_the_records_up_to_the_count(void **state)
{
    struct world *world = *state;

    add_range(world, &world->batch, 0, 4);
    add_range(world, &world->other, 5, 9);
    uint64_t four = batch_checksum(&world->batch, 4);
    assert_int_equal(batch_checksum(&world->batch, 4), four);
    assert_int_not_equal(batch_checksum(&world->batch, 5), four);
    assert_int_not_equal(batch_checksum(&world->batch, 5), batch_checksum(&world->other, 5));
}

/* A topic that was made anew has the same offsets with other records; where key and value meet must count. */
static void sums_differ_for_other_records_at_the_same_offsets(void **state)
{
    static const char *const records[][2] = {{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"ab", "d"}};
    struct world *world = *state;
    uint64_t sums[4];

    for (int32_t i = 0; i < 4; i++) {
        mock_kafka_topic(&world->mock, records[i][1], 1);
        mock_kafka_write(&world->mock, records[i][1], 0, slice_from(records[i][0]), slice_from(records[i][1]),
                         NULL);
        struct batch batch = {0};
        AUTO_RECORDS read = mock_kafka_read(&world->mock, records[i][1], 0);
        batch_add(&batch, read.messages[0]);
        read.messages[0] = NULL;
        sums[i] = batch_checksum(&batch, 1);
        batch_done(&batch);
        for (int32_t j = 0; j < i; j++)
            assert_int_not_equal(sums[i], sums[j]);
    }
}

/* ---- decisions ---- */

/* Even offsets have rows: the offset as one byte, twice. */
static bool decide_even(void *stage, const struct batch_record *record, struct buf *rows, struct err *err)
{
    int *calls = stage;

    (*calls)++;
    if (record->offset % 2 == 1) {
        err_set(err, ERR_REJECT, "offset %d is odd", (int)record->offset);
        return false;
    }
    buf_append_byte(rows, (char)record->offset);
    buf_append_byte(rows, (char)record->offset);
    return true;
}

static void decides_each_record_and_notes_why_it_has_no_row(void **state)
{
    struct world *world = *state;
    int calls = 0;

    add_range(world, &world->batch, 0, 4);
    decide_each(&world->batch, 1, decide_even, &calls);
    assert_int_equal(calls, 5);
    assert_int_equal(world->batch.row_count, 3);
    assert_true(slice_equals(buf_slice(&world->batch.rows), slice_of("\0\0\2\2\4\4", 6)));
    assert_int_equal(world->batch.reject_count, 2);
    assert_int_equal(world->batch.rejects[1].index, 3);
    assert_string_equal(world->batch.rejects[1].kind, "decode");
    assert_string_equal(world->batch.rejects[1].reason, "offset 3 is odd");
}

static void forgets_what_it_decided_before(void **state)
{
    struct world *world = *state;
    int calls = 0;

    add_range(world, &world->batch, 0, 4);
    decide_each(&world->batch, 1, decide_even, &calls);
    decide_each(&world->batch, 1, decide_even, &calls);
    assert_int_equal(world->batch.row_count, 3);
    assert_int_equal(world->batch.rows.length, 6);
    assert_int_equal(world->batch.reject_count, 2);
    batch_decide_nothing(&world->batch);
    assert_int_equal(world->batch.row_count, 0);
    assert_int_equal(world->batch.rows.length, 0);
    assert_int_equal(world->batch.reject_count, 0);
    assert_int_equal(world->batch.row_index[4].offset, 4);
}

static bool decide_seen(void *stage, const struct batch_record *record, struct buf *rows, struct err *err)
{
    struct batch_record *seen = stage;

    (void)err;
    *seen = *record;
    buf_append_byte(rows, 'x');
    return true;
}

static void shows_a_stage_the_record_as_kafka_has_it(void **state)
{
    struct world *world = *state;
    struct batch_record seen = {0};

    add(world, &world->batch, 7);
    decide_each(&world->batch, 4, decide_seen, &seen);
    assert_true(slice_equals_text(seen.key, "k"));
    assert_true(slice_equals_text(seen.value, "0:7"));
    assert_int_equal(seen.epoch, 4);
    assert_int_equal(seen.partition, 0);
    assert_int_equal(seen.offset, 7);
}

static void closes_the_gaps_of_rows_that_were_dropped(void **state)
{
    static const struct {
        const char *what;
        uint32_t dropped[3];
        size_t dropped_count;
        struct slice rows;
    } cases[] = {
        {"none", {0}, 0, {"\0\0\2\2\4\4", 6}},
        {"the first", {0}, 1, {"\2\2\4\4", 4}},
        {"the middle one", {2}, 1, {"\0\0\4\4", 4}},
        {"the last", {4}, 1, {"\0\0\2\2", 4}},
        {"all", {0, 2, 4}, 3, {"", 0}},
        {"one that has none", {1}, 1, {"\0\0\2\2\4\4", 6}},
    };
    struct world *world = *state;
    int calls = 0;

    add_range(world, &world->batch, 0, 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_BUF absent = {0};
        decide_each(&world->batch, 1, decide_even, &calls);
        for (size_t d = 0; d < cases[i].dropped_count; d++)
            batch_drop_row(&world->batch, cases[i].dropped[d]);
        batch_close_gaps(&world->batch);
        if (!slice_equals(buf_slice(&world->batch.rows), cases[i].rows))
            fail_msg("%s: %zu bytes are left", cases[i].what, world->batch.rows.length);
        assert_int_equal(batch_absent_rows(&world->batch, NULL, 0, &absent), world->batch.row_count);
        assert_true(slice_equals(buf_slice(&absent), cases[i].rows));
    }
}

static void takes_a_rejected_row_away(void **state)
{
    struct world *world = *state;
    int calls = 0;
    AUTO_BUF rows = {0};

    add_range(world, &world->batch, 0, 4);
    decide_each(&world->batch, 1, decide_even, &calls);
    batch_reject(&world->batch, 2, "insert", "the table says no");
    assert_int_equal(world->batch.row_count, 2);
    assert_int_equal(batch_absent_rows(&world->batch, NULL, 0, &rows), 2);
    assert_true(slice_equals(buf_slice(&rows), slice_of("\0\0\4\4", 4)));
    batch_reject(&world->batch, 1, "insert", "it never had one");
    assert_int_equal(world->batch.row_count, 2);
}

struct absence {
    const char *what;
    uint64_t present[6];
    size_t present_count;
    uint32_t absent_count;
    struct slice rows;
};

static void writes_only_the_rows_that_the_table_lacks(void **state)
{
    static const struct absence rows[] = {
        {"none is there", {0}, 0, 3, {"\0\0\2\2\4\4", 6}},
        {"all are there", {0, 2, 4}, 3, 0, {"", 0}},
        {"the first is there", {0}, 1, 2, {"\2\2\4\4", 4}},
        {"the middle one is there", {2}, 1, 2, {"\0\0\4\4", 4}},
        {"the last is there", {4}, 1, 2, {"\0\0\2\2", 4}},
        {"others are there too", {0, 1, 3, 4, 90}, 5, 1, {"\2\2", 2}},
    };
    struct world *world = *state;
    int calls = 0;

    add_range(world, &world->batch, 0, 4);
    decide_each(&world->batch, 1, decide_even, &calls);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        uint32_t absent = batch_absent_rows(&world->batch, rows[i].present, rows[i].present_count, &out);
        if (absent != rows[i].absent_count || !slice_equals(buf_slice(&out), rows[i].rows))
            fail_msg("%s: %u rows of %zu bytes", rows[i].what, absent, out.length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moves_records_between_batches_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_records_and_not_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_the_records_up_to_the_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_differ_for_other_records_at_the_same_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decides_each_record_and_notes_why_it_has_no_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_what_it_decided_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shows_a_stage_the_record_as_kafka_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closes_the_gaps_of_rows_that_were_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_rejected_row_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_only_the_rows_that_the_table_lacks, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
