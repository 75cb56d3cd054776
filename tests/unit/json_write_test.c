#include "common/codec/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void escapes_what_json_demands_and_nothing_else(void **state)
{
    static const struct {
        struct slice text;
        const char *json;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {SLICE("plain"), "\"plain\""},
        {SLICE("a\"b\\c/d"), "\"a\\\"b\\\\c/d\""},
        {SLICE("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {SLICE("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\""},
        {SLICE("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {SLICE("\"at both ends\""), "\"\\\"at both ends\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        json_write_string(&out, rows[i].text);
        assert_string_equal(buf_text(&out), rows[i].json);
    }
}

/* Any byte at any place of a text that is longer than a few words. */
static void escapes_a_byte_wherever_it_stands(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        bool is_escaped = byte < 0x20 || byte == '"' || byte == '\\';
        for (size_t at = 0; at < 20; at++) {
            AUTO_BUF out = {0};
            char text[20];
            memset(text, 'a', sizeof(text));
            text[at] = (char)byte;
            json_write_string(&out, slice_of(text, sizeof(text)));
            assert_true(out.data[at] == (at == 0 ? '"' : 'a'));
            assert_int_equal((unsigned char)out.data[at + 1], is_escaped ? '\\' : byte);
            assert_memory_equal(out.data + out.length - (20 - at), "aaaaaaaaaaaaaaaaaaa\"" + at, 20 - at);
        }
    }
}

static void puts_commas_between_members_only(void **state)
{
    AUTO_BUF out = {0};

    (void)state;
    buf_append_text(&out, "{");
    json_write_member(&out, "a", SLICE("x{"));
    json_write_raw_member(&out, "b", SLICE("{\"c\":[]}"));
    json_write_i64_member(&out, "d", INT64_MIN);
    buf_append_text(&out, "}");
    assert_string_equal(buf_text(&out), "{\"a\":\"x{\",\"b\":{\"c\":[]},\"d\":-9223372036854775808}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_json_demands_and_nothing_else),
        cmocka_unit_test(escapes_a_byte_wherever_it_stands),
        cmocka_unit_test(puts_commas_between_members_only),
    };

    return cmocka_run_group_tests_name("json_write", tests, NULL, NULL);
}
