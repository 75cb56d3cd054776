#include "query/positions.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
    rd_kafka_t *rk;
    const struct positions_of *whose;
    uint64_t deadline_ms;
    struct positions *positions;
};

static int time_left_ms(const struct asking *asking)
{
    uint64_t now_ms = clock_monotonic_ms();

    return now_ms < asking->deadline_ms ? (int)(asking->deadline_ms - now_ms) : 1;
}

static bool fail(const struct asking *asking, rd_kafka_resp_err_t code)
{
    struct positions *positions = asking->positions;

    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        (void)snprintf(positions->why, sizeof(positions->why), "topic %s is missing", asking->whose->topic);
    else
        (void)snprintf(positions->why, sizeof(positions->why), "Kafka does not say where %s stands in %s: %s",
                       asking->whose->group, asking->whose->topic, rd_kafka_err2str(code));
    return false;
}

static bool count_partitions(const struct asking *asking)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(asking->rk, asking->whose->topic, NULL);
    const rd_kafka_metadata_t *metadata;

    if (topic == NULL)
        return fail(asking, rd_kafka_last_error());
    rd_kafka_resp_err_t code = rd_kafka_metadata(asking->rk, 0, topic, &metadata, time_left_ms(asking));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        asking->positions->count = code == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(asking, code);
}

/* All partitions of the topic. */
static rd_kafka_topic_partition_list_t *list_partitions(const struct asking *asking)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(asking->positions->count);

    for (int32_t i = 0; i < asking->positions->count; i++)
        rd_kafka_topic_partition_list_add(list, asking->whose->topic, i);
    return list;
}

static struct position *item_of(const struct asking *asking, int32_t partition)
{
    return partition >= 0 && partition < asking->positions->count ? &asking->positions->items[partition]
                                                                  : NULL;
}

static void take_committed(const struct asking *asking, const rd_kafka_topic_partition_t *element)
{
    struct position *item = item_of(asking, element->partition);

    if (item == NULL || element->offset < 0)
        return;
    item->committed = item->next = element->offset;
    if (element->metadata != NULL && element->metadata_size < sizeof(item->metadata))
        memcpy(item->metadata, element->metadata, element->metadata_size);
}

/* Not by ListConsumerGroupOffsets: librdkafka 2.0.2 crashes when such a question is given up while no
 * coordinator is known. */
static bool ask_committed(const struct asking *asking, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(asking->rk, list, time_left_ms(asking));

    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        code = list->elems[i].err;
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        take_committed(asking, &list->elems[i]);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(asking, code);
}

/* which: RD_KAFKA_OFFSET_END or RD_KAFKA_OFFSET_BEGINNING, of all partitions in the list, which then holds
 * the offsets. */
static bool ask_ends(const struct asking *asking, int64_t which, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(asking->rk, list, time_left_ms(asking));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        code = list->elems[i].offset >= 0 || list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR
                   ? list->elems[i].err
                   : RD_KAFKA_RESP_ERR__FAIL;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(asking, code);
}

/* Where nothing was committed, all that the log has is still to be done. */
static bool ask_begins(const struct asking *asking)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(asking->positions->count);
    bool is_known = true;

    for (int32_t i = 0; i < asking->positions->count; i++)
        if (asking->positions->items[i].committed < 0)
            rd_kafka_topic_partition_list_add(list, asking->whose->topic, i);
    if (list->cnt > 0)
        is_known = ask_ends(asking, RD_KAFKA_OFFSET_BEGINNING, list);
    for (int i = 0; is_known && i < list->cnt; i++)
        asking->positions->items[list->elems[i].partition].next = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return is_known;
}

static bool ask_all(const struct asking *asking)
{
    struct positions *positions = asking->positions;

    if (!count_partitions(asking))
        return false;
    positions->items = xcalloc((size_t)positions->count, sizeof(*positions->items));
    for (int32_t i = 0; i < positions->count; i++)
        positions->items[i].committed = -1;
    rd_kafka_topic_partition_list_t *list = list_partitions(asking);
    /* The group first: its position then never stands behind the end. */
    bool is_known = ask_committed(asking, list) && ask_ends(asking, RD_KAFKA_OFFSET_END, list);
    for (int i = 0; is_known && i < list->cnt; i++)
        positions->items[list->elems[i].partition].end = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return is_known && ask_begins(asking);
}

void positions_ask(rd_kafka_t *rk, const struct positions_of *whose, int timeout_ms,
                   struct positions *out_positions)
{
    const struct asking asking = {rk, whose, clock_monotonic_ms() + (uint64_t)timeout_ms, out_positions};

    positions_done(out_positions);
    out_positions->is_known = ask_all(&asking);
}

void positions_done(struct positions *positions)
{
    free(positions->items);
    *positions = (struct positions){.items = NULL};
}
