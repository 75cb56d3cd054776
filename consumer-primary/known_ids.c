#include "consumer-primary/known_ids.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/bug.h"
#include "common/codec/rowbinary.h"
#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "consumer-primary/bloom.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    KNOWN_IDS_RETRY_MS = 1000,
    KNOWN_IDS_FILL_TIMEOUT_MS = 600000, /* 100 million ids took 48 s on two busy cores */
    KNOWN_IDS_ANSWER_MAX_BYTES = 4096,
    KNOWN_IDS_CAPACITY_MIN = 65536, /* 128 KiB a partition */
    KNOWN_IDS_RUNNING_MAX = 2,
};

/* Ids of other counts of partitions concern everybody: their keys may lead here now. */
#define WHERE_OURS                                                                                           \
    " FROM event_ids WHERE kafka_partition = {partition:UInt32} OR key_partitions != {count:UInt32}"

struct known_ids {
    struct known_ids_place place;
    bool is_filled;
    struct bloom bloom;
    int32_t topic_partitions; /* that it is, or is being, filled for */

    /* A filling: first how many there are, then all of them. */
    TAILQ_ENTRY(known_ids) place_in_line; /* while is_waiting */
    bool is_waiting, is_running;
    struct clickhouse_call *question;
    struct bloom next;
    struct buf added; /* identities since it began: whether the table had them then, nobody knows */
    char piece[8];    /* of an identity that came in two pieces */
    size_t piece_length;
    struct loop_timer retry;
    bool has_problem;
    struct err problem;
};

/* ---- the line ---- */

static void begin(struct known_ids *ids);

void known_ids_line_init(struct known_ids_line *line)
{
    *line = (struct known_ids_line){0};
    TAILQ_INIT(&line->waiting);
}

static void enter(void *owner)
{
    struct known_ids *ids = owner;
    struct known_ids_line *line = ids->place.line;

    if (line->running == KNOWN_IDS_RUNNING_MAX) {
        ids->is_waiting = true;
        TAILQ_INSERT_TAIL(&line->waiting, ids, place_in_line);
        return;
    }
    line->running++;
    ids->is_running = true;
    begin(ids);
}

static void leave(struct known_ids *ids)
{
    struct known_ids_line *line = ids->place.line;
    struct known_ids *first = TAILQ_FIRST(&line->waiting);

    if (ids->is_waiting)
        TAILQ_REMOVE(&line->waiting, ids, place_in_line);
    ids->is_waiting = false;
    if (!ids->is_running)
        return;
    ids->is_running = false;
    line->running--;
    if (first == NULL)
        return;
    TAILQ_REMOVE(&line->waiting, first, place_in_line);
    first->is_waiting = false;
    enter(first);
}

/* ---- a filling ---- */

static struct clickhouse_call *ask(struct known_ids *ids, const char *sql, clickhouse_on_piece *on_piece,
                                   clickhouse_on_result *on_result)
{
    char partition[16];
    char count[16];
    const struct clickhouse_pair parameters[] = {{"partition", partition}, {"count", count}, {NULL, NULL}};

    (void)snprintf(partition, sizeof(partition), "%" PRId32, ids->place.partition);
    (void)snprintf(count, sizeof(count), "%" PRId32, ids->topic_partitions);
    return clickhouse_ask(ids->place.table->clickhouse, &(struct clickhouse_query){
                                                            .sql = sql,
                                                            .parameters = parameters,
                                                            .settings = clickhouse_settings_consistent,
                                                            .timeout_ms = KNOWN_IDS_FILL_TIMEOUT_MS,
                                                            .answer_max_bytes = KNOWN_IDS_ANSWER_MAX_BYTES,
                                                            .on_piece = on_piece,
                                                            .on_result = on_result,
                                                            .owner = ids,
                                                        });
}

static void fail(struct known_ids *ids, const struct err *err)
{
    leave(ids);
    bloom_done(&ids->next);
    ids->has_problem = true;
    ids->problem = *err;
    err_prefix(&ids->problem, "learn the ids of partition %" PRId32, ids->place.partition);
    loop_timer_start(&ids->retry, KNOWN_IDS_RETRY_MS);
    loop_turn_ask(ids->place.context->turn);
}

static void on_all(void *owner, const struct clickhouse_result *result)
{
    struct known_ids *ids = owner;
    struct err err;

    ids->question = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        fail(ids, &result->err);
        return;
    }
    if (ids->piece_length > 0) {
        err_set(&err, ERR_RETRY, "ClickHouse answered something else than identities");
        fail(ids, &err);
        return;
    }
    leave(ids);
    bloom_done(&ids->bloom);
    ids->bloom = ids->next;
    ids->next = (struct bloom){0};
    ids->is_filled = true;
    ids->has_problem = false;
    buf_clear(&ids->added);
    loop_turn_ask(ids->place.context->turn);
}

static void add_bytes(struct bloom *bloom, struct slice bytes)
{
    uint64_t identity;

    while (rowbinary_read_u64(&bytes, &identity))
        bloom_add(bloom, identity);
}

static void on_piece(void *owner, struct slice piece)
{
    struct known_ids *ids = owner;

    while (ids->piece_length > 0 && ids->piece_length < sizeof(ids->piece) && piece.length > 0) {
        ids->piece[ids->piece_length++] = piece.data[0];
        piece = slice_from_index(piece, 1);
    }
    if (ids->piece_length == sizeof(ids->piece)) {
        add_bytes(&ids->next, slice_of(ids->piece, sizeof(ids->piece)));
        ids->piece_length = 0;
    }
    size_t whole = piece.length - piece.length % sizeof(ids->piece);
    add_bytes(&ids->next, slice_of(piece.data, whole));
    if (piece.length > whole) {
        ids->piece_length = piece.length - whole;
        memcpy(ids->piece, piece.data + whole, ids->piece_length);
    }
}

/* err: why there is no result. */
static bool read_count(const struct clickhouse_result *result, uint64_t *out_count, struct err *err)
{
    struct slice body = result->body;

    if (result->outcome != CLICKHOUSE_DONE)
        return false;
    if (rowbinary_read_u64(&body, out_count))
        return true;
    err_set(err, ERR_RETRY, "ClickHouse answered something else than a count");
    return false;
}

static void on_count(void *owner, const struct clickhouse_result *result)
{
    struct known_ids *ids = owner;
    struct err err = result->err;
    uint64_t count;

    ids->question = NULL;
    if (!read_count(result, &count, &err)) {
        fail(ids, &err);
        return;
    }
    bloom_init(&ids->next, count + count / 2 + KNOWN_IDS_CAPACITY_MIN);
    add_bytes(&ids->next, buf_slice(&ids->added));
    ids->piece_length = 0;
    ids->question = ask(ids, "SELECT identity" WHERE_OURS " FORMAT RowBinary", on_piece, on_all);
}

static bool is_filling(const struct known_ids *ids)
{
    return ids->is_waiting || ids->is_running || loop_timer_is_running(&ids->retry);
}

static void begin(struct known_ids *ids)
{
    ids->question = ask(ids, "SELECT count()" WHERE_OURS " FORMAT RowBinary", NULL, on_count);
}

bool known_ids_is_ready(struct known_ids *ids, int32_t topic_partitions)
{
    bool has_grown = ids->topic_partitions != topic_partitions;

    if (has_grown && is_filling(ids))
        return false; /* for a count that is no longer true: the next one follows */
    if (has_grown)
        ids->is_filled = false;
    if (!is_filling(ids) && (!ids->is_filled || ids->bloom.count > ids->bloom.capacity)) {
        ids->topic_partitions = topic_partitions;
        enter(ids);
    }
    return ids->is_filled;
}

/* ---- asking ---- */

bool known_ids_may_have(const struct known_ids *ids, uint64_t identity)
{
    BUG_ON(!ids->is_filled);
    return bloom_has(&ids->bloom, identity);
}

void known_ids_add(struct known_ids *ids, uint64_t identity)
{
    if (ids->is_filled)
        bloom_add(&ids->bloom, identity);
    if (!is_filling(ids))
        return;
    rowbinary_write_u64(&ids->added, identity);
    if (ids->next.blocks != NULL)
        bloom_add(&ids->next, identity);
}

bool known_ids_has_problem(const struct known_ids *ids, struct err *out_err)
{
    if (ids->has_problem && !ids->is_filled)
        *out_err = ids->problem;
    return ids->has_problem && !ids->is_filled;
}

uint64_t known_ids_bytes(const struct known_ids *ids)
{
    return bloom_bytes(&ids->bloom) + bloom_bytes(&ids->next) + ids->added.capacity;
}

/* ---- life ---- */

struct known_ids *known_ids_new(const struct known_ids_place *place)
{
    struct known_ids *ids = xcalloc(1, sizeof(*ids));

    ids->place = *place;
    loop_timer_init(&ids->retry, place->context->loop, enter, ids);
    return ids;
}

void known_ids_free(struct known_ids **ids)
{
    if (*ids == NULL)
        return;
    if ((*ids)->question != NULL)
        clickhouse_cancel((*ids)->question);
    leave(*ids);
    loop_timer_stop(&(*ids)->retry);
    bloom_done(&(*ids)->bloom);
    bloom_done(&(*ids)->next);
    buf_done(&(*ids)->added);
    free(*ids);
    *ids = NULL;
}
