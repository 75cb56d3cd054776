#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void lets_a_repeated_line_through_every_30_seconds(void **state)
{
    struct log_gate gate = {0};
    uint32_t hidden = 99;

    (void)state;
    assert_true(log_gate_passes(&gate, 1000, &hidden));
    assert_int_equal(hidden, 0);
    hidden = 99;
    assert_false(log_gate_passes(&gate, 1001, &hidden));
    assert_false(log_gate_passes(&gate, 30999, &hidden));
    assert_int_equal(hidden, 99);
    assert_true(log_gate_passes(&gate, 31000, &hidden));
    assert_int_equal(hidden, 2);
    assert_true(log_gate_passes(&gate, 61000, &hidden));
    assert_int_equal(hidden, 0);
}

static void makes_client_text_harmless(void **state)
{
    static const struct {
        struct slice text;
        const char *escaped;
    } rows[] = {
        {SLICE(""), ""},
        {SLICE("plain text"), "plain text"},
        {SLICE("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m"},
        {SLICE("say \"x\"\\ \x7f\0."), "say \\x22x\\x22\\x5c \\x7f\\x00."},
    };
    char buffer[100];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(log_escape(rows[i].text, buffer, sizeof(buffer)), rows[i].escaped);
}

static void cuts_client_text_to_the_buffer(void **state)
{
    char buffer[16];

    (void)state;
    memset(buffer, '#', sizeof(buffer));
    (void)log_escape(SLICE("\n\n\n\n\n\n\n\n"), buffer, 12);
    assert_string_equal(buffer, "\\x0a\\x0a");
    assert_int_equal(buffer[12], '#');
}

static char last_line[200];
static enum log_level last_level;

static void remember(enum log_level level, const struct log_fields *fields, const char *text)
{
    last_level = level;
    (void)snprintf(last_line, sizeof(last_line), "%s%s%s", fields != NULL ? fields->topic : "",
                   fields != NULL ? " " : "", text);
}

static void writes_lines_from_the_set_level_on(void **state)
{
    (void)state;
    log_open("a-stage", LOG_LEVEL_WARNING, remember);
    assert_string_equal(log_stage(), "a-stage");
    log_error("lost %d", 3);
    assert_string_equal(last_line, "lost 3");
    assert_int_equal(last_level, LOG_LEVEL_ERROR);
    log_info("not this one");
    assert_string_equal(last_line, "lost 3");
    log_partition(LOG_LEVEL_WARNING, "events", 2, "paused");
    assert_string_equal(last_line, "events paused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_a_repeated_line_through_every_30_seconds),
        cmocka_unit_test(makes_client_text_harmless),
        cmocka_unit_test(cuts_client_text_to_the_buffer),
        cmocka_unit_test(writes_lines_from_the_set_level_on),
    };

    return cmocka_run_group_tests_name("base_log", tests, NULL, NULL);
}
