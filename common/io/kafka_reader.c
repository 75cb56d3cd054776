#include "common/io/kafka_reader.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"

#include <stdlib.h>
#include <utlist.h>

enum { KAFKA_READER_TAKE_MAX = 1000, KAFKA_READER_POLL_INTERVAL_MS = 1000 };

struct kafka_reading {
    struct kafka_reader *reader;
    struct kafka_reading *prev, *next;
    struct kafka_range range;
    struct kafka_reading_callbacks callbacks;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
};

struct kafka_reader {
    rd_kafka_t *rk;
    struct loop_wakeup wakeup;
    struct loop_timer poll_timer; /* librdkafka's own callbacks (logs, errors) */
    struct kafka_reading *readings;
    struct log_gate gate;
};

/* Out of its reader's list already. */
static void reading_free(struct kafka_reading *reading)
{
    rd_kafka_queue_io_event_enable(reading->queue, -1, NULL, 0);
    (void)rd_kafka_consume_stop(reading->topic, reading->range.partition); /* fails only when not started */
    rd_kafka_queue_destroy(reading->queue);
    rd_kafka_topic_destroy(reading->topic);
    free(reading);
}

static void reading_end(struct kafka_reading *reading)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a reading is always in its list */
    DL_DELETE(reading->reader->readings, reading);
    reading_free(reading);
}

void kafka_reading_cancel(struct kafka_reading *reading)
{
    reading_end(reading);
}

static void reading_fail(struct kafka_reading *reading, rd_kafka_resp_err_t code)
{
    struct kafka_reading_callbacks callbacks = reading->callbacks;
    char what[320];
    struct err err;

    (void)snprintf(what, sizeof(what), "read %s[%d] again from offset %lld",
                   rd_kafka_topic_name(reading->topic), reading->range.partition,
                   (long long)reading->range.first);
    kafka_err_set(&err, code, what);
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        err_set(&err, ERR_REJECT, "%s: the log does not have it", what);
    reading_end(reading);
    callbacks.on_failed(callbacks.owner, &err);
}

/* Whether an error element means that the records can't be had; what passes by itself is waited for. */
static bool is_final(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void log_fault(struct kafka_reading *reading, const rd_kafka_message_t *message)
{
    struct kafka_reader *reader = reading->reader;
    uint32_t hidden_count;

    if (log_gate_passes(&reader->gate, clock_monotonic_ms(), &hidden_count))
        log_partition(LOG_LEVEL_WARNING, rd_kafka_topic_name(reading->topic), reading->range.partition,
                      "read again: %s (%u such lines left out)", rd_kafka_message_errstr(message),
                      hidden_count);
}

/* False when the reading is over (and gone). */
static bool reading_take(struct kafka_reading *reading, rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t code = message->err;
    int64_t offset = message->offset;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_fault(reading, message);
        rd_kafka_message_destroy(message);
        if (!is_final(code))
            return true;
        reading_fail(reading, code);
        return false;
    }
    if (offset >= reading->range.first && offset <= reading->range.last)
        reading->callbacks.on_record(reading->callbacks.owner, message);
    else
        rd_kafka_message_destroy(message);
    if (offset < reading->range.last)
        return true;
    struct kafka_reading_callbacks callbacks = reading->callbacks;
    reading_end(reading);
    callbacks.on_end(callbacks.owner);
    return false;
}

static void reading_serve(struct kafka_reading *reading)
{
    rd_kafka_message_t *messages[KAFKA_READER_TAKE_MAX];
    ssize_t count;
    bool goes_on = true;

    do {
        count = rd_kafka_consume_batch_queue(reading->queue, 0, messages, KAFKA_READER_TAKE_MAX);
        for (ssize_t i = 0; i < count; i++) {
            if (goes_on)
                goes_on = reading_take(reading, messages[i]);
            else
                rd_kafka_message_destroy(messages[i]);
        }
    } while (goes_on && count == KAFKA_READER_TAKE_MAX);
}

static void on_records(void *owner)
{
    struct kafka_reader *reader = owner;
    struct kafka_reading *next;

    for (struct kafka_reading *reading = reader->readings; reading != NULL; reading = next) {
        next = reading->next;
        reading_serve(reading);
    }
}

static void on_poll(void *owner)
{
    struct kafka_reader *reader = owner;

    (void)rd_kafka_poll(reader->rk, 0);
}

bool kafka_reader_start(struct loop *loop, rd_kafka_conf_t *conf, struct kafka_reader **out_reader,
                        struct err *err)
{
    char text[256];
    struct kafka_reader *reader = xcalloc(1, sizeof(*reader));

    reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (reader->rk == NULL) {
        err_set(err, ERR_FATAL, "Kafka reader: %s", text);
        rd_kafka_conf_destroy(conf);
        free(reader);
        return false;
    }
    loop_wakeup_init(&reader->wakeup, loop, on_records, reader);
    loop_timer_init(&reader->poll_timer, loop, on_poll, reader);
    loop_timer_start_every(&reader->poll_timer, KAFKA_READER_POLL_INTERVAL_MS);
    *out_reader = reader;
    return true;
}

bool kafka_reader_read(struct kafka_reader *reader, const struct kafka_range *range,
                       const struct kafka_reading_callbacks *callbacks, struct kafka_reading **out_reading,
                       struct err *err)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->rk, range->topic, NULL);

    if (topic == NULL) {
        kafka_err_set(err, rd_kafka_last_error(), range->topic);
        return false;
    }
    struct kafka_reading *reading = xcalloc(1, sizeof(*reading));
    *reading =
        (struct kafka_reading){.reader = reader, .range = *range, .callbacks = *callbacks, .topic = topic};
    reading->range.topic = NULL; /* the copy is the topic's own name */
    reading->queue = rd_kafka_queue_new(reader->rk);
    rd_kafka_queue_io_event_enable(reading->queue, reader->wakeup.fd, &loop_wakeup_payload,
                                   sizeof(loop_wakeup_payload));
    DL_APPEND(reader->readings, reading);
    if (rd_kafka_consume_start_queue(topic, range->partition, range->first, reading->queue) != 0) {
        kafka_err_set(err, rd_kafka_last_error(), range->topic);
        reading_end(reading);
        return false;
    }
    *out_reading = reading;
    return true;
}

void kafka_reader_stop(struct kafka_reader **reader_p)
{
    struct kafka_reader *reader = *reader_p;
    struct kafka_reading *reading;
    struct kafka_reading *next;

    if (reader == NULL)
        return;
    DL_FOREACH_SAFE(reader->readings, reading, next)
    reading_free(reading);
    loop_timer_stop(&reader->poll_timer);
    rd_kafka_destroy(reader->rk);
    loop_wakeup_done(&reader->wakeup);
    free(reader);
    *reader_p = NULL;
}
