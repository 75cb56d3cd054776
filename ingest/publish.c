#include "ingest/publish.h"

#include "common/base/alloc.h"
#include "common/event/envelope.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/service/kafka_setup.h"
#include "common/service/metrics.h"
#include "common/service/service.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>

enum { ASK_AGAIN_MS = 1000, FORGIVE_MS = 10000 };

struct publish {
    struct loop *loop;
    struct kafka_producer *producer;
    struct topic_watch *watch;
    struct watched_topic *watched;
    const char *topic;
    char *what; /* "topic events": begins the text of an error */
    struct health_check *check;
    bool is_failing;                 /* as the check says */
    uint64_t asked_ms;               /* for the topic, because an event failed */
    struct loop_timer forgive_timer; /* since the last failure */
    struct metric *written, *failed, *latency;
    struct metric *errors[KAFKA_FAULT_COUNT];
    void (*on_fatal)(void *owner, const struct err *err);
    void *owner;
};

/* ---- results ---- */

/* An event failed for no fault of its own. The next one that is taken tells that all is well again; without
 * one, that the topic is there and nothing has failed for a while. */
static void show_failing(struct publish *publish, const struct err *err)
{
    uint64_t now_ms = loop_now_ms(publish->loop);

    if (publish->watched == NULL)
        return;
    publish->is_failing = true;
    loop_timer_start(&publish->forgive_timer, FORGIVE_MS);
    health_set(publish->check, HEALTH_DEGRADED, "the last event was refused: %s", err->text);
    if (watched_topic_partitions(publish->watched) == 0 || now_ms - publish->asked_ms < ASK_AGAIN_MS)
        return;
    publish->asked_ms = now_ms;
    watched_topic_suspect(publish->watched);
}

static void show_working(struct publish *publish)
{
    publish->is_failing = false;
    loop_timer_stop(&publish->forgive_timer);
    health_set(publish->check, HEALTH_UP, "%s", "");
}

static void on_forgive(void *owner)
{
    struct publish *publish = owner;

    if (watched_topic_has(publish->watched, 0))
        show_working(publish);
    else
        loop_timer_start(&publish->forgive_timer, FORGIVE_MS);
}

/* What happens to an event that Kafka did not take. */
static void settle_not_taken(struct publish *publish, struct publication *publication,
                             const struct publish_result *result)
{
    metric_add(publish->failed, 1);
    metric_add(publish->errors[result->fault], 1);
    if (result->fault != KAFKA_FAULT_TOO_LARGE && result->fault != KAFKA_FAULT_INVALID)
        show_failing(publish, &result->err);
    publication->on_settled(publication, result);
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct publication *publication = (struct publication *)delivery;
    struct publish *publish = publication->publish;
    struct publish_result result = {.is_durable = report->is_written};

    metric_observe(publish->latency, report->round_trip_us / 1e6);
    if (report->is_written) {
        metric_add(publish->written, 1);
        if (publish->is_failing)
            show_working(publish);
        publication->on_settled(publication, &result);
        return;
    }
    result.may_be_durable = report->may_be_written;
    result.fault = kafka_fault_of(report->code);
    kafka_err_set(&result.err, report->code, publish->what);
    settle_not_taken(publish, publication, &result);
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

void publish_send(struct publish *publish, const struct publish_event *event, struct publication *publication)
{
    const struct kafka_header header = {ENVELOPE_HEADER, event->envelope};
    const struct kafka_record record = {
        .topic = publish->topic,
        .partition = KAFKA_PARTITION_BY_KEY,
        .key = event->key,
        .value = event->value,
        .headers = &header,
        .header_count = 1,
    };
    struct publish_result result = {.is_durable = false};
    struct err err;

    publication->publish = publish;
    publication->delivery.on_report = on_report;
    switch (kafka_producer_send(publish->producer, &record, &publication->delivery, &err)) {
    case KAFKA_SENT:
        return;
    case KAFKA_QUEUE_FULL:
        result.fault = KAFKA_FAULT_QUEUE_FULL;
        err_set(&result.err, ERR_RETRY, "%s: too many events wait for Kafka", publish->what);
        break;
    case KAFKA_REFUSED:
        result.fault = fault_of_refusal(&err);
        err_set(&result.err, err.kind, "topic %s", err.text);
        break;
    }
    settle_not_taken(publish, publication, &result);
}

uint64_t publish_durable_count(const struct publish *publish)
{
    return metric_count(publish->written);
}

static void on_reports_done(void *owner)
{
    struct publish *publish = owner;
    rd_kafka_resp_err_t code = kafka_producer_fatal(publish->producer);
    struct err err;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    err_set(&err, ERR_FATAL, "the Kafka producer can't go on: %s (%s)", rd_kafka_err2str(code),
            rd_kafka_err2name(code));
    publish->on_fatal(publish->owner, &err);
}

/* ---- start and stop ---- */

static struct metric *published(const struct publish *publish, struct metrics *metrics, const char *status)
{
    AUTO_BUF labels = {0};

    metrics_label(&labels, "topic", publish->topic);
    metrics_label(&labels, "status", status);
    return metrics_counter(metrics, "kafka_events_published_total", buf_text(&labels),
                           "Events sent to Kafka, by whether it acknowledged them.");
}

static void make_metrics(struct publish *publish, struct metrics *metrics)
{
    AUTO_BUF labels = {0};

    publish->written = published(publish, metrics, "success");
    publish->failed = published(publish, metrics, "failure");
    metrics_label(&labels, "topic", publish->topic);
    publish->latency = metrics_histogram(metrics, "kafka_publish_latency_seconds", buf_text(&labels),
                                         "From sending an event to its delivery report.", 0.0005, 16);
    for (int fault = 0; fault < KAFKA_FAULT_COUNT; fault++) {
        AUTO_BUF with_type = {0};
        buf_append_slice(&with_type, buf_slice(&labels));
        metrics_label(&with_type, "error_type", kafka_fault_name((enum kafka_fault)fault));
        publish->errors[fault] = metrics_counter(metrics, "kafka_events_errors_total", buf_text(&with_type),
                                                 "Events that Kafka did not take, by the kind of reason.");
    }
}

static bool start_producer(struct publish *publish, struct service *service, struct err *err)
{
    const struct config *config = service_config(service);
    const struct kafka_client client = {&config->kafka, "ingest", config->instance};
    rd_kafka_conf_t *conf = kafka_setup_producer(&client, config->ingest.message_timeout_ms, err);

    if (conf == NULL)
        return false;
    /* By default a missing topic looks like a dead broker for 30 s. */
    kafka_conf_must_set(conf, "topic.metadata.propagation.max.ms", "500");
    return kafka_producer_start(service_loop(service), conf, &publish->producer, err);
}

static void watch_topic(struct publish *publish, struct service *service, struct offload *offload)
{
    const struct topic_watch_settings settings = {
        .loop = service_loop(service),
        .offload = offload,
        .rk = kafka_producer_handle(publish->producer),
        .metrics = service_metrics(service),
        .health = service_health(service),
    };
    const struct topic_need need = {publish->topic, "events are refused", HEALTH_DOWN};

    publish->check = health_check_new(settings.health, "publishing");
    show_working(publish);
    publish->watch = topic_watch_start(&settings);
    publish->watched = topic_watch_add(publish->watch, &need, NULL, NULL);
}

bool publish_start(struct service *service, struct offload *offload,
                   void (*on_fatal)(void *owner, const struct err *err), void *owner,
                   struct publish **out_publish, struct err *err)
{
    struct publish *publish = xcalloc(1, sizeof(*publish));

    publish->loop = service_loop(service);
    loop_timer_init(&publish->forgive_timer, publish->loop, on_forgive, publish);
    publish->topic = service_config(service)->topics.events;
    publish->what = xasprintf("topic %s", publish->topic);
    publish->on_fatal = on_fatal;
    publish->owner = owner;
    make_metrics(publish, service_metrics(service));
    if (!start_producer(publish, service, err)) {
        publish_stop(&publish);
        return false;
    }
    watch_topic(publish, service, offload);
    kafka_producer_on_room(publish->producer, on_reports_done, publish);
    *out_publish = publish;
    return true;
}

void publish_stop(struct publish **publish)
{
    if (*publish == NULL)
        return;
    loop_timer_stop(&(*publish)->forgive_timer);
    (*publish)->watched = NULL; /* the last reports come now, and nobody is left to ask */
    kafka_producer_stop(&(*publish)->producer);
    topic_watch_stop(&(*publish)->watch);
    free_string(&(*publish)->what);
    free(*publish);
    *publish = NULL;
}
