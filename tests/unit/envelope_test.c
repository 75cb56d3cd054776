#include "common/event/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_where_a_request_came_from(void **state)
{
    static const char digits[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    char out[ENVELOPE_MAX_BYTES];
    size_t length;

    (void)state;
    length = envelope_ingest_write(SLICE("req-1"), SLICE(""), out);
    assert_true(slice_equals(slice_of(out, length), SLICE("1;r=req-1")));
    length = envelope_ingest_write(SLICE("req-1"), SLICE("00-4bf92f-00f067-01"), out);
    assert_true(slice_equals(slice_of(out, length), SLICE("1;r=req-1;t=00-4bf92f-00f067-01")));
    length = envelope_ingest_write(slice_from(digits), slice_from(digits), out);
    assert_int_equal(length, 4 + 64 + 3 + 64);
}

static void reads_back_what_a_forwarder_writes(void **state)
{
    static const struct envelope_forward rows[] = {
        {0, 0, -1}, {3, 41, 40}, {UINT32_MAX, INT64_MAX, INT64_MAX - 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[ENVELOPE_MAX_BYTES];
        struct envelope_forward forward = {0};
        size_t length = envelope_forward_write(&rows[i], out);
        assert_true(envelope_forward_read(slice_of(out, length), &forward));
        assert_int_equal(forward.epoch, rows[i].epoch);
        assert_true(forward.offset == rows[i].offset);
        assert_true(forward.previous == rows[i].previous);
    }
}

static void refuses_what_a_forwarder_never_writes(void **state)
{
    static const char *const texts[] = {
        "",
        "1",
        "1;e=1;o=2",
        "1;e=1;o=2;p=",
        "1;e=1;o=2;p=1;",
        "1;e=1;o=2;p=1;x=1",
        "2;e=1;o=2;p=1",
        "1;o=2;e=1;p=1",
        "1;e=-1;o=2;p=1",
        "1;e=4294967296;o=2;p=1",
        "1;e=1;o=-1;p=-1",
        "1;e=1;o=2;p=-2",
        "1;e=1;o=2;p=2",
        "1;e=1;o=9223372036854775808;p=2",
        "1;e=1;o= 2;p=1",
        "1;r=req-1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct envelope_forward forward = {7, 7, 7};
        if (envelope_forward_read(slice_from(texts[i]), &forward) || forward.epoch != 7)
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_where_a_request_came_from),
        cmocka_unit_test(reads_back_what_a_forwarder_writes),
        cmocka_unit_test(refuses_what_a_forwarder_never_writes),
    };

    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
