#include "common/base/err.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_outermost_context_first(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_RETRY, "timed out after %d ms", 3000);
    err_prefix(&err, "connect");
    err_prefix(&err, "store batch %s[%d]", "events", 3);
    assert_string_equal(err.text, "store batch events[3]: connect: timed out after 3000 ms");
    assert_int_equal(err.kind, ERR_RETRY);
}

static void cuts_a_long_text_at_its_end(void **state)
{
    char longer[600];
    struct err err;

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    err_set(&err, ERR_FATAL, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    err_prefix(&err, "here");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "here: xxx", 9);
    err_prefix(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_outermost_context_first),
        cmocka_unit_test(cuts_a_long_text_at_its_end),
    };

    return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
