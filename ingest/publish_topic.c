#include "ingest/publish_topic.h"

#include "common/base/alloc.h"
#include "common/event/envelope.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"
#include "ingest/progress.h"

#include <stdlib.h>

/* An event that Kafka's client itself refuses fails at once: what has got through shortly before counts. */
enum { ASK_AGAIN_MS = 1000, FORGIVE_MS = 3000, REFUSED_SINCE_MS = 1000 };

struct publish_topic {
    struct publish_topic_settings settings;
    struct topic_need need;
    struct watched_topic *watched; /* NULL: stopping */
    char *what;                    /* "topic events": begins the text of an error */
    struct progress progress;
    struct health_check *check;
    uint64_t asked_ms;               /* for the topic, because an event failed */
    struct loop_timer forgive_timer; /* since the last failure */
    struct metric *written, *failed, *latency;
    struct metric *errors[KAFKA_FAULT_COUNT];
};

/* ---- health ---- */

static void show_good(struct publish_topic *topic)
{
    loop_timer_stop(&topic->forgive_timer);
    health_set(topic->check, HEALTH_UP, "%s", "");
}

/* An event failed for no fault of its own. Readiness follows at once when nothing else gets through. */
static void show_failure(struct publish_topic *topic, uint64_t sent_ms, const struct err *err)
{
    uint64_t now_ms = loop_now_ms(topic->settings.loop);
    enum progress_state state = progress_failed(&topic->progress, sent_ms);

    if (topic->watched == NULL)
        return;
    loop_timer_start(&topic->forgive_timer, FORGIVE_MS);
    if (state == PROGRESS_NONE)
        health_set(topic->check, topic->need.when_missing, "no event gets through, %s: %s",
                   topic->need.consequence, err->text);
    else
        health_set(topic->check, HEALTH_DEGRADED, "an event was refused: %s", err->text);
    if (watched_topic_partitions(topic->watched) == 0 || now_ms - topic->asked_ms < ASK_AGAIN_MS)
        return;
    topic->asked_ms = now_ms;
    watched_topic_suspect(topic->watched);
}

static void note_acknowledged(struct publish_topic *topic)
{
    enum progress_state before = topic->progress.state;
    enum progress_state state = progress_acknowledged(&topic->progress, loop_now_ms(topic->settings.loop));

    if (state != before)
        health_set(topic->check, HEALTH_DEGRADED, "%s", "events get through again, the one before did not");
}

/* Without events of late, that the topic is there must do. */
static void on_forgive(void *owner)
{
    struct publish_topic *topic = owner;

    if (!watched_topic_has(topic->watched, 0)) {
        loop_timer_start(&topic->forgive_timer, FORGIVE_MS);
        return;
    }
    (void)progress_forgive(&topic->progress);
    show_good(topic);
}

/* ---- results ---- */

/* What happens to an event that Kafka did not take. */
static void settle_not_taken(struct publish_topic *topic, struct publication *publication, uint64_t sent_ms,
                             const struct publish_result *result)
{
    metric_add(topic->failed, 1);
    metric_add(topic->errors[result->fault], 1);
    if (result->fault != KAFKA_FAULT_TOO_LARGE && result->fault != KAFKA_FAULT_INVALID)
        show_failure(topic, sent_ms, &result->err);
    publication->on_settled(publication, result);
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct publication *publication = (struct publication *)delivery;
    struct publish_topic *topic = publication->topic;
    struct publish_result result = {.is_durable = report->is_written};

    metric_observe(topic->latency, report->round_trip_us / 1e6);
    if (report->is_written) {
        metric_add(topic->written, 1);
        note_acknowledged(topic);
        publication->on_settled(publication, &result);
        return;
    }
    result.may_be_durable = report->may_be_written;
    result.fault = kafka_fault_of(report->code);
    kafka_err_set(&result.err, report->code, topic->what);
    settle_not_taken(topic, publication, loop_now_ms(topic->settings.loop) - report->round_trip_us / 1000,
                     &result);
}

/* librdkafka's client refuses a record by itself for its size, or because the topic is not there. */
static enum kafka_fault fault_of_refusal(const struct err *err)
{
    switch (err->kind) {
    case ERR_REJECT:
        return KAFKA_FAULT_TOO_LARGE;
    case ERR_RETRY:
        return KAFKA_FAULT_UNKNOWN_TOPIC;
    case ERR_FATAL:
        break;
    }
    return KAFKA_FAULT_OTHER;
}

void publish_send(struct publish_topic *topic, const struct publish_event *event,
                  struct publication *publication)
{
    const struct kafka_header header = {ENVELOPE_HEADER, event->envelope};
    const struct kafka_record record = {
        .topic = topic->need.name,
        .partition = KAFKA_PARTITION_BY_KEY,
        .key = event->key,
        .value = event->value,
        .headers = &header,
        .header_count = 1,
    };
    struct publish_result result;
    struct err err;

    publication->topic = topic;
    publication->delivery.on_report = on_report;
    enum kafka_sending sending =
        kafka_producer_send(topic->settings.producer, &record, &publication->delivery, &err);
    if (sending == KAFKA_SENT)
        return;
    result = (struct publish_result){.fault = KAFKA_FAULT_QUEUE_FULL};
    if (sending == KAFKA_QUEUE_FULL) {
        err_set(&result.err, ERR_RETRY, "%s: too many events wait for Kafka", topic->what);
    } else {
        result.fault = fault_of_refusal(&err);
        err_set(&result.err, err.kind, "topic %s", err.text);
    }
    settle_not_taken(topic, publication, loop_now_ms(topic->settings.loop) - REFUSED_SINCE_MS, &result);
}

uint64_t publish_topic_durable_count(const struct publish_topic *topic)
{
    return metric_count(topic->written);
}

/* ---- start and stop ---- */

static struct metric *published(const struct publish_topic *topic, const char *status)
{
    AUTO_BUF labels = {0};

    metrics_label(&labels, "topic", topic->need.name);
    metrics_label(&labels, "status", status);
    return metrics_counter(topic->settings.metrics, "kafka_events_published_total", buf_text(&labels),
                           "Events sent to Kafka, by whether it acknowledged them.");
}

static void make_metrics(struct publish_topic *topic)
{
    struct metrics *metrics = topic->settings.metrics;
    AUTO_BUF labels = {0};

    topic->written = published(topic, "success");
    topic->failed = published(topic, "failure");
    metrics_label(&labels, "topic", topic->need.name);
    topic->latency = metrics_histogram(metrics, "kafka_publish_latency_seconds", buf_text(&labels),
                                       "From sending an event to its delivery report.", 0.0005, 16);
    for (int fault = 0; fault < KAFKA_FAULT_COUNT; fault++) {
        AUTO_BUF with_type = {0};
        buf_append_slice(&with_type, buf_slice(&labels));
        metrics_label(&with_type, "error_type", kafka_fault_name((enum kafka_fault)fault));
        topic->errors[fault] = metrics_counter(metrics, "kafka_events_errors_total", buf_text(&with_type),
                                               "Events that Kafka did not take, by the kind of reason.");
    }
}

struct publish_topic *publish_topic_new(const struct publish_topic_settings *settings,
                                        const struct topic_need *need)
{
    struct publish_topic *topic = xcalloc(1, sizeof(*topic));
    AUTO_STRING check_name = xasprintf("publishing-%s", need->name);

    topic->settings = *settings;
    topic->need = *need;
    topic->what = xasprintf("topic %s", need->name);
    loop_timer_init(&topic->forgive_timer, settings->loop, on_forgive, topic);
    make_metrics(topic);
    topic->check = health_check_new(settings->health, check_name);
    show_good(topic);
    topic->watched = topic_watch_add(settings->watch, need, NULL, NULL);
    return topic;
}

void publish_topic_stop(struct publish_topic *topic)
{
    loop_timer_stop(&topic->forgive_timer);
    topic->watched = NULL; /* nobody is left to ask */
}

void publish_topic_free(struct publish_topic **topic)
{
    if (*topic == NULL)
        return;
    free_string(&(*topic)->what);
    free(*topic);
    *topic = NULL;
}
