/*
 * event_test.c - what can be a tenant's id, and the record key that it becomes a part of.
 */
#include "common/event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void an_id_that_would_blur_a_record_key_is_none(void **state)
{
    static const struct {
        const char *text;
        bool is_id;
    } rows[] = {
        {"t", true},        {"00000000-0000-0000-0000-000000000000", true},
        {"Straße_7", true}, {"", false},
        {"a:b", false},     {"a b", false},
        {"a\tb", false},    {"a\n", false},
        {"\x7f", false},
    };
    char longest[EVENT_TENANT_MAX_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (event_is_tenant_id(slice_from(rows[i].text)) != rows[i].is_id)
            fail_msg("\"%s\" must %sbe an id", rows[i].text, rows[i].is_id ? "" : "not ");
    memset(longest, 'T', sizeof(longest));
    assert_true(event_is_tenant_id(slice_of(longest, EVENT_TENANT_MAX_BYTES)));
    assert_false(event_is_tenant_id(slice_of(longest, EVENT_TENANT_MAX_BYTES + 1)));
}

static void the_record_key_joins_tenant_environment_and_customer(void **state)
{
    char longest[EVENT_CUSTOMER_MAX_BYTES];
    char key[EVENT_KEY_MAX_BYTES];
    const struct event event = {
        .tenant_id = SLICE("t"), .environment_id = SLICE("e"), .external_customer_id = SLICE("a:customer")};

    (void)state;
    assert_true(slice_equals(slice_of(key, event_key_write(&event, key)), SLICE("t:e:a:customer")));
    memset(longest, 'x', sizeof(longest));
    const struct event largest = {
        .tenant_id = slice_of(longest, EVENT_TENANT_MAX_BYTES),
        .environment_id = slice_of(longest, EVENT_TENANT_MAX_BYTES),
        .external_customer_id = slice_of(longest, EVENT_CUSTOMER_MAX_BYTES),
    };
    assert_int_equal(event_key_write(&largest, key), EVENT_KEY_MAX_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_would_blur_a_record_key_is_none),
        cmocka_unit_test(the_record_key_joins_tenant_environment_and_customer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
