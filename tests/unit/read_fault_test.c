/*
 * read_fault_test.c - what a client hears of ClickHouse's errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "query/read_fault.h"

static void says_what_the_client_can_do(void **state)
{
    static const struct {
        enum clickhouse_outcome outcome;
        int code, status;
        bool is_ours;
        const char *word;
    } rows[] = {
        {CLICKHOUSE_REFUSED, 158, 400, false, "narrow"},
        {CLICKHOUSE_REFUSED, 159, 503, false, "narrow"},
        {CLICKHOUSE_REFUSED, 160, 503, false, "narrow"},
        {CLICKHOUSE_REFUSED, 241, 503, false, "narrow"},
        {CLICKHOUSE_REFUSED, 60, 503, true, "try again"},
        {CLICKHOUSE_REFUSED, 516, 503, true, "try again"},
        {CLICKHOUSE_NO_ANSWER, 0, 503, true, "try again"},
        {CLICKHOUSE_NO_ANSWER, 158, 503, true, "try again"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct clickhouse_result result = {
            .outcome = rows[i].outcome, .code = rows[i].code, .err = {ERR_RETRY, "secret"}};
        struct read_fault fault = read_fault_of(&result);
        assert_int_equal(http_error_status(fault.error.code), rows[i].status);
        assert_int_equal(fault.is_ours, rows[i].is_ours);
        assert_non_null(strstr(fault.error.message, rows[i].word));
        assert_null(strstr(fault.error.message, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_client_can_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
