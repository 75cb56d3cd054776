/*
 * answers_test.c - what a client that posted an event is told, and the URL of a read handed on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ingest/answers.h"
#include "ingest/relay.h"

static void an_accepted_event_is_named(void **state)
{
    AUTO_BUF json = {0};

    (void)state;
    answer_write_accepted(&json, SLICE("a\"b\\c"));
    assert_string_equal(buf_text(&json),
                        "{\"message\":\"Event accepted for processing\",\"event_id\":\"a\\\"b\\\\c\"}");
}

static void a_bad_field_is_named_with_its_rule(void **state)
{
    const struct event_problem problem = {.field = "event_name", .text = "is required"};
    struct answer_refusal refusal;

    (void)state;
    answer_problem(&problem, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 400);
    assert_string_equal(refusal.error.message, "event_name is required");
    assert_string_equal(refusal.error.detail_field, "event_name");
    assert_string_equal(refusal.error.detail_text, "is required");
}

static void a_bad_document_has_no_field(void **state)
{
    const struct event_problem problem = {.field = "", .text = "not valid JSON at byte 4"};
    struct answer_refusal refusal;

    (void)state;
    answer_problem(&problem, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 400);
    assert_string_equal(refusal.error.message, "not valid JSON at byte 4");
    assert_null(refusal.error.detail_field);
}

static void another_tenant_is_forbidden(void **state)
{
    const struct event_problem problem = {"tenant_id", "is not the one of this key", true};
    struct answer_refusal refusal;

    (void)state;
    answer_problem(&problem, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 403);
}

static void limits_are_named(void **state)
{
    struct answer_refusal refusal;

    (void)state;
    answer_too_large(600000, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 413);
    assert_non_null(strstr(refusal.error.message, "524288"));
    answer_full(1048576, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 503);
    assert_non_null(strstr(refusal.error.message, "1048576"));
}

static void what_kafka_did_not_take_is_never_accepted(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        bool may_be_durable;
        const char *name;
        int status;
        const char *words;
    } rows[] = {
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, false, "timeout", 503, "was not stored"},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, true, "timeout", 503, "nobody knows"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, true, "transport", 503, "nobody knows"},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, false, "unknown_topic", 503, "topic events"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, false, "unknown_topic", 503, "topic events"},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, false, "not_enough_replicas", 503, "was not stored"},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, false, "not_authorized", 503, "was not stored"},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, false, "queue_full", 503, "was not stored"},
        {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, true, "stopping", 503, "nobody knows"},
        {RD_KAFKA_RESP_ERR__FATAL, false, "other", 503, "was not stored"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, false, "too_large", 413, "limit"},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, false, "invalid", 400, "does not take"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct publish_result result = {.may_be_durable = rows[i].may_be_durable,
                                        .fault = kafka_fault_of(rows[i].code)};
        struct answer_refusal refusal;
        err_set(&result.err, ERR_RETRY, "topic events: %s", rd_kafka_err2str(rows[i].code));
        assert_string_equal(kafka_fault_name(result.fault), rows[i].name);
        answer_not_durable(&result, "id-1", &refusal);
        assert_int_equal(http_error_status(refusal.error.code), rows[i].status);
        assert_non_null(strstr(refusal.error.message, rows[i].words));
        assert_non_null(strstr(refusal.error.message, "topic events"));
        if (rows[i].status == 503)
            assert_string_equal(refusal.error.detail_text, "id-1");
    }
}

static void a_read_is_handed_on_as_it_came(void **state)
{
    static const struct {
        const char *path, *query, *url;
    } rows[] = {
        {"/v1/events", "", "http://q:1/v1/events"},
        {"/v1/events", "a=%20+b&c=\"{}|", "http://q:1/v1/events?a=%20+b&c=\"{}|"},
        {"/v1/events", "a=#b\xc3\xa4", "http://q:1/v1/events?a=%23b%C3%A4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF url = {0};
        relay_write_url(&url, "http://q:1", slice_from(rows[i].path), slice_from(rows[i].query));
        assert_string_equal(buf_text(&url), rows[i].url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accepted_event_is_named),
        cmocka_unit_test(a_bad_field_is_named_with_its_rule),
        cmocka_unit_test(a_bad_document_has_no_field),
        cmocka_unit_test(another_tenant_is_forbidden),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(what_kafka_did_not_take_is_never_accepted),
        cmocka_unit_test(a_read_is_handed_on_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
