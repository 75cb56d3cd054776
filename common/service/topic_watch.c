#include "common/service/topic_watch.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_producer.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/metrics.h"

#include <stdlib.h>

enum {
    TOPIC_ASK_TIMEOUT_MS = 3000,
    TOPIC_ASK_AGAIN_MISSING_MS = 1000,
    TOPIC_ASK_AGAIN_PRESENT_MS = 10000,
};

enum topic_state { TOPIC_UNKNOWN, TOPIC_PRESENT, TOPIC_MISSING };

struct watched_topic {
    struct offload_job job; /* first: the job is the topic */
    struct topic_watch *watch;
    struct watched_topic *next;
    struct topic_need need;
    void (*on_change)(void *owner);
    void *owner;

    enum topic_state state;
    int32_t partitions;
    bool is_asking;
    bool is_suspect; /* became suspect while the question was under way */
    struct loop_timer timer;
    struct health_check *check;
    struct metric *missing;

    /* Written by the thread that asks, read after it is done. */
    rd_kafka_resp_err_t answer;
    int32_t answer_partitions;
};

struct topic_watch {
    struct topic_watch_settings settings;
    struct watched_topic *topics;
};

struct topic_watch *topic_watch_start(const struct topic_watch_settings *settings)
{
    struct topic_watch *watch = xcalloc(1, sizeof(*watch));

    watch->settings = *settings;
    return watch;
}

void topic_watch_stop(struct topic_watch **watch)
{
    struct watched_topic *next;

    if (*watch == NULL)
        return;
    for (struct watched_topic *topic = (*watch)->topics; topic != NULL; topic = next) {
        next = topic->next;
        loop_timer_stop(&topic->timer);
        free(topic);
    }
    free(*watch);
    *watch = NULL;
}

static void ask_on_thread(struct offload_job *job)
{
    struct watched_topic *topic = (struct watched_topic *)job;
    rd_kafka_t *rk = kafka_producer_handle(topic->watch->settings.producer);
    const struct rd_kafka_metadata *metadata;

    topic->answer_partitions = 0;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic->need.name, NULL);
    if (handle == NULL) {
        topic->answer = rd_kafka_last_error();
        return;
    }
    topic->answer = rd_kafka_metadata(rk, 0, handle, &metadata, TOPIC_ASK_TIMEOUT_MS);
    if (topic->answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
        topic->answer = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        if (topic->answer == RD_KAFKA_RESP_ERR_NO_ERROR)
            topic->answer_partitions = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
}

static enum topic_state state_of(const struct watched_topic *topic)
{
    switch (topic->answer) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return topic->answer_partitions > 0 ? TOPIC_PRESENT : TOPIC_UNKNOWN;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return TOPIC_MISSING;
    default:
        return TOPIC_UNKNOWN;
    }
}

/* The reason of a refused handshake or login says more than that time ran out. */
static void show_unknown(struct watched_topic *topic)
{
    const char *refusal = kafka_producer_refusal(topic->watch->settings.producer);

    health_set(topic->check, topic->need.when_missing,
               "topic %s: Kafka does not say whether it exists (%s)%s%s", topic->need.name,
               rd_kafka_err2name(topic->answer), refusal[0] != '\0' ? ": " : "", refusal);
}

static void show(struct watched_topic *topic)
{
    health_set_missing_topic(topic->watch->settings.health, topic->need.name, topic->state == TOPIC_MISSING);
    if (topic->state == TOPIC_UNKNOWN)
        metric_set_unknown(topic->missing);
    else
        metric_set(topic->missing, topic->state == TOPIC_MISSING);
    switch (topic->state) {
    case TOPIC_PRESENT:
        health_set(topic->check, HEALTH_UP, "%s", "");
        return;
    case TOPIC_MISSING:
        health_set(topic->check, topic->need.when_missing,
                   "topic %s is missing: %s; run `millrace topics init`", topic->need.name,
                   topic->need.consequence);
        return;
    case TOPIC_UNKNOWN:
        show_unknown(topic);
        return;
    }
    BUG("state %d", (int)topic->state);
}

static void ask(void *owner);

static void on_answer(struct offload_job *job)
{
    struct watched_topic *topic = (struct watched_topic *)job;
    enum topic_state state = state_of(topic);
    bool has_changed = state != topic->state || topic->answer_partitions != topic->partitions;

    topic->is_asking = false;
    topic->state = state;
    topic->partitions = topic->answer_partitions;
    show(topic);
    loop_timer_start(&topic->timer,
                     state == TOPIC_PRESENT ? TOPIC_ASK_AGAIN_PRESENT_MS : TOPIC_ASK_AGAIN_MISSING_MS);
    if (topic->is_suspect) {
        topic->is_suspect = false;
        ask(topic);
    }
    if (has_changed && topic->on_change != NULL)
        topic->on_change(topic->owner);
}

static void ask(void *owner)
{
    struct watched_topic *topic = owner;

    if (topic->is_asking)
        return;
    topic->is_asking = true;
    offload_run(topic->watch->settings.offload, &topic->job);
}

struct watched_topic *topic_watch_add(struct topic_watch *watch, const struct topic_need *need,
                                      void (*on_change)(void *owner), void *owner)
{
    struct watched_topic *topic = xcalloc(1, sizeof(*topic));
    AUTO_BUF labels = {0};
    AUTO_STRING check_name = xasprintf("topic-%s", need->name);

    *topic = (struct watched_topic){
        .job = {.work = ask_on_thread, .on_done = on_answer},
        .watch = watch,
        .next = watch->topics,
        .need = *need,
        .on_change = on_change,
        .owner = owner,
    };
    watch->topics = topic;
    topic->check = health_check_new(watch->settings.health, check_name);
    buf_printf(&labels, "topic=\"%s\"", need->name); /* topic names are of [A-Za-z0-9._-] */
    topic->missing = metrics_gauge(watch->settings.metrics, "millrace_topic_missing", buf_text(&labels),
                                   "1 while a topic that this worker needs does not exist.");
    metric_set_unknown(topic->missing);
    loop_timer_init(&topic->timer, watch->settings.loop, ask, topic);
    ask(topic);
    return topic;
}

bool watched_topic_has(const struct watched_topic *topic, int32_t partition)
{
    return topic->state == TOPIC_PRESENT && partition < topic->partitions;
}

bool watched_topic_is_missing(const struct watched_topic *topic, int32_t partition)
{
    return topic->state == TOPIC_MISSING || (topic->state == TOPIC_PRESENT && partition >= topic->partitions);
}

int32_t watched_topic_partitions(const struct watched_topic *topic)
{
    return topic->partitions;
}

void watched_topic_suspect(struct watched_topic *topic)
{
    topic->state = TOPIC_UNKNOWN;
    topic->partitions = 0;
    if (topic->is_asking)
        topic->is_suspect = true;
    else
        ask(topic);
}
