#include "ingest/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void finds_a_preference(void **state)
{
    static const struct {
        const char *prefer;
        bool is_there;
    } rows[] = {
        {"", false},
        {"handling=lenient", true},
        {"Handling = Lenient", true},
        {"handling=\"lenient\"", true},
        {"respond-async, handling=lenient;x=1, wait=10", true},
        {"return=representation, handling=lenient", true},
        {"handling=\"", false},
        {"handling=strict", false},
        {"handling", false},
        {"handling=lenient2", false},
        {"x-handling=lenient", false},
        {"lenient", false},
        {",,;=,", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (options_prefer(slice_from(rows[i].prefer), "handling", "lenient") != rows[i].is_there)
            fail_msg("%s", rows[i].prefer);
}

static void takes_idempotency_keys_of_sane_text(void **state)
{
    char longest[256] = {0};

    (void)state;
    memset(longest, 'k', 255);
    assert_true(options_is_idempotency_key(slice_of(longest, 255)));
    assert_true(options_is_idempotency_key(SLICE("order 7/a~")));
    assert_false(options_is_idempotency_key(slice_of(longest, 256)));
    assert_false(options_is_idempotency_key(SLICE("")));
    assert_false(options_is_idempotency_key(SLICE("a\tb")));
    assert_false(options_is_idempotency_key(SLICE("\xc3\xa9")));
    assert_false(options_is_idempotency_key(SLICE("a\x7f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_preference),
        cmocka_unit_test(takes_idempotency_keys_of_sane_text),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
