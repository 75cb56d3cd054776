#include "common/codec/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_times_with_a_zone(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T00:00:00Z", INT64_C(1795219200000000)},
        {"2026-11-21t00:00:00z", INT64_C(1795219200000000)},
        {"2026-11-21 00:00:00+00:00", INT64_C(1795219200000000)},
        {"2026-11-21T05:30:00+05:30", INT64_C(1795219200000000)},
        {"2026-11-20T16:00:00-08:00", INT64_C(1795219200000000)},
        {"2026-11-21T00:00:00.5Z", INT64_C(1795219200500000)},
        {"2026-11-21T00:00:00.000001Z", INT64_C(1795219200000001)},
        {"2026-11-21T00:00:00.123456999Z", INT64_C(1795219200123456)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
        {"2024-12-31T23:59:59.999Z", INT64_C(1735689599999000)},
        {"9999-12-31T23:59:59.999999Z", RFC3339_MAX_US},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = -1;
        if (!rfc3339_parse(slice_from(rows[i].text), &us) || us != rows[i].us)
            fail_msg("%s: %lld", rows[i].text, (long long)us);
    }
}

static void refuses_all_else(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-11-21",
        "2026-11-21T00:00:00",
        "2026-11-21T00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-12-31T23:59:60Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+0000",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00ZZ",
        "2026-1-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
        "1795219200",
        "Sat, 21 Nov 2026 00:00:00 GMT",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t us = -1;
        if (rfc3339_parse(slice_from(texts[i]), &us) || us != -1)
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

static void writes_only_the_fraction_that_is_needed(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {INT64_C(1795219200000000), "2026-11-21T00:00:00Z"},
        {INT64_C(1795219200120000), "2026-11-21T00:00:00.120Z"},
        {INT64_C(1795219200000010), "2026-11-21T00:00:00.000010Z"},
        {INT64_C(951868799000000), "2000-02-29T23:59:59Z"},
        {RFC3339_MAX_US, "9999-12-31T23:59:59.999999Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[RFC3339_MAX_BYTES];
        assert_int_equal(rfc3339_write(rows[i].us, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

/* A prime number of microseconds apart, so that every part of the time takes many values. */
static void reads_back_what_it_writes(void **state)
{
    (void)state;
    for (int64_t us = 0; us <= RFC3339_MAX_US; us += INT64_C(1234567890121)) {
        char text[RFC3339_MAX_BYTES];
        int64_t again = -1;
        size_t length = rfc3339_write(us, text);
        assert_true(rfc3339_parse(slice_of(text, length), &again));
        assert_true(again == us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times_with_a_zone),
        cmocka_unit_test(refuses_all_else),
        cmocka_unit_test(writes_only_the_fraction_that_is_needed),
        cmocka_unit_test(reads_back_what_it_writes),
    };

    return cmocka_run_group_tests_name("rfc3339", tests, NULL, NULL);
}
