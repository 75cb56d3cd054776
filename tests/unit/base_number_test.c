#include "common/base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_integers_to_their_very_bounds(void **state)
{
    uint64_t u64 = 0;
    int64_t i64 = 0;

    (void)state;
    assert_true(number_u64(SLICE("18446744073709551615"), &u64) && u64 == UINT64_MAX);
    assert_true(number_u64(SLICE("007"), &u64) && u64 == 7);
    assert_true(number_i64(SLICE("9223372036854775807"), &i64) && i64 == INT64_MAX);
    assert_true(number_i64(SLICE("-9223372036854775808"), &i64) && i64 == INT64_MIN);
    assert_true(number_hex64(SLICE("fFffffffffffffff"), &u64) && u64 == UINT64_MAX);
}

static void refuses_all_that_is_not_wholly_a_number(void **state)
{
    static const char *const texts[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "1e3",
                                        "0x10",
                                        "--1",
                                        "18446744073709551616",
                                        "99999999999999999999"};
    uint64_t u64 = 7;
    int64_t i64 = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(number_u64(slice_from(texts[i]), &u64));
        assert_false(number_i64(slice_from(texts[i]), &i64));
        assert_true(u64 == 7 && i64 == 7);
    }
    assert_false(number_u64(SLICE("-1"), &u64));
    assert_false(number_i64(SLICE("9223372036854775808"), &i64));
    assert_false(number_i64(SLICE("-9223372036854775809"), &i64));
    assert_false(number_hex64(SLICE("0ffffffffffffffff"), &u64));
    assert_false(number_hex64(SLICE("0g"), &u64));
}

struct row {
    const char *text;
    uint64_t value; /* UINT64_MAX: refused */
};

static void check(bool (*read)(struct slice, uint64_t *), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = UINT64_MAX;
        if (read(slice_from(rows[i].text), &value) != (rows[i].value != UINT64_MAX) || value != rows[i].value)
            fail_msg("\"%s\" is %llu", rows[i].text, (unsigned long long)value);
    }
}

static void reads_sizes_with_their_unit(void **state)
{
    static const struct row rows[] = {{"0", 0},
                                      {"17", 17},
                                      {"17B", 17},
                                      {"2KiB", 2048},
                                      {"5MiB", 5 << 20},
                                      {"3GiB", UINT64_C(3) << 30},
                                      {"", UINT64_MAX},
                                      {"KiB", UINT64_MAX},
                                      {"1kb", UINT64_MAX},
                                      {"1 KiB", UINT64_MAX},
                                      {"-1KiB", UINT64_MAX},
                                      {"99999999999999GiB", UINT64_MAX}};

    (void)state;
    check(number_size_bytes, rows, sizeof(rows) / sizeof(rows[0]));
}

static void reads_durations_with_their_unit(void **state)
{
    static const struct row rows[] = {
        {"250", 250},       {"250ms", 250},       {"2s", 2000},
        {"3min", 180000},   {"1h", 3600000},      {"400d", UINT64_C(34560000000)},
        {"1m", UINT64_MAX}, {"1.5s", UINT64_MAX}, {"99999999999999999d", UINT64_MAX}};

    (void)state;
    check(number_duration_ms, rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers_to_their_very_bounds),
        cmocka_unit_test(refuses_all_that_is_not_wholly_a_number),
        cmocka_unit_test(reads_sizes_with_their_unit),
        cmocka_unit_test(reads_durations_with_their_unit),
    };

    return cmocka_run_group_tests_name("base_number", tests, NULL, NULL);
}
