#include "common/codec/rowbinary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_little_endian(void **state)
{
    static const unsigned char expected[] = {0xab, 0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03,
                                             0x02, 0x01, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    AUTO_BUF out = {0};

    (void)state;
    rowbinary_write_u8(&out, 0xab);
    rowbinary_write_u32(&out, 0x01020304);
    rowbinary_write_u64(&out, UINT64_C(0x0102030405060708));
    rowbinary_write_i64(&out, -2);
    assert_int_equal(out.length, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
}

static void writes_counts_in_as_few_bytes_as_they_need(void **state)
{
    static const struct {
        uint64_t count;
        size_t bytes;
    } rows[] = {{0, 1}, {127, 1}, {128, 2}, {16383, 2}, {16384, 3}, {UINT32_MAX, 5}, {UINT64_MAX, 10}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        uint64_t count = 1;
        rowbinary_write_count(&out, rows[i].count);
        assert_int_equal(out.length, rows[i].bytes);
        struct slice rest = buf_slice(&out);
        assert_true(rowbinary_read_count(&rest, &count));
        assert_true(count == rows[i].count);
        assert_true(slice_is_empty(rest));
    }
}

static void reads_back_what_it_writes(void **state)
{
    AUTO_BUF out = {0};
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    int64_t i64;
    struct slice text;

    (void)state;
    rowbinary_write_string(&out, SLICE("tab\tand \"quote\""));
    rowbinary_write_u8(&out, 255);
    rowbinary_write_u32(&out, UINT32_MAX);
    rowbinary_write_string(&out, SLICE(""));
    rowbinary_write_u64(&out, UINT64_MAX);
    rowbinary_write_i64(&out, INT64_MIN);
    rowbinary_write_fixed(&out, SLICE("AB"));
    struct slice rest = buf_slice(&out);
    assert_true(rowbinary_read_string(&rest, &text));
    assert_true(slice_equals(text, SLICE("tab\tand \"quote\"")));
    assert_true(rowbinary_read_u8(&rest, &u8) && u8 == 255);
    assert_true(rowbinary_read_u32(&rest, &u32) && u32 == UINT32_MAX);
    assert_true(rowbinary_read_string(&rest, &text) && slice_is_empty(text));
    assert_true(rowbinary_read_u64(&rest, &u64) && u64 == UINT64_MAX);
    assert_true(rowbinary_read_i64(&rest, &i64) && i64 == INT64_MIN);
    assert_true(slice_equals(rest, SLICE("AB")));
}

static void refuses_to_read_past_the_end(void **state)
{
    static const struct slice counts[] = {SLICE(""), SLICE("\x80"),
                                          SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                                          SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")};
    static const struct slice strings[] = {SLICE(""), SLICE("\x01"),
                                           SLICE("\x05"
                                                 "four"),
                                           SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")};
    uint64_t number;
    uint32_t small;
    struct slice text;

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct slice rest = counts[i];
        assert_false(rowbinary_read_count(&rest, &number));
    }
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        struct slice rest = strings[i];
        assert_false(rowbinary_read_string(&rest, &text));
    }
    struct slice rest = SLICE("1234567");
    assert_false(rowbinary_read_u64(&rest, &number));
    rest = SLICE("123");
    assert_false(rowbinary_read_u32(&rest, &small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_little_endian),
        cmocka_unit_test(writes_counts_in_as_few_bytes_as_they_need),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(refuses_to_read_past_the_end),
    };

    return cmocka_run_group_tests_name("rowbinary", tests, NULL, NULL);
}
