#include "ctl/group_client.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/io/kafka_conf.h"
#include "common/service/kafka_setup.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 10000, POLL_MS = 100 };

struct group_client {
    rd_kafka_t *rk; /* a consumer that never joins */
    const struct kafka_config *config;
    const char *group;
};

#define partition_list rd_kafka_topic_partition_list_t

static void list_destroy(partition_list **list)
{
    if (*list != NULL)
        rd_kafka_topic_partition_list_destroy(*list);
}

#define AUTO_LIST __attribute__((cleanup(list_destroy))) partition_list *

bool group_client_new(const struct kafka_config *config, const char *group, struct group_client **out_client,
                      struct err *err)
{
    const struct kafka_client kafka = {config, "ctl", "1"};
    rd_kafka_conf_t *conf = kafka_setup_reader(&kafka, err);
    char reason[256] = "";

    if (conf == NULL) {
        err->kind = ERR_FATAL; /* of the configuration, not of the arguments */
        return false;
    }
    kafka_conf_must_set(conf, "group.id", group);
    kafka_conf_must_set(conf, "enable.partition.eof", "true");
    kafka_conf_must_set(conf, "fetch.wait.max.ms", "10"); /* a single record is waited for */
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (rk == NULL) {
        err_set(err, ERR_FATAL, "librdkafka: %s", reason);
        rd_kafka_conf_destroy(conf);
        return false;
    }
    (void)rd_kafka_poll_set_consumer(rk); /* refused only for a producer */
    struct group_client *client = xcalloc(1, sizeof(*client));
    *client = (struct group_client){rk, config, group};
    *out_client = client;
    return true;
}

void group_client_free(struct group_client **client)
{
    if (*client == NULL)
        return;
    rd_kafka_destroy((*client)->rk);
    free(*client);
    *client = NULL;
}

static partition_list *list_of(const struct group_partition *partition, int64_t offset)
{
    partition_list *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset = offset;
    return list;
}

/* The call's code, or that of its one partition. */
static bool check(rd_kafka_resp_err_t code, const partition_list *list, const char *what, struct err *err)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    kafka_err_set(err, code, what);
    return false;
}

bool group_client_count_partitions(struct group_client *client, const char *topic, int *out_count,
                                   struct err *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, topic, NULL);

    BUG_ON(handle == NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client->rk, 0, handle, &metadata, ANSWER_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_err_set(err, code, topic);
        return false;
    }
    *out_count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

bool group_client_position(struct group_client *client, const struct group_partition *partition,
                           struct group_position *out_position, struct err *err)
{
    AUTO_LIST list = list_of(partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_resp_err_t code = rd_kafka_committed(client->rk, list, ANSWER_MS);

    if (!check(code, list, "ask the group's position", err))
        return false;
    const rd_kafka_topic_partition_t *element = &list->elems[0];
    *out_position = (struct group_position){.has_commit = element->offset >= 0, .offset = element->offset};
    buf_append(&out_position->metadata, element->metadata, element->metadata_size);
    return true;
}

/* which: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END, which ListOffsets takes for a time. Not by
 * rd_kafka_query_watermark_offsets, which in librdkafka 2.0.2 can forget an error. */
static bool ask_bound(struct group_client *client, const struct group_partition *partition, int64_t which,
                      int64_t *out_offset, struct err *err)
{
    AUTO_LIST list = list_of(partition, which);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client->rk, list, ANSWER_MS);

    if (!check(code, list, "ask where the log begins and ends", err))
        return false;
    *out_offset = list->elems[0].offset;
    if (*out_offset >= 0)
        return true;
    err_set(err, ERR_RETRY, "Kafka does not say where the log begins and ends");
    return false;
}

bool group_client_log(struct group_client *client, const struct group_partition *partition, int64_t *out_low,
                      int64_t *out_high, struct err *err)
{
    return ask_bound(client, partition, RD_KAFKA_OFFSET_BEGINNING, out_low, err) &&
           ask_bound(client, partition, RD_KAFKA_OFFSET_END, out_high, err);
}

/* ---- records ---- */

/* Whether nothing more is to be read: the log ends there, or begins behind it. */
static bool is_end(const rd_kafka_message_t *message, int64_t last)
{
    return message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
           message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
           message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset > last);
}

/* False when Kafka has said nothing for too long. */
static bool take_all(struct group_client *client, int64_t last,
                     void (*take)(void *owner, rd_kafka_message_t *message), void *owner)
{
    uint64_t patient_until_ms = clock_monotonic_ms() + ANSWER_MS;

    while (clock_monotonic_ms() < patient_until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client->rk, POLL_MS);
        if (message == NULL)
            continue;
        bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset <= last;
        bool is_over = is_end(message, last) || (is_record && message->offset == last);
        if (is_record)
            take(owner, message);
        else
            rd_kafka_message_destroy(message);
        if (is_over)
            return true;
        if (is_record)
            patient_until_ms = clock_monotonic_ms() + ANSWER_MS;
    }
    return false;
}

bool group_client_read(struct group_client *client, const struct group_range *range,
                       void (*take)(void *owner, rd_kafka_message_t *message), void *owner, struct err *err)
{
    AUTO_LIST list = list_of(&range->partition, range->first);

    if (!check(rd_kafka_assign(client->rk, list), list, "read records", err))
        return false;
    bool is_read = take_all(client, range->last, take, owner);
    (void)rd_kafka_assign(client->rk, NULL); /* what else it fetched is dropped */
    if (!is_read)
        err_set(err, ERR_RETRY, "%s[%d]: Kafka does not give the records from offset %lld on",
                range->partition.topic, range->partition.number, (long long)range->first);
    return is_read;
}

/* ---- the group ---- */

bool group_client_members(struct group_client *client, struct buf *out_names, struct err *err)
{
    const struct rd_kafka_group_list *list;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(client->rk, client->group, &list, ANSWER_MS);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_err_set(err, code, "ask who is in the group");
        return false;
    }
    for (int i = 0; list->group_cnt == 1 && i < list->groups[0].member_cnt; i++)
        buf_printf(out_names, "%s%s (%s)", i > 0 ? ", " : "", list->groups[0].members[i].client_id,
                   list->groups[0].members[i].client_host);
    rd_kafka_group_list_destroy(list);
    return true;
}

/* The position with a copy of its metadata, which goes with the list. */
static partition_list *list_of_position(const char *topic, const struct kafka_position *position)
{
    partition_list *list = list_of(&(struct group_partition){topic, position->partition}, position->offset);

    list->elems[0].metadata = slice_dup(position->metadata);
    list->elems[0].metadata_size = position->metadata.length;
    return list;
}

enum group_commit group_client_commit(struct group_client *client, const char *topic,
                                      const struct kafka_position *position, struct err *err)
{
    AUTO_LIST list = list_of_position(topic, position);
    rd_kafka_resp_err_t code = rd_kafka_commit(client->rk, list, 0);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return GROUP_COMMITTED;
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        return GROUP_HAS_MEMBERS;
    default:
        kafka_err_set(err, code, "commit the position");
        return GROUP_FAILED;
    }
}

/* ---- a commit beside the members ---- */

/* Takes error, which is NULL when all went well. */
static bool succeeded(rd_kafka_error_t *error, const char *what, struct err *err)
{
    if (error == NULL)
        return true;
    err_set(err, ERR_RETRY, "%s: %s", what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return false;
}

static bool send_position(rd_kafka_t *producer, const char *group, const partition_list *list,
                          struct err *err)
{
    /* Of no member: what fences a group's own members is not asked for then. */
    rd_kafka_consumer_group_metadata_t *outsider = rd_kafka_consumer_group_metadata_new(group);
    bool is_sent = succeeded(rd_kafka_send_offsets_to_transaction(producer, list, outsider, ANSWER_MS),
                             "hand the position to the transaction", err);

    rd_kafka_consumer_group_metadata_destroy(outsider);
    return is_sent;
}

static rd_kafka_t *producer_new(const struct kafka_config *config, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_setup_admin(&(struct kafka_client){config, "ctl", "1"}, err);
    char reason[256] = "";

    if (conf == NULL)
        return NULL;
    kafka_conf_must_set(conf, "transactional.id", "millrace-offsets");
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (producer == NULL) {
        err_set(err, ERR_FATAL, "librdkafka: %s", reason);
        rd_kafka_conf_destroy(conf);
    }
    return producer;
}

bool group_client_commit_beside(struct group_client *client, const char *topic,
                                const struct kafka_position *position, struct err *err)
{
    AUTO_LIST list = list_of_position(topic, position);
    rd_kafka_t *producer = producer_new(client->config, err);

    if (producer == NULL)
        return false;
    bool is_committed =
        succeeded(rd_kafka_init_transactions(producer, ANSWER_MS), "begin a transaction", err) &&
        succeeded(rd_kafka_begin_transaction(producer), "begin a transaction", err) &&
        send_position(producer, client->group, list, err) &&
        succeeded(rd_kafka_commit_transaction(producer, ANSWER_MS), "commit the transaction", err);
    rd_kafka_destroy(producer); /* the broker undoes what was not committed */
    return is_committed;
}
