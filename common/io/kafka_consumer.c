#include "common/io/kafka_consumer.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/io/offload.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    KAFKA_POLL_INTERVAL_MS = 1000, /* below max.poll.interval.ms by far; events wake the loop at once */
    KAFKA_COMMITTED_TIMEOUT_MS = 5000,
};

/* One partition that is fetched. */
struct feed {
    struct feed *next;
    int32_t partition;
    rd_kafka_queue_t *queue;
};

/* For the helper thread; it asks by the member's client. */
struct kafka_question {
    struct offload_job job; /* first: the job is this */
    rd_kafka_t *rk;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;
    kafka_on_committed_positions *on_positions; /* NULL: cancelled */
    void *owner;
};

/* Two clients. `rk` is the member of the group: it joins, is assigned and commits, and fetches nothing.
 * `fetcher` belongs to no group and fetches what it is told to: librdkafka's own assignments can't be changed
 * partition by partition in the eager protocol, ignore seeks of a partition whose position was not in the
 * log, and end the process when a partition is assigned anew before its last stop is done (2.0.2,
 * rdkafka_assignment.c:872). */
struct kafka_consumer {
    struct kafka_consumer_settings settings;
    rd_kafka_t *rk;
    rd_kafka_t *fetcher;
    rd_kafka_topic_t *topic;   /* of the fetcher */
    rd_kafka_queue_t *events;  /* rebalances and errors: librdkafka's consumer queue */
    rd_kafka_queue_t *answers; /* to commits */
    struct loop_wakeup event_wakeup;
    struct loop_wakeup answer_wakeup;
    struct loop_wakeup record_wakeup;
    struct loop_timer poll_timer;
    struct feed *feeds;
    bool has_assignment; /* accepted and not revoked */
    bool has_failed;
    bool is_retired;
};

/* ---- feeds ---- */

static struct feed *feed_of(struct kafka_consumer *consumer, int32_t partition)
{
    struct feed *feed = consumer->feeds;

    while (feed != NULL && feed->partition != partition)
        feed = feed->next;
    return feed;
}

static struct feed *feed_new(struct kafka_consumer *consumer, int32_t partition)
{
    struct feed *feed = xcalloc(1, sizeof(*feed));

    *feed = (struct feed){.next = consumer->feeds, .partition = partition};
    consumer->feeds = feed;
    return feed;
}

/* A queue of its own for each start: what the last one left behind goes with its queue. */
static void feed_start(struct kafka_consumer *consumer, struct feed *feed, int64_t offset)
{
    feed->queue = rd_kafka_queue_new(consumer->fetcher);
    rd_kafka_queue_io_event_enable(feed->queue, consumer->record_wakeup.fd, &loop_wakeup_payload,
                                   sizeof(loop_wakeup_payload));
    if (rd_kafka_consume_start_queue(consumer->topic, feed->partition, offset, feed->queue) != 0)
        BUG("rd_kafka_consume_start_queue: %s", rd_kafka_err2name(rd_kafka_last_error())); /* only misuse */
}

static void feed_stop(struct kafka_consumer *consumer, struct feed *feed)
{
    rd_kafka_queue_io_event_enable(feed->queue, -1, NULL, 0);
    if (rd_kafka_consume_stop(consumer->topic, feed->partition) != 0)
        BUG("rd_kafka_consume_stop: %s", rd_kafka_err2name(rd_kafka_last_error())); /* only misuse */
    rd_kafka_queue_destroy(feed->queue);
}

static void close_feeds(struct kafka_consumer *consumer)
{
    struct feed *next;

    for (struct feed *feed = consumer->feeds; feed != NULL; feed = next) {
        next = feed->next;
        feed_stop(consumer, feed);
        free(feed);
    }
    consumer->feeds = NULL;
}

/* ---- rebalances ---- */

static void report_assigned(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    int32_t *partitions = xcalloc((size_t)list->cnt, sizeof(*partitions));

    for (int i = 0; i < list->cnt; i++)
        partitions[i] = list->elems[i].partition;
    consumer->settings.on_assigned(consumer->settings.owner, partitions, (size_t)list->cnt);
    free(partitions);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct kafka_consumer *consumer = opaque;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        report_assigned(consumer, list);
        return;
    }
    consumer->has_assignment = false;
    if (rd_kafka_assignment_lost(rk) != 0 || code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        consumer->settings.on_lost(consumer->settings.owner);
    else
        consumer->settings.on_revoked(consumer->settings.owner);
}

/* A member's fatal error comes as an element of its queue. */
static void fail_if_fatal(struct kafka_consumer *consumer)
{
    struct err err;
    char text[256];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(consumer->rk, text, sizeof(text));

    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR || consumer->has_failed)
        return;
    consumer->has_failed = true;
    err_set(&err, ERR_FATAL, "Kafka consumer group %s: %s (%s)", consumer->settings.group, text,
            rd_kafka_err2name(fatal));
    if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        err.kind = ERR_REJECT; /* another process has our group.instance.id: a restart would only fight it */
    consumer->settings.on_failed(consumer->settings.owner, &err);
}

/* Serves rebalances and errors; the member of the group has no records. */
static void poll_events(void *owner)
{
    struct kafka_consumer *consumer = owner;
    rd_kafka_message_t *message;

    while (!consumer->is_retired && (message = rd_kafka_consumer_poll(consumer->rk, 0)) != NULL) {
        if (message->err != 0)
            log_warning("Kafka consumer group %s: %s", consumer->settings.group,
                        rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
    if (consumer->is_retired)
        return;
    (void)rd_kafka_poll(consumer->fetcher, 0);
    fail_if_fatal(consumer);
}

static void assign(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) /* only of a client that has failed: its fatal error says why */
        log_warning("Kafka consumer group %s: change the assignment: %s", consumer->settings.group,
                    rd_kafka_err2str(code));
}

void kafka_consumer_accept(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    consumer->has_assignment = true;
    assign(consumer, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void kafka_consumer_fetch(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    if (!consumer->has_assignment)
        return;
    struct feed *feed = feed_of(consumer, partition);
    if (feed != NULL)
        feed_stop(consumer, feed);
    else
        feed = feed_new(consumer, partition);
    feed_start(consumer, feed, offset);
}

void kafka_consumer_release(struct kafka_consumer *consumer)
{
    assign(consumer, NULL);
    close_feeds(consumer);
}

/* ---- committed positions ---- */

static void free_question(struct kafka_question *question)
{
    rd_kafka_topic_partition_list_destroy(question->list);
    free(question);
}

static void ask_on_thread(struct offload_job *job)
{
    struct kafka_question *question = (struct kafka_question *)job;

    question->code = rd_kafka_committed(question->rk, question->list, KAFKA_COMMITTED_TIMEOUT_MS);
}

static rd_kafka_resp_err_t positions_of(const rd_kafka_topic_partition_list_t *list,
                                        struct kafka_position *positions)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *element = &list->elems[i];
        if (element->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return element->err;
        positions[i] = (struct kafka_position){
            .partition = element->partition,
            .offset = element->offset >= 0 ? element->offset : KAFKA_OFFSET_NONE,
            .metadata = slice_of(element->metadata, element->metadata == NULL ? 0 : element->metadata_size),
        };
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void answer_question(const struct kafka_question *question)
{
    size_t count = (size_t)question->list->cnt;
    struct kafka_position *positions = xcalloc(count, sizeof(*positions));
    rd_kafka_resp_err_t code = question->code;
    struct err err;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = positions_of(question->list, positions);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        question->on_positions(question->owner, positions, count, NULL);
    } else {
        kafka_err_set(&err, code, "committed positions");
        question->on_positions(question->owner, NULL, 0, &err);
    }
    free(positions);
}

static void on_asked(struct offload_job *job)
{
    struct kafka_question *question = (struct kafka_question *)job;

    if (question->on_positions != NULL)
        answer_question(question);
    free_question(question);
}

static void on_question_dropped(struct offload_job *job)
{
    free_question((struct kafka_question *)job);
}

/* Not by rd_kafka_ListConsumerGroupOffsets, which would not block: asked again and again while Kafka is away
 * it crashes in librdkafka's own thread (2.0.2). */
struct kafka_question *kafka_consumer_fetch_committed(struct kafka_consumer *consumer,
                                                      const int32_t *partitions, size_t count,
                                                      kafka_on_committed_positions *on_positions, void *owner)
{
    struct kafka_question *question = xcalloc(1, sizeof(*question));

    *question = (struct kafka_question){
        .job = {.work = ask_on_thread, .on_done = on_asked, .on_dropped = on_question_dropped},
        .rk = consumer->rk,
        .list = rd_kafka_topic_partition_list_new((int)count),
        .on_positions = on_positions,
        .owner = owner,
    };
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(question->list, consumer->settings.topic, partitions[i]);
    offload_run(consumer->settings.offload, &question->job);
    return question;
}

void kafka_question_cancel(struct kafka_question *question)
{
    question->on_positions = NULL;
}

/* ---- commits ---- */

void kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *position,
                           struct kafka_commit *commit)
{
    BUG_ON(slice_is_empty(position->metadata) || position->metadata.length > KAFKA_METADATA_MAX_BYTES);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *element =
        rd_kafka_topic_partition_list_add(list, consumer->settings.topic, position->partition);
    element->offset = position->offset;
    element->metadata = slice_dup(position->metadata); /* librdkafka frees it */
    element->metadata_size = position->metadata.length;
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer->rk, list, consumer->answers, NULL, commit);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        BUG("rd_kafka_commit_queue: %s", rd_kafka_err2name(code)); /* only without a group: not ours */
}

static void on_commit_answer(rd_kafka_event_t *event)
{
    struct kafka_commit *commit = rd_kafka_event_opaque(event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL && list->cnt > 0)
        code = list->elems[0].err;
    commit->on_committed(commit, code);
}

static void on_answers(void *owner)
{
    struct kafka_consumer *consumer = owner;
    rd_kafka_event_t *event;

    while (!consumer->is_retired && (event = rd_kafka_queue_poll(consumer->answers, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
            on_commit_answer(event);
        rd_kafka_event_destroy(event);
    }
}

/* ---- records ---- */

static void on_record_wakeup(void *owner)
{
    struct kafka_consumer *consumer = owner;

    consumer->settings.on_records(consumer->settings.owner);
}

size_t kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition,
                           rd_kafka_message_t **out_messages, size_t max)
{
    struct feed *feed = feed_of(consumer, partition);

    if (feed == NULL)
        return 0;
    ssize_t count = rd_kafka_consume_batch_queue(feed->queue, 0, out_messages, max);
    return count > 0 ? (size_t)count : 0;
}

int64_t kafka_consumer_log_end(struct kafka_consumer *consumer, int32_t partition)
{
    int64_t low;
    int64_t high;

    if (rd_kafka_get_watermark_offsets(consumer->fetcher, consumer->settings.topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
        return KAFKA_OFFSET_NONE;
    return high;
}

/* ---- start and stop ---- */

static bool subscribe(struct kafka_consumer *consumer, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, consumer->settings.topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    kafka_err_set(err, code, "subscribe");
    err->kind = ERR_FATAL;
    return false;
}

static void watch(struct kafka_consumer *consumer, struct loop *loop)
{
    consumer->events = rd_kafka_queue_get_consumer(consumer->rk);
    consumer->answers = rd_kafka_queue_new(consumer->rk);
    loop_wakeup_init(&consumer->event_wakeup, loop, poll_events, consumer);
    loop_wakeup_init(&consumer->answer_wakeup, loop, on_answers, consumer);
    loop_wakeup_init(&consumer->record_wakeup, loop, on_record_wakeup, consumer);
    rd_kafka_queue_io_event_enable(consumer->events, consumer->event_wakeup.fd, &loop_wakeup_payload,
                                   sizeof(loop_wakeup_payload));
    rd_kafka_queue_io_event_enable(consumer->answers, consumer->answer_wakeup.fd, &loop_wakeup_payload,
                                   sizeof(loop_wakeup_payload));
    loop_timer_init(&consumer->poll_timer, loop, poll_events, consumer);
    loop_timer_start_every(&consumer->poll_timer, KAFKA_POLL_INTERVAL_MS);
}

static rd_kafka_t *new_client(rd_kafka_conf_t *conf, struct err *err)
{
    char text[256];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));

    if (rk == NULL) {
        err_set(err, ERR_FATAL, "Kafka consumer: %s", text);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

/* conf: takes, without whatever makes a client the member of a group. */
static bool start_fetcher(struct kafka_consumer *consumer, rd_kafka_conf_t *conf, struct err *err)
{
    consumer->fetcher = new_client(conf, err);
    if (consumer->fetcher == NULL)
        return false;
    consumer->topic = rd_kafka_topic_new(consumer->fetcher, consumer->settings.topic, NULL);
    if (consumer->topic != NULL)
        return true;
    kafka_err_set(err, rd_kafka_last_error(), consumer->settings.topic);
    err->kind = ERR_FATAL;
    return false;
}

static void destroy_clients(struct kafka_consumer *consumer)
{
    if (consumer->topic != NULL)
        rd_kafka_topic_destroy(consumer->topic);
    if (consumer->fetcher != NULL)
        rd_kafka_destroy_flags(consumer->fetcher, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (consumer->rk != NULL)
        rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_settings *settings,
                          struct kafka_consumer **out_consumer, struct err *err)
{
    static const char *of_a_member[] = {"group."};
    struct kafka_consumer *consumer = xcalloc(1, sizeof(*consumer));
    rd_kafka_conf_t *fetcher_conf = rd_kafka_conf_dup_filter(settings->conf, 1, of_a_member);

    consumer->settings = *settings;
    rd_kafka_conf_set_opaque(settings->conf, consumer);
    rd_kafka_conf_set_rebalance_cb(settings->conf, on_rebalance);
    consumer->rk = new_client(settings->conf, err);
    if (consumer->rk == NULL)
        rd_kafka_conf_destroy(fetcher_conf);
    if (consumer->rk == NULL || !start_fetcher(consumer, fetcher_conf, err)) {
        destroy_clients(consumer);
        free(consumer);
        return false;
    }
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    watch(consumer, loop);
    if (!subscribe(consumer, err)) {
        kafka_consumer_stop(&consumer);
        return false;
    }
    *out_consumer = consumer;
    return true;
}

void kafka_consumer_retire(struct kafka_consumer *consumer)
{
    consumer->is_retired = true;
    close_feeds(consumer);
    loop_timer_stop(&consumer->poll_timer);
    rd_kafka_queue_io_event_enable(consumer->events, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(consumer->answers, -1, NULL, 0);
    loop_wakeup_done(&consumer->event_wakeup);
    loop_wakeup_done(&consumer->answer_wakeup);
    loop_wakeup_done(&consumer->record_wakeup);
}

void kafka_consumer_stop(struct kafka_consumer **consumer_p)
{
    struct kafka_consumer *consumer = *consumer_p;

    if (consumer == NULL)
        return;
    if (!consumer->is_retired)
        kafka_consumer_retire(consumer);
    rd_kafka_queue_destroy(consumer->events);
    rd_kafka_queue_destroy(consumer->answers);
    destroy_clients(consumer);
    free(consumer);
    *consumer_p = NULL;
}
