/* health: what a worker says of itself, and when it says ready. */
#include "common/service/health.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/json_read.h"
#include "common/codec/rfc3339.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- the log, written down ---- */

static struct buf log_lines;

static void write_down(enum log_level level, const struct log_fields *fields, const char *text)
{
    (void)fields;
    buf_printf(&log_lines, "<%d>%s\n", (int)level, text);
}

static int make(void **state)
{
    buf_clear(&log_lines);
    log_open("test", LOG_LEVEL_INFO, write_down);
    *state = health_new();
    return 0;
}

static int end(void **state)
{
    struct health *health = *state;

    health_free(&health);
    assert_null(health);
    buf_done(&log_lines);
    return 0;
}

/* The JSON with each time replaced by T, after a look at it. */
static const char *written(const struct health *health, struct buf *out)
{
    static const char since[] = "\"since\":\"";
    AUTO_BUF raw = {0};
    int64_t us;

    health_write(health, &raw);
    struct slice rest = slice_from(buf_text(&raw));
    for (;;) {
        const char *at = strstr(rest.data, since);
        if (at == NULL)
            break;
        at += sizeof(since) - 1;
        size_t length = strcspn(at, "\"");
        assert_true(rfc3339_parse(slice_of(at, length), &us));
        assert_true(us <= clock_wall_us() && us > clock_wall_us() - 60 * INT64_C(1000000));
        buf_append(out, rest.data, (size_t)(at - rest.data));
        buf_append_byte(out, 'T');
        rest = slice_from(at + length);
    }
    buf_append_slice(out, rest);
    return buf_text(out);
}

static void a_new_check_is_unknown_and_not_ready(void **state)
{
    AUTO_BUF out = {0};

    (void)health_check_new(*state, "clickhouse");
    assert_int_equal(health_worst(*state), HEALTH_UNKNOWN);
    assert_false(health_is_ready(*state));
    assert_string_equal(written(*state, &out),
                        "{\"status\":\"UNKNOWN\",\"details\":{\"missingTopics\":[],\"checks\":{"
                        "\"clickhouse\":{\"state\":\"UNKNOWN\",\"since\":\"T\"}}}}");
}

static void the_worst_check_is_the_status(void **state)
{
    static const struct {
        enum health_state a, b, worst;
        bool is_ready;
    } rows[] = {
        {HEALTH_UP, HEALTH_UP, HEALTH_UP, true},
        {HEALTH_UP, HEALTH_DEGRADED, HEALTH_DEGRADED, true},
        {HEALTH_UNKNOWN, HEALTH_DEGRADED, HEALTH_UNKNOWN, false},
        {HEALTH_UNKNOWN, HEALTH_UP, HEALTH_UNKNOWN, false},
        {HEALTH_UNKNOWN, HEALTH_DOWN, HEALTH_DOWN, false},
        {HEALTH_DEGRADED, HEALTH_DOWN, HEALTH_DOWN, false},
        {HEALTH_DOWN, HEALTH_UP, HEALTH_DOWN, false},
    };
    struct health_check *a = health_check_new(*state, "a");
    struct health_check *b = health_check_new(*state, "b");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        health_set(a, rows[i].a, "why");
        health_set(b, rows[i].b, "why");
        assert_int_equal(health_worst(*state), rows[i].worst);
        assert_int_equal(health_is_ready(*state), rows[i].is_ready);
    }
}

static void the_reason_is_shown_until_it_is_over(void **state)
{
    struct health_check *check = health_check_new(*state, "keys");
    AUTO_BUF down = {0};
    AUTO_BUF up = {0};

    health_set(check, HEALTH_DOWN, "host \"%s\" refused", "db\n1");
    assert_string_equal(written(*state, &down),
                        "{\"status\":\"DOWN\",\"details\":{\"missingTopics\":[],\"checks\":{\"keys\":{"
                        "\"state\":\"DOWN\",\"since\":\"T\",\"reason\":\"host \\\"db\\n1\\\" refused\"}}}}");
    health_set(check, HEALTH_UP, NULL);
    assert_string_equal(written(*state, &up),
                        "{\"status\":\"UP\",\"details\":{\"missingTopics\":[],\"checks\":{\"keys\":{"
                        "\"state\":\"UP\",\"since\":\"T\"}}}}");
}

static bool accept_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)owner;
    (void)token;
    (void)err;
    return true;
}

static void a_reason_of_broken_text_leaves_the_json_whole(void **state)
{
    struct health_check *check = health_check_new(*state, "keys");
    struct json_reader *reader = json_reader_new(&json_limits_default);
    struct err err = {.text = ""};
    char long_text[600];

    for (size_t i = 0; i + 2 < sizeof(long_text); i += 2)
        memcpy(long_text + i, "\xc3\xa9", 2); /* cut in the middle of a letter at any odd length */
    long_text[sizeof(long_text) - 2] = '\0';
    const char *const reasons[] = {"\xff\xfe", "\xc3", long_text, "tab\there \x01"};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        AUTO_BUF out = {0};
        health_set(check, HEALTH_DOWN, "x%s", reasons[i]);
        health_write(*state, &out);
        if (!json_read(reader, buf_slice(&out), accept_token, NULL, &err))
            fail_msg("reason %zu: %s", i, err.text);
    }
    json_reader_free(&reader);
}

static void a_change_is_logged_once_both_ways(void **state)
{
    struct health_check *check = health_check_new(*state, "clickhouse");

    for (int i = 0; i < 3; i++)
        health_set(check, HEALTH_UP, NULL);
    for (int i = 0; i < 3; i++)
        health_set(check, HEALTH_DOWN, "connection refused");
    health_set(check, HEALTH_DEGRADED, "slow");
    health_set(check, HEALTH_UP, NULL);
    assert_string_equal(buf_text(&log_lines), "<6>clickhouse is UP\n"
                                              "<3>clickhouse is DOWN: connection refused\n"
                                              "<4>clickhouse is DEGRADED: slow\n"
                                              "<5>clickhouse is UP\n");
}

static void reasons_that_alternate_do_not_flood_the_log(void **state)
{
    struct health_check *check = health_check_new(*state, "clickhouse");

    for (int i = 0; i < 1000; i++)
        health_set(check, HEALTH_DOWN, i % 2 == 0 ? "refused" : "timed out");
    assert_string_equal(buf_text(&log_lines), "<3>clickhouse is DOWN: refused\n"
                                              "<3>clickhouse is DOWN: timed out\n");
}

static void missing_topics_are_named_and_never_up(void **state)
{
    AUTO_BUF out = {0};
    AUTO_BUF after = {0};

    health_set_missing_topic(*state, "events", true);
    health_set_missing_topic(*state, "events.dlq", true);
    health_set_missing_topic(*state, "events", true);
    assert_int_equal(health_worst(*state), HEALTH_DEGRADED);
    assert_true(health_is_ready(*state));
    assert_string_equal(written(*state, &out), "{\"status\":\"DEGRADED\",\"details\":{\"missingTopics\":["
                                               "\"events\",\"events.dlq\"],\"checks\":{}}}");
    health_set_missing_topic(*state, "events", false);
    health_set_missing_topic(*state, "events", false);
    health_set_missing_topic(*state, "events.dlq", false);
    assert_string_equal(written(*state, &after),
                        "{\"status\":\"UP\",\"details\":{\"missingTopics\":[],\"checks\":{}}}");
}

static void write_text(void *owner, struct buf *out)
{
    buf_append_text(out, owner);
}

static void details_of_the_stage_come_first(void **state)
{
    AUTO_BUF out = {0};
    char null_text[] = "null";
    char number[] = "12";

    health_add_detail(*state, "circuitBreakerState", write_text, null_text);
    health_add_detail(*state, "pendingEvents", write_text, number);
    assert_string_equal(written(*state, &out), "{\"status\":\"UP\",\"details\":{\"circuitBreakerState\":null,"
                                               "\"pendingEvents\":12,\"missingTopics\":[],\"checks\":{}}}");
}

static void a_process_that_stops_is_not_ready_and_says_so(void **state)
{
    AUTO_BUF out = {0};

    assert_true(health_is_ready(*state));
    health_set_stopping(*state);
    assert_false(health_is_ready(*state));
    assert_string_equal(
        written(*state, &out),
        "{\"status\":\"UP\",\"details\":{\"stopping\":true,\"missingTopics\":[],\"checks\":{}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_check_is_unknown_and_not_ready, make, end),
        cmocka_unit_test_setup_teardown(the_worst_check_is_the_status, make, end),
        cmocka_unit_test_setup_teardown(the_reason_is_shown_until_it_is_over, make, end),
        cmocka_unit_test_setup_teardown(a_reason_of_broken_text_leaves_the_json_whole, make, end),
        cmocka_unit_test_setup_teardown(a_change_is_logged_once_both_ways, make, end),
        cmocka_unit_test_setup_teardown(reasons_that_alternate_do_not_flood_the_log, make, end),
        cmocka_unit_test_setup_teardown(missing_topics_are_named_and_never_up, make, end),
        cmocka_unit_test_setup_teardown(details_of_the_stage_come_first, make, end),
        cmocka_unit_test_setup_teardown(a_process_that_stops_is_not_ready_and_says_so, make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
