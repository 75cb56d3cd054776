/* What librdkafka's errors mean to a pipeline. */
#include "common/io/kafka_conf.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_what_the_message_itself_causes_is_rejected_and_only_the_end_of_the_client_is_fatal(
    void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum err_kind kind;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, ERR_REJECT},
        {RD_KAFKA_RESP_ERR__FATAL, ERR_FATAL},
        {RD_KAFKA_RESP_ERR__FENCED, ERR_FATAL},
        {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ERR_FATAL},
        /* Topics come back, rights are given, brokers are mended: never a reason to lose a record. */
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__TRANSPORT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ERR_RETRY}, /* a setting of the topic, not the message */
        {RD_KAFKA_RESP_ERR_UNKNOWN, ERR_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kafka_err_kind(rows[i].code) != rows[i].kind)
            fail_msg("%s", rd_kafka_err2name(rows[i].code));
}

static void an_error_names_what_was_tried_and_librdkafkas_name(void **state)
{
    struct err err;

    (void)state;
    kafka_err_set(&err, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic events");
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, "topic events: "));
    assert_non_null(strstr(err.text, "(UNKNOWN_TOPIC_OR_PART)"));
}

static void a_property_that_is_unknown_or_out_of_range_is_refused_with_its_name(void **state)
{
    static const struct {
        const char *name, *value;
        bool is_good;
    } rows[] = {
        {"linger.ms", "5", true}, {"linger.ms", "five", false},        {"linger.ms", "-1", false},
        {"lingr.ms", "5", false}, {"compression.codec", "lz5", false},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {.text = ""};
        bool is_good = kafka_conf_set(conf, rows[i].name, rows[i].value, &err);
        if (is_good != rows[i].is_good || (!is_good && strstr(err.text, rows[i].name) == NULL))
            fail_msg("%s=%s: %s", rows[i].name, rows[i].value, err.text);
    }
    rd_kafka_conf_destroy(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            only_what_the_message_itself_causes_is_rejected_and_only_the_end_of_the_client_is_fatal),
        cmocka_unit_test(an_error_names_what_was_tried_and_librdkafkas_name),
        cmocka_unit_test(a_property_that_is_unknown_or_out_of_range_is_refused_with_its_name),
    };

    return cmocka_run_group_tests_name("kafka_conf", tests, NULL, NULL);
}
