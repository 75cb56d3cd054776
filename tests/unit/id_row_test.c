#include "consumer-primary/id_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct batch_record record = {.epoch = 2, .partition = 5, .offset = 0x0102030405060708};

/* Little-endian, in the order of the columns; DateTime has whole seconds. */
static void writes_every_column_byte_for_byte(void **state)
{
    static const unsigned char expected[] = {
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* identity */
        0x40, 0xd6, 0xa8, 0xaf, 0xc8, 0x60, 0x06, 0x00, /* timestamp */
        0xff, 0xc9, 0x9a, 0x3b,                         /* ingested_at */
        0x06, 0x00, 0x00, 0x00,                         /* key_partitions */
        0x02, 0x00, 0x00, 0x00,                         /* source_epoch */
        0x05, 0x00, 0x00, 0x00,                         /* kafka_partition */
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* kafka_offset */
    };
    const struct id_row row = {
        .identity = UINT64_C(0x1122334455667788),
        .timestamp_us = INT64_C(0x000660c8afa8d640),
        .ingested_at_us = INT64_C(999999999999999),
        .key_partitions = 6,
    };
    AUTO_BUF rows = {0};

    (void)state;
    id_row_write(&rows, &row, &record);
    id_row_write(&rows, &row, &record);
    assert_int_equal(sizeof(expected), ID_ROW_BYTES);
    assert_int_equal(rows.length, 2 * ID_ROW_BYTES);
    assert_memory_equal(rows.data, expected, ID_ROW_BYTES);
    assert_memory_equal(rows.data + ID_ROW_BYTES, expected, ID_ROW_BYTES);
    assert_string_equal(
        id_row_columns,
        "identity, timestamp, ingested_at, key_partitions, source_epoch, kafka_partition, kafka_offset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_every_column_byte_for_byte)};

    return cmocka_run_group_tests_name("id_row", tests, NULL, NULL);
}
