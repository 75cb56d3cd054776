/*
 * answers_test.c - what a client that posted events is told, and the URL of a read handed on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/slice_set.h"
#include "ingest/answers.h"
#include "ingest/relay.h"

/* ---- submissions as a request would make them ---- */

static void add_event(struct submission *submission, const char *id, unsigned char content)
{
    const struct event event = {.id = slice_from(id),
                                .tenant_id = SLICE("t"),
                                .environment_id = SLICE("e"),
                                .event_name = SLICE("n"),
                                .external_customer_id = SLICE("c"),
                                .properties = SLICE("{}"),
                                .content_hash = {content}};

    submission_add_event(submission, submission_size(submission), &event);
}

static void add_error(struct submission *submission, const char *field, enum event_problem_kind kind)
{
    struct event_problem problem;

    event_problem_set(&problem, field, "is \"wrong\"");
    problem.kind = kind;
    submission_add_error(submission, submission_size(submission), &problem);
}

static struct submission *begin(struct submission_pool *pool, enum event_form form)
{
    struct submission *submission = submission_take(pool);

    submission->form = form;
    submission->errors.listed_max = 100;
    return submission;
}

static void end(struct submission_pool *pool, struct submission *submission)
{
    submission_give_back(pool, submission);
    submission_pool_done(pool);
}

/* ---- what was accepted ---- */

static void an_accepted_event_is_named(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_ONE);
    AUTO_BUF json = {0};

    (void)state;
    add_event(submission, "a\"b\\c", 1);
    answer_write_accepted(&json, submission);
    assert_string_equal(buf_text(&json),
                        "{\"message\":\"Event accepted for processing\",\"event_id\":\"a\\\"b\\\\c\"}");
    end(&pool, submission);
}

static void accepted_events_are_named_in_order_when_asked_for(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_BULK);
    AUTO_BUF json = {0};

    (void)state;
    add_event(submission, "a", 1);
    add_event(submission, "b", 2);
    answer_write_accepted(&json, submission);
    assert_string_equal(buf_text(&json), "{\"message\":\"Events accepted for processing\"}");
    buf_clear(&json);
    submission->names_ids = true;
    answer_write_accepted(&json, submission);
    assert_string_equal(buf_text(&json),
                        "{\"message\":\"Events accepted for processing\",\"event_ids\":[\"a\",\"b\"]}");
    end(&pool, submission);
}

static void each_event_of_a_lenient_request_has_its_result(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_BULK);
    AUTO_BUF json = {0};

    (void)state;
    submission->is_lenient = true;
    add_error(submission, "event_name", EVENT_PROBLEM_INVALID);
    add_event(submission, "b", 2);
    add_error(submission, "", EVENT_PROBLEM_INVALID);
    answer_write_accepted(&json, submission);
    assert_string_equal(buf_text(&json),
                        "{\"message\":\"Events accepted for processing\",\"event_ids\":[null,\"b\",null],"
                        "\"errors\":[{\"index\":0,\"field\":\"event_name\",\"message\":\"is \\\"wrong\\\"\"},"
                        "{\"index\":2,\"field\":\"\",\"message\":\"is \\\"wrong\\\"\"}]}");
    end(&pool, submission);
}

/* ---- what is wrong with a request ---- */

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
    const struct event_problem problem = {EVENT_PROBLEM_FORBIDDEN, "tenant_id", "is not the one of this key"};
    struct answer_refusal refusal;

    (void)state;
    answer_problem(&problem, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 403);
}

static void bad_events_are_listed_with_index_field_and_rule(void **state)
{
    static const struct {
        enum event_problem_kind first, second;
        int status;
    } rows[] = {
        {EVENT_PROBLEM_INVALID, EVENT_PROBLEM_INVALID, 400},
        {EVENT_PROBLEM_INVALID, EVENT_PROBLEM_TOO_LARGE, 400},
        {EVENT_PROBLEM_INVALID, EVENT_PROBLEM_FORBIDDEN, 403},
        {EVENT_PROBLEM_FORBIDDEN, EVENT_PROBLEM_INVALID, 403},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct submission_pool pool = {0};
        struct submission *submission = begin(&pool, EVENT_FORM_BULK);
        struct answer_refusal refusal;
        AUTO_BUF details = {0};
        add_event(submission, "a", 1);
        add_error(submission, "source", rows[i].first);
        add_error(submission, "timestamp", rows[i].second);
        answer_bad_events(submission, &details, &refusal);
        assert_int_equal(http_error_status(refusal.error.code), rows[i].status);
        assert_string_equal(refusal.error.message, "2 of 3 events can't be taken, so none was stored; the "
                                                   "first is event 1: source is \"wrong\"");
        assert_string_equal(
            buf_text(&details),
            "{\"errors\":[{\"index\":1,\"field\":\"source\",\"message\":\"is \\\"wrong\\\"\"},"
            "{\"index\":2,\"field\":\"timestamp\",\"message\":\"is \\\"wrong\\\"\"}]}");
        assert_true(slice_equals(refusal.error.details_json, buf_slice(&details)));
        end(&pool, submission);
    }
}

static void a_list_of_bad_events_has_a_bound_and_their_number_none(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_BULK);
    struct answer_refusal refusal;
    AUTO_BUF details = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        add_error(submission, "source", EVENT_PROBLEM_INVALID);
    answer_bad_events(submission, &details, &refusal);
    assert_non_null(strstr(refusal.error.message, "1000 of 1000 events"));
    assert_non_null(strstr(buf_text(&details), "\"index\":99,"));
    assert_null(strstr(buf_text(&details), "\"index\":100,"));
    end(&pool, submission);
}

static void a_single_bad_event_is_refused_by_its_field(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_ONE);
    struct answer_refusal refusal;
    AUTO_BUF details = {0};

    (void)state;
    add_error(submission, "source", EVENT_PROBLEM_INVALID);
    answer_bad_events(submission, &details, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 400);
    assert_string_equal(refusal.error.detail_field, "source");
    end(&pool, submission);
}

static void an_event_larger_than_a_record_is_refused(void **state)
{
    struct submission_pool pool = {0};
    struct submission *submission = begin(&pool, EVENT_FORM_ONE);
    struct answer_refusal refusal;
    AUTO_BUF details = {0};
    AUTO_BUF properties = {0};

    (void)state;
    buf_printf(&properties, "{\"a\":\"%0*d\"}", EVENT_RECORD_MAX_BYTES, 7);
    const struct event event = {.id = SLICE("big"),
                                .tenant_id = SLICE("t"),
                                .environment_id = SLICE("e"),
                                .event_name = SLICE("n"),
                                .external_customer_id = SLICE("c"),
                                .properties = buf_slice(&properties)};
    submission_add_event(submission, 0, &event);
    assert_int_equal(submission->event_count, 0);
    assert_int_equal(submission->records.length, 0);
    answer_bad_events(submission, &details, &refusal);
    assert_int_equal(http_error_status(refusal.error.code), 413);
    assert_non_null(strstr(refusal.error.message, "524288"));
    end(&pool, submission);
}

static void of_two_events_with_one_id_both_stay_or_the_later_is_bad(void **state)
{
    static const struct {
        const char *ids;      /* a letter an event */
        const char *contents; /* likewise */
        const char *kept;     /* ids */
        const char *errors;   /* what the JSON must hold; NULL: nothing */
    } rows[] = {
        {"abc", "111", "abc", NULL},
        {"aba", "121", "aba", NULL},
        {"aba", "122", "ab",
         "{\"index\":2,\"field\":\"event_id\",\"message\":\"is that of event 0, which has"},
        {"aabb", "1223", "ab", "\"index\":1"},
        {"aaaa", "1213", "aa", "\"index\":3"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct submission_pool pool = {0};
        struct submission *submission = begin(&pool, EVENT_FORM_BULK);
        struct slice_set ids = {0};
        for (size_t at = 0; rows[i].ids[at] != '\0'; at++) {
            const char id[2] = {rows[i].ids[at], '\0'};
            add_event(submission, id, (unsigned char)rows[i].contents[at]);
        }
        submission_check_ids(submission, &ids, 7);
        assert_int_equal(submission->event_count, strlen(rows[i].kept));
        for (uint32_t at = 0; at < submission->event_count; at++)
            assert_true(submission_id(&submission->events[at]).data[0] == rows[i].kept[at]);
        assert_int_equal(submission_size(submission), strlen(rows[i].ids));
        if (rows[i].errors != NULL)
            assert_non_null(strstr(buf_text(&submission->errors.json), rows[i].errors));
        slice_set_done(&ids);
        end(&pool, submission);
    }
}

/* ---- what is wrong with the system ---- */

static void a_limit_is_named_with_its_setting(void **state)
{
    static const struct quota_limits limits = {
        .events_per_s = 7001, .bytes_per_s = 7002, .in_flight_max_bytes = 7003};
    static const struct {
        enum quota_answer answer;
        int status;
        const char *setting, *number;
    } rows[] = {
        {QUOTA_EVENTS, 429, "ingest.key_events_per_second", "7001"},
        {QUOTA_BYTES, 429, "ingest.key_bytes_per_second", "7002"},
        {QUOTA_SHARE, 429, "ingest.in_flight_max", "7003"},
        {QUOTA_FULL, 503, "ingest.in_flight_max", "7003"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer_refusal refusal;
        answer_over_quota(rows[i].answer, &limits, 3, &refusal);
        assert_int_equal(http_error_status(refusal.error.code), rows[i].status);
        assert_non_null(strstr(refusal.error.message, rows[i].setting));
        assert_non_null(strstr(refusal.error.message, rows[i].number));
        assert_non_null(strstr(refusal.error.message, "nothing was stored"));
        if (rows[i].status == 429)
            assert_string_equal(refusal.error.detail_field, rows[i].setting);
    }
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
        struct submission_pool pool = {0};
        struct submission *submission = begin(&pool, EVENT_FORM_ONE);
        struct answer_refusal refusal;
        AUTO_BUF details = {0};
        add_event(submission, "id-1", 1);
        submission->fate = (struct submission_fate){
            .failed_count = 1,
            .unknown_count = rows[i].may_be_durable,
            .failure = {.may_be_durable = rows[i].may_be_durable, .fault = kafka_fault_of(rows[i].code)}};
        err_set(&submission->fate.failure.err, ERR_RETRY, "topic events: %s", rd_kafka_err2str(rows[i].code));
        assert_string_equal(kafka_fault_name(submission->fate.failure.fault), rows[i].name);
        answer_not_durable(submission, &details, &refusal);
        assert_int_equal(http_error_status(refusal.error.code), rows[i].status);
        assert_non_null(strstr(refusal.error.message, rows[i].words));
        assert_non_null(strstr(refusal.error.message, "topic events"));
        if (rows[i].status == 503)
            assert_string_equal(buf_text(&details), "{\"event_id\":\"id-1\"}");
        end(&pool, submission);
    }
}

static void events_that_are_not_all_durable_are_to_be_sent_again_under_their_ids(void **state)
{
    static const struct {
        enum kafka_fault fault;
        uint32_t failed_count, unknown_count;
        int status;
        const char *words;
    } rows[] = {
        {KAFKA_FAULT_TIMEOUT, 1, 0, 503, "only 2 of 3 events are known to be stored"},
        {KAFKA_FAULT_TIMEOUT, 1, 1, 503, "only 2 of 3 events are known to be stored"},
        {KAFKA_FAULT_TIMEOUT, 3, 1, 503, "only 0 of 3 events are known to be stored"},
        {KAFKA_FAULT_TIMEOUT, 3, 0, 503, "none of the 3 events was stored"},
        {KAFKA_FAULT_TOO_LARGE, 1, 0, 503, "only 2 of 3"},
        {KAFKA_FAULT_TOO_LARGE, 3, 0, 413, "limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct submission_pool pool = {0};
        struct submission *submission = begin(&pool, EVENT_FORM_BULK);
        struct answer_refusal refusal;
        AUTO_BUF details = {0};
        add_event(submission, "a", 1);
        add_event(submission, "b", 1);
        add_event(submission, "c", 1);
        submission->fate = (struct submission_fate){.failed_count = rows[i].failed_count,
                                                    .unknown_count = rows[i].unknown_count,
                                                    .failure = {.fault = rows[i].fault}};
        err_set(&submission->fate.failure.err, ERR_RETRY, "topic events: away");
        answer_not_durable(submission, &details, &refusal);
        assert_int_equal(http_error_status(refusal.error.code), rows[i].status);
        assert_non_null(strstr(refusal.error.message, rows[i].words));
        if (rows[i].status == 503)
            assert_string_equal(buf_text(&details), "{\"event_ids\":[\"a\",\"b\",\"c\"]}");
        end(&pool, submission);
    }
}

/* ---- reads handed on ---- */

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
        cmocka_unit_test(accepted_events_are_named_in_order_when_asked_for),
        cmocka_unit_test(each_event_of_a_lenient_request_has_its_result),
        cmocka_unit_test(a_bad_field_is_named_with_its_rule),
        cmocka_unit_test(a_bad_document_has_no_field),
        cmocka_unit_test(another_tenant_is_forbidden),
        cmocka_unit_test(bad_events_are_listed_with_index_field_and_rule),
        cmocka_unit_test(a_list_of_bad_events_has_a_bound_and_their_number_none),
        cmocka_unit_test(a_single_bad_event_is_refused_by_its_field),
        cmocka_unit_test(an_event_larger_than_a_record_is_refused),
        cmocka_unit_test(of_two_events_with_one_id_both_stay_or_the_later_is_bad),
        cmocka_unit_test(a_limit_is_named_with_its_setting),
        cmocka_unit_test(what_kafka_did_not_take_is_never_accepted),
        cmocka_unit_test(events_that_are_not_all_durable_are_to_be_sent_again_under_their_ids),
        cmocka_unit_test(a_read_is_handed_on_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
