/*
 * list_filters_test.c - property_filters in both forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "query/list_filters.h"

/* "name=value|value name=..." of what was read; NULL: refused. */
static const char *shown(const struct list_filters *filters, struct buf *out)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct list_filter *item = &filters->items[i];
        buf_printf(out, "%s%s=", i > 0 ? " " : "", item->name.data);
        for (size_t v = 0; v < item->values; v++)
            buf_printf(out, "%s%s", v > 0 ? "|" : "", filters->values[item->first_value + v].data);
    }
    return buf_text(out);
}

static void the_form_in_a_url_is_read(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"k:v", "k=v"},
        {"k1:v1,v2;k2:v3", "k1=v1|v2 k2=v3"},
        {"k:v;", "k=v"},
        {";k:v;;j:w", "k=v j=w"},
        {"k:", "k="},
        {"k:,a", "k=|a"},
        {" k : v ", " k = v "}, /* blanks count */
        {"k:50%", "k=50%"},
        {"", ""},
        {";", ""},
        {"k", NULL},
        {":v", NULL},
        {"k:v:w", NULL},
        {"k:v;j", NULL},
        {"k:v;k:w", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        AUTO_BUF text = {0};
        struct list_filters filters;
        struct err err = {ERR_FATAL, ""};
        bool is_read = list_filters_read_text(slice_from(rows[i].text), &arena, &filters, &err);
        assert_int_equal(is_read, rows[i].shown != NULL);
        if (is_read)
            assert_string_equal(shown(&filters, &text), rows[i].shown);
        else
            assert_int_equal(err.kind, ERR_REJECT);
        arena_done(&arena);
    }
}

static void the_form_in_json_is_read(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"{\"k\":[\"v\",\"w\"],\"j\":[\"x:y,z;\"]}", "k=v|w j=x:y,z;"},
        {"{\"k\":[1.50,-0,1e5,\"1.50\"]}", "k=1.50|-0|1e5|1.50"}, /* numbers as sent */
        {"{\"k\":[true,false,\"\"]}", "k=true|false|"},
        {"{\"\\u006b\":[\"\\u0041\"]}", "k=A"},
        {"{}", ""},
        {"{\"k\":\"v\"}", NULL},
        {"{\"k\":[]}", NULL},
        {"{\"k\":[null]}", NULL},
        {"{\"k\":[[\"v\"]]}", NULL},
        {"{\"k\":[{\"v\":1}]}", NULL},
        {"{\"k\":{\"v\":[1]}}", NULL},
        {"{\"\":[\"v\"]}", NULL},
        {"{\"k\":[\"v\"],\"k\":[\"w\"]}", NULL},
    };
    struct json_reader *json = json_reader_new(&json_limits_default);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        AUTO_BUF text = {0};
        struct list_filters filters;
        struct err err = {ERR_FATAL, ""};
        bool is_read = list_filters_read_json(json, slice_from(rows[i].text), &arena, &filters, &err);
        assert_int_equal(is_read, rows[i].shown != NULL);
        if (is_read)
            assert_string_equal(shown(&filters, &text), rows[i].shown);
        else
            assert_int_equal(err.kind, ERR_REJECT);
        arena_done(&arena);
    }
    json_reader_free(&json);
}

static bool read_many(size_t names, size_t values)
{
    struct arena arena = {0};
    AUTO_BUF text = {0};
    struct list_filters filters;
    struct err err;

    for (size_t i = 0; i < names; i++) {
        buf_printf(&text, "%zu:", i);
        for (size_t v = 0; v < values; v++)
            buf_printf(&text, "%s%zu", v > 0 ? "," : "", v);
        buf_append_byte(&text, ';');
    }
    bool is_read = list_filters_read_text(buf_slice(&text), &arena, &filters, &err);
    arena_done(&arena);
    return is_read;
}

static void names_and_values_are_bounded(void **state)
{
    (void)state;
    assert_true(read_many(LIST_FILTERS_MAX, 5));
    assert_false(read_many(LIST_FILTERS_MAX + 1, 1));
    assert_true(read_many(1, LIST_FILTER_VALUES_MAX));
    assert_false(read_many(1, LIST_FILTER_VALUES_MAX + 1));
    assert_false(read_many(2, LIST_FILTER_VALUES_MAX / 2 + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_in_a_url_is_read),
        cmocka_unit_test(the_form_in_json_is_read),
        cmocka_unit_test(names_and_values_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
