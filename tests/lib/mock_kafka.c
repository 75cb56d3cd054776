#include "tests/lib/mock_kafka.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000, BROKER = 1, LARGE_VALUE_BYTES = 400 * 1024 };

static void must(rd_kafka_resp_err_t code, const char *what)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail_msg("%s: %s", what, rd_kafka_err2str(code));
}

/* opaque of each message: where to note its offset. */
static void on_written(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    must(message->err, "write a record of the test");
    *(int64_t *)message->_private = message->offset;
}

void mock_kafka_start(struct mock_kafka *mock)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    log_open("test", LOG_LEVEL_CRITICAL, NULL); /* clients warn of the mock's age at every turn */
    kafka_conf_must_set(conf, "test.mock.num.brokers", "1");
    kafka_conf_must_set(conf, "linger.ms",
                        "60000");                /* until the flush: what is written together arrives so */
    kafka_conf_must_set(conf, "log_level", "3"); /* it warns of being a mock */
    rd_kafka_conf_set_dr_msg_cb(conf, on_written);
    *mock = (struct mock_kafka){.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text))};
    if (mock->rk == NULL)
        fail_msg("mock cluster: %s", text);
    mock->cluster = rd_kafka_handle_mock_cluster(mock->rk);
    mock->config.brokers = xstrdup(rd_kafka_mock_cluster_bootstraps(mock->cluster));
}

void mock_kafka_stop(struct mock_kafka *mock)
{
    free(mock->config.brokers);
    rd_kafka_destroy(mock->rk);
    *mock = (struct mock_kafka){.rk = NULL};
}

struct kafka_client mock_kafka_client(const struct mock_kafka *mock, const char *instance)
{
    return (struct kafka_client){.config = &mock->config, .stage = "test", .instance = instance};
}

rd_kafka_conf_t *mock_kafka_producer_conf(const struct mock_kafka *mock)
{
    const struct kafka_client client = mock_kafka_client(mock, "1");
    struct err err;
    rd_kafka_conf_t *conf = kafka_setup_producer(&client, 0, &err);

    if (conf == NULL)
        fail_msg("%s", err.text);
    return conf;
}

void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int partition_count)
{
    must(rd_kafka_mock_topic_create(mock->cluster, topic, partition_count, 1), "create a topic");
}

void mock_kafka_set_missing(struct mock_kafka *mock, const char *topic, bool is_missing)
{
    rd_kafka_mock_topic_set_error(mock->cluster, topic,
                                  is_missing ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                             : RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_kafka_fail(struct mock_kafka *mock, enum mock_kafka_api api, rd_kafka_resp_err_t code, int count)
{
    for (int i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors_array(mock->cluster, (int16_t)api, 1, &code);
}

void mock_kafka_delay_next(struct mock_kafka *mock, enum mock_kafka_api api, int delay_ms)
{
    must(rd_kafka_mock_broker_push_request_error_rtts(mock->cluster, BROKER, (int16_t)api, 1,
                                                      RD_KAFKA_RESP_ERR_NO_ERROR, delay_ms),
         "delay a request");
}

void mock_kafka_delay(struct mock_kafka *mock, int delay_ms)
{
    must(rd_kafka_mock_broker_set_rtt(mock->cluster, BROKER, delay_ms), "delay the broker");
}

static void *void_of(const void *data)
{
    return (void *)(uintptr_t)data;
}

/* Copies the record, takes the headers; out_offset is filled in by flush. */
static void produce(struct mock_kafka *mock, const char *topic, int32_t partition, struct slice key,
                    struct slice value, rd_kafka_headers_t *headers, int64_t *out_offset)
{
    rd_kafka_resp_err_t code = rd_kafka_producev(
        mock->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_OPAQUE(out_offset),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(void_of(key.data), key.length),
        RD_KAFKA_V_VALUE(void_of(value.data), value.length), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);

    must(code, "produce a record of the test");
}

void mock_kafka_write(struct mock_kafka *mock, const char *topic, int32_t partition, struct slice key,
                      struct slice value, rd_kafka_headers_t *headers)
{
    int64_t offset = -1;

    if (headers == NULL)
        headers = rd_kafka_headers_new(0);
    produce(mock, topic, partition, key, value, headers, &offset);
    must(rd_kafka_flush(mock->rk, PATIENCE_MS), "write a record of the test");
    assert_true(offset >= 0);
}

void mock_kafka_fill(struct mock_kafka *mock, const char *topic, int32_t partition, int64_t first, int count)
{
    int64_t *offsets = xcalloc((size_t)count, sizeof(*offsets));
    char value[64];

    for (int i = 0; i < count; i++) {
        int length = snprintf(value, sizeof(value), "%d:%lld", (int)partition, (long long)first + i);
        produce(mock, topic, partition, SLICE("k"), slice_of(value, (size_t)length), rd_kafka_headers_new(0),
                &offsets[i]);
    }
    must(rd_kafka_flush(mock->rk, PATIENCE_MS), "write the records of the test");
    for (int i = 0; i < count; i++)
        assert_int_equal(offsets[i], first + i);
    free(offsets);
}

int64_t mock_kafka_end(struct mock_kafka *mock, const char *topic, int32_t partition)
{
    int64_t low;
    int64_t high;

    must(rd_kafka_query_watermark_offsets(mock->rk, topic, partition, &low, &high, PATIENCE_MS),
         "watermarks");
    return high;
}

int64_t mock_kafka_lose_old(struct mock_kafka *mock, const char *topic, int32_t partition)
{
    AUTO_STRING large = xmalloc(LARGE_VALUE_BYTES);
    int64_t low = 0;
    int64_t high;

    memset(large, 'x', LARGE_VALUE_BYTES);
    for (int written = 0; low < 3 && written < 100; written++) {
        mock_kafka_write(mock, topic, partition, SLICE("k"), slice_of(large, LARGE_VALUE_BYTES), NULL);
        must(rd_kafka_query_watermark_offsets(mock->rk, topic, partition, &low, &high, PATIENCE_MS),
             "watermarks");
    }
    assert_true(low >= 3);
    return low;
}

/* ---- reading ---- */

static rd_kafka_t *consumer_new(const struct mock_kafka *mock)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    kafka_conf_must_set(conf, "bootstrap.servers", mock->config.brokers);
    kafka_conf_must_set(conf, "auto.offset.reset", "error");
    kafka_conf_must_set(conf, "fetch.wait.max.ms", "10");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL)
        fail_msg("consumer of the test: %s", text);
    return rk;
}

struct mock_records mock_kafka_read(struct mock_kafka *mock, const char *topic, int32_t partition)
{
    struct mock_records records = {0};
    rd_kafka_t *rk = consumer_new(mock);
    int64_t low;
    int64_t high;

    must(rd_kafka_query_watermark_offsets(rk, topic, partition, &low, &high, PATIENCE_MS), "watermarks");
    records.messages = xcalloc((size_t)(high - low), sizeof(rd_kafka_message_t *));
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    assert_int_equal(rd_kafka_consume_start(handle, partition, low), 0);
    while ((int64_t)records.count < high - low) {
        rd_kafka_message_t *message = rd_kafka_consume(handle, partition, PATIENCE_MS);
        if (message == NULL)
            fail_msg("%zu of %lld records of %s[%d] came", records.count, (long long)(high - low), topic,
                     partition);
        must(message->err, "read the records of the test");
        records.messages[records.count++] = message;
    }
    (void)rd_kafka_consume_stop(handle, partition);
    rd_kafka_topic_destroy(handle);
    records.rk = rk;
    return records;
}

void mock_records_done(struct mock_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->messages[i] != NULL)
            rd_kafka_message_destroy(records->messages[i]);
    free(records->messages);
    if (records->rk != NULL)
        rd_kafka_destroy_flags(records->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *records = (struct mock_records){0};
}

struct slice mock_record_value(const rd_kafka_message_t *message)
{
    return slice_of(message->payload, message->len);
}

struct slice mock_record_header(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return slice_of(NULL, 0);
    return slice_of(value, length);
}
