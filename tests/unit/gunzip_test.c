/*
 * gunzip_test.c - streams that are whole, damaged, too long and too good to be true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/codec/gunzip.h"
#include "tests/lib/gzip.h"

enum { MAX_BYTES = GUNZIP_HARMLESS_BYTES + 300000 };

/* Feeds `step` bytes at a time, until they are used up or the result is final. */
static enum gunzip_result decode(struct slice bytes, size_t step, struct buf *out)
{
    struct gunzip *gunzip = gunzip_new(MAX_BYTES);
    enum gunzip_result result = GUNZIP_MORE;

    while (bytes.length > 0 && (result == GUNZIP_MORE || result == GUNZIP_END)) {
        size_t count = step < bytes.length ? step : bytes.length;
        result = gunzip_feed(gunzip, slice_of(bytes.data, count), out);
        bytes = slice_from_index(bytes, count);
    }
    assert_in_range(gunzip_bytes(gunzip), 1, 48 * 1024);
    if (result == GUNZIP_END || result == GUNZIP_MORE)
        assert_int_equal(gunzip_is_at_end(gunzip), result == GUNZIP_END);
    gunzip_free(&gunzip);
    return result;
}

/* Bytes that gzip makes a third or so of, as of JSON. */
static void write_text(struct buf *out, size_t length)
{
    uint32_t state = 1;

    while (out->length < length) {
        state = state * 1664525 + 1013904223;
        buf_printf(out, "{\"event_id\":\"%u\"},", state);
    }
    out->length = length;
}

static void decodes_what_gzip_made_whatever_the_split(void **state)
{
    static const size_t lengths[] = {0, 1, 100, 65535, 65536, 65537, 131072, 200001, MAX_BYTES};
    static const size_t steps[] = {1, 7, 4096, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        AUTO_BUF text = {0};
        AUTO_BUF packed = {0};
        write_text(&text, lengths[i]);
        gzip_write(&packed, buf_slice(&text));
        for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
            AUTO_BUF out = {0};
            print_message("  %zu bytes, %zu at a time\n", lengths[i], steps[j]);
            assert_int_equal(decode(buf_slice(&packed), steps[j], &out), GUNZIP_END);
            assert_true(slice_equals(buf_slice(&out), buf_slice(&text)));
        }
    }
}

static void appends_to_what_is_there(void **state)
{
    AUTO_BUF packed = {0};
    AUTO_BUF out = {0};

    (void)state;
    gzip_write(&packed, SLICE("world"));
    buf_append_text(&out, "hello ");
    assert_int_equal(decode(buf_slice(&packed), SIZE_MAX, &out), GUNZIP_END);
    assert_string_equal(buf_text(&out), "hello world");
}

static void waits_for_the_end_at_every_byte(void **state)
{
    AUTO_BUF packed = {0};

    (void)state;
    gzip_write(&packed, SLICE("{\"event_name\":\"api_call\"}"));
    for (size_t length = 1; length < packed.length; length++) {
        AUTO_BUF out = {0};
        assert_int_equal(decode(slice_of(packed.data, length), SIZE_MAX, &out), GUNZIP_MORE);
    }
}

/* A bit may be mere padding; nothing else is ever decoded than what was packed. */
static void never_takes_damaged_bytes_for_whole(void **state)
{
    AUTO_BUF packed = {0};

    (void)state;
    gzip_write(&packed, SLICE("{\"event_name\":\"api_call\"}"));
    for (size_t i = 0; i < packed.length; i++) {
        AUTO_BUF out = {0};
        packed.data[i] = (char)(packed.data[i] ^ 0x20);
        enum gunzip_result result = decode(buf_slice(&packed), SIZE_MAX, &out);
        if (result == GUNZIP_END)
            assert_string_equal(buf_text(&out), "{\"event_name\":\"api_call\"}");
        else
            assert_true(result == GUNZIP_BROKEN || result == GUNZIP_MORE);
        packed.data[i] = (char)(packed.data[i] ^ 0x20);
    }
}

static void takes_gzip_only_and_nothing_behind_it(void **state)
{
    static const struct {
        const char *name;
        struct slice before, after;
    } rows[] = {
        {"no gzip", SLICE("{"), SLICE("")},
        {"zlib's own format", SLICE("\x78\x9c"), SLICE("")},
        {"a byte behind the end", SLICE(""), SLICE("\0")},
        {"a line feed behind the end", SLICE(""), SLICE("\n")},
        {"a second member", SLICE(""), SLICE("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF packed = {0};
        AUTO_BUF out = {0};
        buf_append_slice(&packed, rows[i].before);
        gzip_write(&packed, SLICE("{}"));
        buf_append_slice(&packed, rows[i].after);
        print_message("  %s\n", rows[i].name);
        assert_int_equal(decode(buf_slice(&packed), SIZE_MAX, &out), GUNZIP_BROKEN);
        assert_int_equal(decode(buf_slice(&packed), 1, &out), GUNZIP_BROKEN);
    }
}

static void stops_at_the_limit(void **state)
{
    static const size_t steps[] = {1, 1000, SIZE_MAX};
    AUTO_BUF text = {0};
    AUTO_BUF packed = {0};

    (void)state;
    write_text(&text, MAX_BYTES + 100000);
    gzip_write(&packed, buf_slice(&text));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        AUTO_BUF out = {0};
        assert_int_equal(decode(buf_slice(&packed), steps[i], &out), GUNZIP_TOO_LARGE);
        assert_int_equal(out.length, MAX_BYTES + 1);
    }
}

static void stops_at_a_bomb_within_a_step(void **state)
{
    static const size_t steps[] = {1, 100, SIZE_MAX};
    AUTO_BUF text = {0};
    AUTO_BUF packed = {0};

    (void)state;
    memset(buf_reserve(&text, MAX_BYTES), ' ', MAX_BYTES);
    text.length = MAX_BYTES;
    gzip_write(&packed, buf_slice(&text));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        AUTO_BUF out = {0};
        assert_int_equal(decode(buf_slice(&packed), steps[i], &out), GUNZIP_BOMB);
        assert_int_equal(out.length, GUNZIP_HARMLESS_BYTES + GUNZIP_STEP_BYTES);
    }
}

static void tells_a_bomb_by_its_whole(void **state)
{
    static const struct {
        size_t length;
        enum gunzip_result result;
    } rows[] = {
        {10000, GUNZIP_END},
        {GUNZIP_HARMLESS_BYTES, GUNZIP_END},
        {GUNZIP_HARMLESS_BYTES + 1, GUNZIP_BOMB},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF text = {0};
        AUTO_BUF packed = {0};
        AUTO_BUF out = {0};
        memset(buf_reserve(&text, rows[i].length), ' ', rows[i].length);
        text.length = rows[i].length;
        gzip_write(&packed, buf_slice(&text));
        assert_true(packed.length * GUNZIP_RATIO_MAX < text.length);
        assert_int_equal(decode(buf_slice(&packed), 1, &out), rows[i].result);
    }
}

/* A client may leave out all that tells its events from one another. */
static void takes_a_batch_of_equal_events(void **state)
{
    AUTO_BUF text = {0};
    AUTO_BUF packed = {0};
    AUTO_BUF out = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_append_text(&text, "{\"event_name\":\"api_call\",\"external_customer_id\":\"customer-1\"},");
    gzip_write(&packed, buf_slice(&text));
    assert_true(packed.length * GUNZIP_RATIO_MAX < text.length);
    assert_int_equal(decode(buf_slice(&packed), SIZE_MAX, &out), GUNZIP_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_gzip_made_whatever_the_split),
        cmocka_unit_test(appends_to_what_is_there),
        cmocka_unit_test(waits_for_the_end_at_every_byte),
        cmocka_unit_test(never_takes_damaged_bytes_for_whole),
        cmocka_unit_test(takes_gzip_only_and_nothing_behind_it),
        cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(stops_at_a_bomb_within_a_step),
        cmocka_unit_test(tells_a_bomb_by_its_whole),
        cmocka_unit_test(takes_a_batch_of_equal_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
