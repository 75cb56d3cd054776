#include "common/codec/json_read.h"

#include "common/base/buf.h"
#include "common/codec/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int make_reader(void **state)
{
    *state = json_reader_new(&json_limits_default);
    return 0;
}

static int free_reader(void **state)
{
    json_reader_free((struct json_reader **)state);
    return 0;
}

static bool ignore(void *owner, const struct json_token *token, struct err *err)
{
    (void)owner;
    (void)token;
    (void)err;
    return true;
}

static bool is_read(struct json_reader *reader, struct slice document)
{
    struct err err;
    bool read = json_read(reader, document, ignore, NULL, &err);

    if (!read)
        assert_int_equal(err.kind, ERR_REJECT);
    return read;
}

struct document {
    struct slice text;
    const char *because; /* NULL: it is taken; else a part of the refusal */
};

static void check_documents(struct json_reader *reader, const struct document *documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err err;
        bool read = json_read(reader, documents[i].text, ignore, NULL, &err);
        if (read != (documents[i].because == NULL))
            fail_msg("%.*s: %s", SLICE_ARG(documents[i].text), read ? "was taken" : err.text);
        if (!read && strstr(err.text, documents[i].because) == NULL)
            fail_msg("%.*s: refused because %s", SLICE_ARG(documents[i].text), err.text);
        /* Whatever came before, the next document starts afresh. */
        assert_true(is_read(reader, SLICE("{\"a\":[1]}")));
    }
}

#define CHECK_DOCUMENTS(reader, documents)                                                                   \
    check_documents((reader), (documents), sizeof(documents) / sizeof((documents)[0]))

static void takes_what_the_standard_allows(void **state)
{
    static const struct document documents[] = {
        {SLICE("{}"), NULL},
        {SLICE("[]"), NULL},
        {SLICE("0"), NULL},
        {SLICE(" \t\r\n-1.5e+3 \n"), NULL},
        {SLICE("\"\""), NULL},
        {SLICE("true"), NULL},
        {SLICE("null"), NULL},
        {SLICE("{\"\":\"\"}"), NULL},
        {SLICE("\"\\u00e9\\ud83d\\ude00\\n\\/\""), NULL},
        {SLICE("\"\x7f \xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80 \xef\xbb\xbf\""), NULL},
        {SLICE("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"), NULL},
        {SLICE("{\"__proto__\":1}"), NULL},
    };

    CHECK_DOCUMENTS(*state, documents);
}

static void refuses_what_is_not_json(void **state)
{
    static const struct document documents[] = {
        {SLICE(""), "empty"},
        {SLICE(" "), "too early"},
        {SLICE("{\"a\":1"), "premature EOF"},
        {SLICE("{}{}"), "a second document"},
        {SLICE("1 2"), "a second document"},
        {SLICE("{}]"), "unallowed token"},
        {SLICE("{},"), "unallowed token"},
        {SLICE("{}\""), "too early"},
        {SLICE("{} tr"), "invalid string"},
        {SLICE("/* */{}"), "comment"},
        {SLICE("{'a':1}"), "invalid char"},
        {SLICE("NaN"), "invalid char"},
        {SLICE("-Infinity"), "malformed number"},
        {SLICE("01"), "a second document"},
        {SLICE("1."), "malformed number"},
        {SLICE("[1,]"), "unallowed token"},
        {SLICE("{\"a\" 1}"), "object key and value"},
        {SLICE("{\"a\":1,}"), "invalid"},
        {SLICE("{\f}"), "white space"},
        {SLICE("{}\f"), "white space"},
        {SLICE("[1\v]"), "white space"},
        {SLICE("\"a\nb\""), "invalid"},
    };

    CHECK_DOCUMENTS(*state, documents);
}

static void refuses_what_programs_read_differently(void **state)
{
    static const struct document documents[] = {
        {SLICE("\xef\xbb\xbf{}"), "byte order mark"},
        {SLICE("\"\xc0\x80\""), "at byte 1: not UTF-8"},
        {SLICE("\"abc\xed\xa0\x80\""), "at byte 4: not UTF-8"},
        {SLICE("\"\xf4\x90\x80\x80\""), "not UTF-8"},
        {SLICE("\"\xe9t\xe9\""), "not UTF-8"},
        {SLICE("\"\xc3"), "not UTF-8"},
        {SLICE("{\0}\0"), "invalid char"},
        {SLICE("\"a\0b\""), "invalid"},
        {SLICE("\"a\\u0000\""), "at byte 2: \\u escape of NUL"},
        {SLICE("{\"\\u0000\":1}"), "\\u escape of NUL"},
        {SLICE("\"\\ud800\""), "surrogate"},
        {SLICE("\"\\ud800x\\udc00\""), "surrogate"},
        {SLICE("\"\\ud800\\ud800\""), "surrogate"},
        {SLICE("\"\\udc00\\ud800\""), "surrogate"},
        {SLICE("\"\\\\\\ud83d\""), "surrogate"},
        {SLICE("{\"a\":1,\"a\":2}"), "at byte 7: a key that the object has already"},
        {SLICE("{\"a\":1,\"\\u0061\":2}"), "has already"},
        {SLICE("{\"\\u0061\":1,\"a\":2}"), "has already"},
        {SLICE("[{\"b\":{\"x\":1,\"y\":1,\"x\":1}}]"), "has already"},
    };

    CHECK_DOCUMENTS(*state, documents);
}

static void keeps_to_numbers_that_a_decimal_holds(void **state)
{
    static const struct document documents[] = {
        {SLICE("99999999999999999999999999999999999999"), NULL},
        {SLICE("999999999999999999999999999999999999999"), "38 digits"},
        {SLICE("0.00000000000000000000000000000000000001"), NULL},
        {SLICE("0.000000000000000000000000000000000000001"), "38 digits"},
        {SLICE("0.12345678901234567890123456789012345678"), NULL},
        {SLICE("1.12345678901234567890123456789012345678"), "38 digits"},
        {SLICE("-9.9e37"), NULL},
        {SLICE("1e38"), "10^38"},
        {SLICE("1e400"), "10^38"},
        {SLICE("1e-400"), "10^-38"},
        {SLICE("1e99999999999999999999"), "10^38"},
        {SLICE("-0"), NULL},
        {SLICE("0e0"), NULL},
    };

    CHECK_DOCUMENTS(*state, documents);
}

static void refuses_a_document_cut_anywhere(void **state)
{
    struct slice whole = SLICE("{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\n\"],\"b\":{\"c\":\"\xc3\xa9\"}}");

    assert_true(is_read(*state, whole));
    for (size_t length = 0; length < whole.length; length++)
        assert_false(is_read(*state, slice_of(whole.data, length)));
    assert_true(is_read(*state, whole));
}

static void write_repeated(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append_text(out, text);
}

static void refuses_depth_over_the_limit(void **state)
{
    AUTO_BUF nested = {0};
    AUTO_BUF endless = {0};

    write_repeated(&nested, "[", 32);
    write_repeated(&nested, "]", 32);
    assert_true(is_read(*state, buf_slice(&nested)));

    buf_clear(&nested);
    write_repeated(&nested, "[", 33);
    write_repeated(&nested, "]", 33);
    assert_false(is_read(*state, buf_slice(&nested)));

    write_repeated(&endless, "[{\"a\":", 1000000);
    assert_false(is_read(*state, buf_slice(&endless)));
}

/* An object of `count` members, or an array of as many. */
static struct slice container_of(struct buf *out, bool is_object, int count)
{
    buf_clear(out);
    buf_append_byte(out, is_object ? '{' : '[');
    for (int i = 0; i < count; i++)
        buf_printf(out, is_object ? "%s\"key%d\":1" : "%s%d", i > 0 ? "," : "", i);
    buf_append_byte(out, is_object ? '}' : ']');
    return buf_slice(out);
}

static void refuses_members_over_the_limit(void **state)
{
    AUTO_BUF out = {0};

    assert_true(is_read(*state, container_of(&out, true, 1024)));
    assert_false(is_read(*state, container_of(&out, true, 1025)));
    assert_true(is_read(*state, container_of(&out, false, 1024)));
    assert_false(is_read(*state, container_of(&out, false, 1025)));
}

static void finds_a_repeated_key_among_many(void **state)
{
    AUTO_BUF out = {0};

    (void)container_of(&out, true, 1000);
    out.length--;
    buf_append_text(&out, ",\"key\\u0035\":1}");
    assert_false(is_read(*state, buf_slice(&out)));
}

static struct slice string_of(struct buf *out, size_t count, const char *behind)
{
    buf_clear(out);
    buf_append_text(out, *behind != '\0' ? "{\"" : "\"");
    write_repeated(out, "a", count);
    buf_append_text(out, *behind != '\0' ? behind : "\"");
    return buf_slice(out);
}

static void refuses_long_keys_and_strings(void **state)
{
    AUTO_BUF out = {0};

    assert_true(is_read(*state, string_of(&out, 65536, "")));
    assert_false(is_read(*state, string_of(&out, 65537, "")));
    assert_true(is_read(*state, string_of(&out, 128, "\":1}")));
    assert_false(is_read(*state, string_of(&out, 129, "\":1}")));
}

/* ---- what is handed on ---- */

struct seen {
    struct slice document;
    struct buf text;
};

/* One word a token: kind, depth, its bytes in the document, its text. */
static bool note(void *owner, const struct json_token *token, struct err *err)
{
    static const char kinds[] = "{}[]ksntf0";
    struct seen *seen = owner;
    struct slice raw = slice_of(seen->document.data + token->begin, token->end - token->begin);

    (void)err;
    buf_printf(&seen->text, "%c%u<%.*s>%.*s%s ", kinds[token->kind], token->depth, SLICE_ARG(raw),
               SLICE_ARG(token->text), token->is_copy ? "*" : "");
    return true;
}

static void hands_on_each_token_with_its_place(void **state)
{
    struct seen seen = {
        .document =
            SLICE(" { \"a\" : [1.50,\"x\\n\"],\t\"\\u0062\":{} , \"c\":null,\"d\":true,\"e\":false }\n")};
    struct err err;

    assert_true(json_read(*state, seen.document, note, &seen, &err));
    assert_string_equal(buf_text(&seen.text),
                        "{0<{> k1<\"a\">a [1<[> n2<1.50>1.50 s2<\"x\\n\">x\n* ]1<]> k1<\"\\u0062\">b* {1<{> "
                        "}1<}> k1<\"c\">c 01<null> k1<\"d\">d t1<true> k1<\"e\">e f1<false> }0<}> ");
    buf_done(&seen.text);
}

static void hands_on_a_number_that_is_the_document(void **state)
{
    struct seen seen = {.document = SLICE(" 9007199254740993")};
    struct err err;

    assert_true(json_read(*state, seen.document, note, &seen, &err));
    assert_string_equal(buf_text(&seen.text), "n0<9007199254740993>9007199254740993* ");
    buf_done(&seen.text);
}

static bool stop_at_a_number(void *owner, const struct json_token *token, struct err *err)
{
    int *count = owner;

    ++*count;
    if (token->kind != JSON_NUMBER)
        return true;
    err_set(err, ERR_REJECT, "no numbers here");
    return false;
}

static void ends_when_the_caller_says_so(void **state)
{
    struct err err;
    int count = 0;

    assert_false(json_read(*state, SLICE("[true,1,2,3]"), stop_at_a_number, &count, &err));
    assert_string_equal(err.text, "no numbers here");
    assert_int_equal(count, 3);
    assert_true(is_read(*state, SLICE("[1]")));
}

static void decodes_escapes(void **state)
{
    static const struct {
        struct slice document;
        const char *text;
    } rows[] = {
        {SLICE("\"\\u00e9\""), "\xc3\xa9"},
        {SLICE("\"\\u20AC\""), "\xe2\x82\xac"},
        {SLICE("\"\\uD83D\\uDE00\""), "\xf0\x9f\x98\x80"},
        {SLICE("\"\\b\\f\\n\\r\\t\\/\\\\\\\"\""), "\b\f\n\r\t/\\\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen seen = {.document = rows[i].document};
        AUTO_BUF expected = {0};
        struct err err;
        buf_printf(&expected, "s0<%.*s>%s* ", SLICE_ARG(rows[i].document), rows[i].text);
        assert_true(json_read(*state, seen.document, note, &seen, &err));
        assert_string_equal(buf_text(&seen.text), buf_text(&expected));
        buf_done(&seen.text);
    }
}

#define READER_TEST(function) cmocka_unit_test_setup_teardown(function, make_reader, free_reader)

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(takes_what_the_standard_allows),
        READER_TEST(refuses_what_is_not_json),
        READER_TEST(refuses_what_programs_read_differently),
        READER_TEST(keeps_to_numbers_that_a_decimal_holds),
        READER_TEST(refuses_a_document_cut_anywhere),
        READER_TEST(refuses_depth_over_the_limit),
        READER_TEST(refuses_members_over_the_limit),
        READER_TEST(finds_a_repeated_key_among_many),
        READER_TEST(refuses_long_keys_and_strings),
        READER_TEST(hands_on_each_token_with_its_place),
        READER_TEST(hands_on_a_number_that_is_the_document),
        READER_TEST(ends_when_the_caller_says_so),
        READER_TEST(decodes_escapes),
    };

    return cmocka_run_group_tests_name("json_read", tests, NULL, NULL);
}
