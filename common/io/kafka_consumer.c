#include "common/io/kafka_consumer.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"

#include <stdlib.h>

enum {
    KAFKA_POLL_INTERVAL_MS = 1000, /* below max.poll.interval.ms by far; events wake the loop at once */
    KAFKA_COMMITTED_TIMEOUT_MS = 5000,
};

/* The queue of one partition of the assignment. */
struct feed {
    int32_t partition;
    rd_kafka_queue_t *queue;
    int64_t next;     /* offset behind the last record taken, or as assigned or sought */
    bool has_stopped; /* `next` was not in the log: librdkafka fetches no more, and ignores seeks */
};

struct kafka_consumer {
    struct kafka_consumer_settings settings;
    rd_kafka_t *rk;
    rd_kafka_queue_t *events;  /* rebalances and errors: librdkafka's consumer queue */
    rd_kafka_queue_t *answers; /* to commits and questions */
    struct loop_wakeup event_wakeup;
    struct loop_wakeup answer_wakeup;
    struct loop_wakeup record_wakeup;
    struct loop_timer poll_timer;
    rd_kafka_topic_t *topic;
    kafka_on_committed_positions *on_positions;
    struct feed *feeds;
    size_t feed_count;
};

/* ---- feeds ---- */

static struct feed *feed_of(struct kafka_consumer *consumer, int32_t partition)
{
    for (size_t i = 0; i < consumer->feed_count; i++)
        if (consumer->feeds[i].partition == partition)
            return &consumer->feeds[i];
    return NULL;
}

/* Before the assignment: librdkafka forwards a partition to the consumer's queue unless it was told not to.
 */
static void open_feeds(struct kafka_consumer *consumer, const struct kafka_position *positions, size_t count)
{
    BUG_ON(consumer->feed_count != 0);
    consumer->feeds = xcalloc(count, sizeof(*consumer->feeds));
    consumer->feed_count = count;
    for (size_t i = 0; i < count; i++) {
        struct feed *feed = &consumer->feeds[i];
        feed->partition = positions[i].partition;
        feed->next = positions[i].offset;
        feed->queue = rd_kafka_queue_get_partition(consumer->rk, consumer->settings.topic, feed->partition);
        BUG_ON(feed->queue == NULL);
        rd_kafka_queue_forward(feed->queue, NULL);
        rd_kafka_queue_io_event_enable(feed->queue, consumer->record_wakeup.fd, &loop_wakeup_payload,
                                       sizeof(loop_wakeup_payload));
    }
}

static void close_feeds(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->feed_count; i++) {
        rd_kafka_queue_io_event_enable(consumer->feeds[i].queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->feeds[i].queue);
    }
    free(consumer->feeds);
    consumer->feeds = NULL;
    consumer->feed_count = 0;
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

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        report_assigned(consumer, list);
    else
        consumer->settings.on_revoked(consumer->settings.owner,
                                      rd_kafka_assignment_lost(rk) != 0 ||
                                          code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    struct err err;
    char text[256];

    (void)reason; /* librdkafka logs it */
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        return;
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof(text));
    err_set(&err, ERR_FATAL, "Kafka consumer group %s: %s (%s)", consumer->settings.group, text,
            rd_kafka_err2name(fatal));
    if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        err.kind = ERR_REJECT; /* another process has our group.instance.id: a restart would only fight it */
    consumer->settings.on_failed(consumer->settings.owner, &err);
}

/* Serves rebalances and errors. Records never come here: their queues are not forwarded; what an outdated
 * assignment left behind is dropped. */
static void poll_events(void *owner)
{
    struct kafka_consumer *consumer = owner;
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(consumer->rk, 0)) != NULL) {
        if (message->err != 0)
            log_warning("Kafka consumer group %s: %s", consumer->settings.group,
                        rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
}

bool kafka_consumer_assign(struct kafka_consumer *consumer, const struct kafka_position *positions,
                           size_t count, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    close_feeds(consumer);
    open_feeds(consumer, positions, count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->settings.topic, positions[i].partition)->offset =
            positions[i].offset;
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    kafka_err_set(err, code, "assign");
    return false;
}

void kafka_consumer_release(struct kafka_consumer *consumer)
{
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, NULL);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_warning("Kafka consumer group %s: give up the assignment: %s", consumer->settings.group,
                    rd_kafka_err2str(code));
    close_feeds(consumer);
}

/* ---- committed positions ---- */

void kafka_consumer_fetch_committed(struct kafka_consumer *consumer, const int32_t *partitions, size_t count,
                                    kafka_on_committed_positions *on_positions)
{
    char text[256];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(consumer->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);

    BUG_ON(consumer->on_positions != NULL);
    consumer->on_positions = on_positions;
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->settings.topic, partitions[i]);
    if (rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_COMMITTED_TIMEOUT_MS, text, sizeof(text)) !=
        0)
        BUG("%s", text);
    rd_kafka_ListConsumerGroupOffsets_t *question =
        rd_kafka_ListConsumerGroupOffsets_new(consumer->settings.group, list);
    rd_kafka_ListConsumerGroupOffsets(consumer->rk, &question, 1, options, consumer->answers);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(list);
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

static rd_kafka_resp_err_t group_positions(rd_kafka_event_t *event,
                                           kafka_on_committed_positions *on_positions, void *owner)
{
    size_t group_count;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return code;
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result(event);
    const rd_kafka_group_result_t **groups =
        rd_kafka_ListConsumerGroupOffsets_result_groups(result, &group_count);
    BUG_ON(group_count != 1);
    if (rd_kafka_group_result_error(groups[0]) != NULL)
        return rd_kafka_error_code(rd_kafka_group_result_error(groups[0]));
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[0]);
    struct kafka_position *positions = xcalloc((size_t)list->cnt, sizeof(*positions));
    code = positions_of(list, positions);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        on_positions(owner, positions, (size_t)list->cnt, NULL);
    free(positions);
    return code;
}

static void on_positions_answer(struct kafka_consumer *consumer, rd_kafka_event_t *event)
{
    kafka_on_committed_positions *on_positions = consumer->on_positions;
    struct err err;

    BUG_ON(on_positions == NULL); /* nobody has asked */
    consumer->on_positions = NULL;
    rd_kafka_resp_err_t code = group_positions(event, on_positions, consumer->settings.owner);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    kafka_err_set(&err, code, "committed positions");
    on_positions(consumer->settings.owner, NULL, 0, &err);
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

    while ((event = rd_kafka_queue_poll(consumer->answers, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
            on_commit_answer(event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT)
            on_positions_answer(consumer, event);
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
    for (ssize_t i = 0; i < count; i++) {
        if (out_messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            feed->next = out_messages[i]->offset + 1;
        else if (out_messages[i]->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
            feed->has_stopped = true;
    }
    return count > 0 ? (size_t)count : 0;
}

/* Only an assignment makes librdkafka fetch a partition again that it has stopped. The others go on where
 * they are; what was fetched of them and not taken is fetched again. */
static bool assign_again(struct kafka_consumer *consumer, struct err *err)
{
    size_t count = consumer->feed_count;
    struct kafka_position *positions = xcalloc(count, sizeof(*positions));

    for (size_t i = 0; i < count; i++)
        positions[i] =
            (struct kafka_position){.partition = consumer->feeds[i].partition, .offset = consumer->feeds[i].next};
    bool is_assigned = kafka_consumer_assign(consumer, positions, count, err);
    free(positions);
    return is_assigned;
}

bool kafka_consumer_seek(struct kafka_consumer *consumer, int32_t partition, int64_t offset, struct err *err)
{
    struct feed *feed = feed_of(consumer, partition);

    if (feed != NULL)
        feed->next = offset;
    if (feed != NULL && feed->has_stopped)
        return assign_again(consumer, err);
    rd_kafka_resp_err_t code = rd_kafka_seek(consumer->topic, partition, offset, 0);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    kafka_err_set(err, code, "seek");
    return false;
}

int64_t kafka_consumer_log_end(struct kafka_consumer *consumer, int32_t partition)
{
    int64_t low;
    int64_t high;

    if (rd_kafka_get_watermark_offsets(consumer->rk, consumer->settings.topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
        return KAFKA_OFFSET_NONE;
    return high;
}

rd_kafka_t *kafka_consumer_handle(struct kafka_consumer *consumer)
{
    return consumer->rk;
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

bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_settings *settings,
                          struct kafka_consumer **out_consumer, struct err *err)
{
    char text[256];
    struct kafka_consumer *consumer = xcalloc(1, sizeof(*consumer));

    consumer->settings = *settings;
    rd_kafka_conf_set_opaque(settings->conf, consumer);
    rd_kafka_conf_set_rebalance_cb(settings->conf, on_rebalance);
    rd_kafka_conf_set_error_cb(settings->conf, on_error);
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, settings->conf, text, sizeof(text));
    if (consumer->rk == NULL) {
        err_set(err, ERR_FATAL, "Kafka consumer: %s", text);
        rd_kafka_conf_destroy(settings->conf);
        free(consumer);
        return false;
    }
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    consumer->topic = rd_kafka_topic_new(consumer->rk, settings->topic, NULL);
    watch(consumer, loop);
    if (consumer->topic == NULL || !subscribe(consumer, err)) {
        kafka_consumer_stop(&consumer);
        return false;
    }
    *out_consumer = consumer;
    return true;
}

void kafka_consumer_stop(struct kafka_consumer **consumer_p)
{
    struct kafka_consumer *consumer = *consumer_p;

    if (consumer == NULL)
        return;
    close_feeds(consumer);
    loop_timer_stop(&consumer->poll_timer);
    rd_kafka_queue_io_event_enable(consumer->events, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(consumer->answers, -1, NULL, 0);
    rd_kafka_queue_destroy(consumer->events);
    rd_kafka_queue_destroy(consumer->answers);
    if (consumer->topic != NULL)
        rd_kafka_topic_destroy(consumer->topic);
    rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    loop_wakeup_done(&consumer->event_wakeup);
    loop_wakeup_done(&consumer->answer_wakeup);
    loop_wakeup_done(&consumer->record_wakeup);
    free(consumer);
    *consumer_p = NULL;
}
