#include "query/lags.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/event/topics.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_reader.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/kafka_setup.h"

#include <stdlib.h>

enum {
    LAGS_FRESH_MS = 1000,    /* how long an answer serves others */
    LAGS_PATIENCE_MS = 2000, /* who waits is answered by then */
    LAGS_ASK_MS = 900,       /* the questions about one stage */
    LAGS_POLL_MS = 1000,
    LAGS_AGES_MAX = 64, /* partitions that lag and whose oldest record is looked at */
};

/* The first record that is not done, in one partition that lags. */
struct oldest {
    struct lags *lags;
    enum lags_stage stage;
    struct kafka_reading *reading; /* NULL: done with */
    int64_t appended_ms;           /* -1: not found out */
};

struct lags {
    struct offload_job job; /* first */
    struct loop *loop;
    struct offload *offload;
    struct kafka_reader *reader;
    struct positions_of stages[LAGS_STAGES];
    rd_kafka_t *groups[LAGS_STAGES]; /* a client for each group, as librdkafka asks for its own group only */
    struct positions asked[LAGS_STAGES]; /* of the job, while it runs */
    struct positions found[LAGS_STAGES];
    struct lag lags[LAGS_STAGES];
    struct oldest oldest[LAGS_AGES_MAX];
    size_t oldest_count, reading_count;
    bool has_unread[LAGS_STAGES]; /* more partitions lag than are looked at */
    bool is_asking;               /* until all is found out, be it late */
    uint64_t answered_ms;         /* 0: never */
    struct loop_timer patience;
    struct loop_timer poll; /* librdkafka's own callbacks */
    TAILQ_HEAD(lags_line, lags_waiter) waiters;
};

/* ---- answers ---- */

static void answer(struct lags *lags)
{
    struct lags_waiter *waiter;

    lags->answered_ms = loop_now_ms(lags->loop);
    while ((waiter = TAILQ_FIRST(&lags->waiters)) != NULL) {
        lags_cancel(waiter);
        waiter->on_lags(waiter->owner);
    }
}

static void finish(struct lags *lags)
{
    loop_timer_stop(&lags->patience);
    lags->is_asking = false;
    answer(lags);
}

/* ---- the age of the oldest record ---- */

static void take_ages(struct lags *lags, enum lags_stage stage)
{
    struct lag *lag = &lags->lags[stage];
    int64_t first_ms = INT64_MAX;
    int64_t now_ms = clock_wall_us() / 1000;

    if (!lag->is_known || lag->has_age)
        return;
    lag->has_age = !lags->has_unread[stage];
    for (size_t i = 0; i < lags->oldest_count; i++) {
        const struct oldest *oldest = &lags->oldest[i];
        if (oldest->stage != stage)
            continue;
        lag->has_age &= oldest->appended_ms >= 0;
        first_ms = oldest->appended_ms < first_ms ? oldest->appended_ms : first_ms;
    }
    lag->has_age &= first_ms != INT64_MAX;
    lag->age_ms = lag->has_age && now_ms > first_ms ? (uint64_t)(now_ms - first_ms) : 0;
}

static void finish_ages(struct lags *lags)
{
    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++)
        take_ages(lags, stage);
    finish(lags);
}

static void on_record(void *owner, rd_kafka_message_t *message)
{
    struct oldest *oldest = owner;
    rd_kafka_timestamp_type_t type;

    oldest->appended_ms = rd_kafka_message_timestamp(message, &type);
    rd_kafka_message_destroy(message);
}

static void on_read(void *owner)
{
    struct oldest *oldest = owner;

    oldest->reading = NULL;
    if (--oldest->lags->reading_count == 0)
        finish_ages(oldest->lags);
}

static void on_unreadable(void *owner, const struct err *err)
{
    (void)err; /* such as records that retention has removed: an age that is not known */
    on_read(owner);
}

/* False when there is no room for one more. */
static bool read_oldest(struct lags *lags, enum lags_stage stage, int32_t partition)
{
    int64_t offset = lags->found[stage].items[partition].next;
    const struct kafka_range range = {lags->stages[stage].topic, partition, offset, offset};
    struct err err;

    if (lags->oldest_count == LAGS_AGES_MAX)
        return false;
    struct oldest *oldest = &lags->oldest[lags->oldest_count++];
    const struct kafka_reading_callbacks callbacks = {on_record, on_read, on_unreadable, oldest};
    *oldest = (struct oldest){.lags = lags, .stage = stage, .appended_ms = -1};
    if (kafka_reader_read(lags->reader, &range, &callbacks, &oldest->reading, &err))
        lags->reading_count++;
    return true;
}

static void read_stage(struct lags *lags, enum lags_stage stage)
{
    const struct positions *found = &lags->found[stage];

    lags->has_unread[stage] = false;
    if (!lags->lags[stage].is_known)
        return;
    for (int32_t i = 0; i < found->count; i++) {
        if (found->items[i].next < found->items[i].end && !read_oldest(lags, stage, i)) {
            lags->has_unread[stage] = true;
            return;
        }
    }
}

static void read_ages(struct lags *lags)
{
    lags->oldest_count = 0;
    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++)
        read_stage(lags, stage);
    if (lags->reading_count == 0)
        finish_ages(lags);
    else if (!loop_timer_is_running(
                 &lags->patience)) /* the answer came late: those who ask now wait for this */
        loop_timer_start(&lags->patience, LAGS_PATIENCE_MS);
}

static void cancel_ages(struct lags *lags)
{
    for (size_t i = 0; i < lags->oldest_count; i++) {
        if (lags->oldest[i].reading != NULL)
            kafka_reading_cancel(lags->oldest[i].reading);
        lags->oldest[i].reading = NULL;
    }
    lags->reading_count = 0;
}

/* ---- questions ---- */

static void ask_on_thread(struct offload_job *job)
{
    struct lags *lags = (struct lags *)job;

    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++)
        positions_ask(lags->groups[stage], &lags->stages[stage], LAGS_ASK_MS, &lags->asked[stage]);
}

static void on_asked(struct offload_job *job)
{
    struct lags *lags = (struct lags *)job;

    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++) {
        positions_done(&lags->found[stage]);
        lags->found[stage] = lags->asked[stage];
        lags->asked[stage] = (struct positions){.items = NULL};
        lag_of(&lags->stages[stage], &lags->found[stage], stage == LAGS_POST_PROCESSING, &lags->lags[stage]);
    }
    read_ages(lags);
}

static bool is_reading(const struct lags *lags)
{
    return lags->reading_count > 0;
}

/* Who waits has waited long enough: with what is known, which is nothing, or all but the ages. */
static void on_impatient(void *owner)
{
    struct lags *lags = owner;

    if (is_reading(lags)) {
        cancel_ages(lags);
        finish_ages(lags);
        return;
    }
    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++) {
        lag_unknown(&lags->lags[stage], "Kafka has not answered yet");
        positions_done(&lags->found[stage]);
    }
    answer(lags);
}

static bool is_fresh(const struct lags *lags)
{
    return lags->answered_ms != 0 && loop_now_ms(lags->loop) - lags->answered_ms < LAGS_FRESH_MS;
}

/* The question is under way, and those who waited for it have been answered. */
static bool is_late(const struct lags *lags)
{
    return lags->is_asking && !loop_timer_is_running(&lags->patience);
}

void lags_ask(struct lags *lags, struct lags_waiter *waiter)
{
    if (is_late(lags) || (!lags->is_asking && is_fresh(lags))) {
        waiter->on_lags(waiter->owner);
        return;
    }
    waiter->lags = lags;
    TAILQ_INSERT_TAIL(&lags->waiters, waiter, line);
    if (lags->is_asking)
        return;
    lags->is_asking = true;
    loop_timer_start(&lags->patience, LAGS_PATIENCE_MS);
    offload_run(lags->offload, &lags->job);
}

void lags_cancel(struct lags_waiter *waiter)
{
    if (waiter->lags == NULL)
        return;
    TAILQ_REMOVE(&waiter->lags->waiters, waiter, line);
    waiter->lags = NULL;
}

const struct lag *lags_of(const struct lags *lags, enum lags_stage stage)
{
    return &lags->lags[stage];
}

const char *lags_topic(const struct lags *lags, enum lags_stage stage)
{
    return lags->stages[stage].topic;
}

const struct position *lags_position(const struct lags *lags, enum lags_stage stage, uint32_t partition)
{
    const struct positions *found = &lags->found[stage];

    return found->is_known && (int64_t)partition < found->count ? &found->items[partition] : NULL;
}

/* ---- start and stop ---- */

static void on_poll(void *owner)
{
    struct lags *lags = owner;

    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++)
        (void)rd_kafka_poll(lags->groups[stage], 0);
}

/* Single records are read here, not streams. */
static bool start_reader(struct lags *lags, const struct kafka_client *client, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_setup_reader(client, err);

    if (conf == NULL)
        return false;
    kafka_conf_must_set(conf, "queued.min.messages", "1");
    kafka_conf_must_set(conf, "fetch.message.max.bytes", "16384");
    return kafka_reader_start(lags->loop, conf, &lags->reader, err);
}

static bool start_group(struct lags *lags, const struct kafka_client *client, enum lags_stage stage,
                        struct err *err)
{
    char text[256];
    rd_kafka_conf_t *conf = kafka_setup_reader(client, err);

    if (conf == NULL)
        return false;
    kafka_conf_must_set(conf, "group.id", lags->stages[stage].group);
    lags->groups[stage] = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (lags->groups[stage] != NULL)
        return true;
    rd_kafka_conf_destroy(conf);
    err_set(err, ERR_FATAL, "Kafka client: %s", text);
    return false;
}

bool lags_start(struct loop *loop, const struct config *config, struct lags **out_lags, struct err *err)
{
    const struct kafka_client client = {&config->kafka, "query", config->instance};
    struct lags *lags = xcalloc(1, sizeof(*lags));

    lags->job = (struct offload_job){.work = ask_on_thread, .on_done = on_asked};
    lags->loop = loop;
    lags->offload = offload_start(loop);
    lags->stages[LAGS_CONSUMPTION] =
        (struct positions_of){GROUP_PRIMARY, config_topic(&config->topics, TOPIC_EVENTS)};
    lags->stages[LAGS_POST_PROCESSING] =
        (struct positions_of){GROUP_POSTPROC, config_topic(&config->topics, TOPIC_POST_PROCESSING)};
    TAILQ_INIT(&lags->waiters);
    loop_timer_init(&lags->patience, loop, on_impatient, lags);
    loop_timer_init(&lags->poll, loop, on_poll, lags);
    if (!start_reader(lags, &client, err) || !start_group(lags, &client, LAGS_CONSUMPTION, err) ||
        !start_group(lags, &client, LAGS_POST_PROCESSING, err)) {
        lags_stop(&lags);
        return false;
    }
    loop_timer_start_every(&lags->poll, LAGS_POLL_MS);
    *out_lags = lags;
    return true;
}

void lags_stop(struct lags **lags_p)
{
    struct lags *lags = *lags_p;

    if (lags == NULL)
        return;
    BUG_ON(!TAILQ_EMPTY(&lags->waiters));
    loop_timer_stop(&lags->patience);
    loop_timer_stop(&lags->poll);
    offload_stop(&lags->offload);
    cancel_ages(lags);
    kafka_reader_stop(&lags->reader);
    for (enum lags_stage stage = 0; stage < LAGS_STAGES; stage++) {
        if (lags->groups[stage] != NULL)
            rd_kafka_destroy_flags(lags->groups[stage], RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        positions_done(&lags->asked[stage]);
        positions_done(&lags->found[stage]);
    }
    free(lags);
    *lags_p = NULL;
}
