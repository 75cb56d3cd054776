#include "ingest/publish.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/service/kafka_setup.h"
#include "common/service/service.h"
#include "common/service/topic_watch.h"
#include "ingest/publish_topic.h"

#include <stdlib.h>

/* The topic of usage events, and the declared ones. */
enum { TOPICS_MAX = EVENT_TOPICS_MAX + 1 };

struct publish {
    struct service *service;
    struct kafka_producer *producer;
    struct topic_watch *watch;
    struct publish_topic *topics[TOPICS_MAX];
    size_t topic_count;
    void (*on_fatal)(void *owner, const struct err *err);
    void *owner;
};

struct publish_topic *publish_add_topic(struct publish *publish, const struct topic_need *need)
{
    const struct publish_topic_settings settings = {
        .loop = service_loop(publish->service),
        .producer = publish->producer,
        .watch = publish->watch,
        .health = service_health(publish->service),
        .metrics = service_metrics(publish->service),
    };

    BUG_ON(publish->topic_count == TOPICS_MAX);
    publish->topics[publish->topic_count] = publish_topic_new(&settings, need);
    return publish->topics[publish->topic_count++];
}

uint64_t publish_durable_count(const struct publish *publish)
{
    uint64_t count = 0;

    for (size_t i = 0; i < publish->topic_count; i++)
        count += publish_topic_durable_count(publish->topics[i]);
    return count;
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

static bool start_producer(struct publish *publish, struct err *err)
{
    const struct config *config = service_config(publish->service);
    const struct kafka_client client = {&config->kafka, "ingest", config->instance};
    rd_kafka_conf_t *conf = kafka_setup_producer(&client, config->ingest.message_timeout_ms, err);

    if (conf == NULL)
        return false;
    /* By default a missing topic looks like a dead broker for 30 s. */
    kafka_conf_must_set(conf, "topic.metadata.propagation.max.ms", "500");
    return kafka_producer_start(service_loop(publish->service), conf, &publish->producer, err);
}

static void start_watch(struct publish *publish, struct offload *offload)
{
    const struct topic_watch_settings settings = {
        .loop = service_loop(publish->service),
        .offload = offload,
        .producer = publish->producer,
        .metrics = service_metrics(publish->service),
        .health = service_health(publish->service),
    };

    publish->watch = topic_watch_start(&settings);
}

bool publish_start(struct service *service, struct offload *offload,
                   void (*on_fatal)(void *owner, const struct err *err), void *owner,
                   struct publish **out_publish, struct err *err)
{
    struct publish *publish = xcalloc(1, sizeof(*publish));

    publish->service = service;
    publish->on_fatal = on_fatal;
    publish->owner = owner;
    if (!start_producer(publish, err)) {
        free(publish);
        return false;
    }
    start_watch(publish, offload);
    kafka_producer_on_room(publish->producer, on_reports_done, publish);
    *out_publish = publish;
    return true;
}

void publish_stop(struct publish **publish_p)
{
    struct publish *publish = *publish_p;

    if (publish == NULL)
        return;
    for (size_t i = 0; i < publish->topic_count; i++)
        publish_topic_stop(publish->topics[i]);
    kafka_producer_stop(&publish->producer); /* the last reports */
    topic_watch_stop(&publish->watch);
    for (size_t i = 0; i < publish->topic_count; i++)
        publish_topic_free(&publish->topics[i]);
    free(publish);
    *publish_p = NULL;
}
