#include "consumer-primary/earlier_copies.h"

#include "common/base/alloc.h"
#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/bug.h"
#include "common/codec/rowbinary.h"
#include "common/io/clickhouse.h"
#include "common/io/loop.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    EARLIER_AT_ONCE = 5000, /* ids in one question */
    EARLIER_ANSWER_MAX_BYTES = 64 << 20,
    EARLIER_FIRST_RETRY_MS = 100,
    EARLIER_HIGHEST_RETRY_MS = 5000,
};

struct asked {
    uint64_t identity;
    struct slice tenant_id, environment_id, external_customer_id, id;
    uint32_t number;
};

struct earlier_copies {
    struct earlier_copies_settings settings;
    struct event_place own;
    struct asked *asked;
    size_t count, capacity;
    size_t at;       /* those of the present question begin here, */
    size_t until;    /* end before this, and are sorted by identity */
    struct buf rows; /* of the question's own table */
    struct clickhouse_call *call;
    struct backoff backoff;
    struct loop_timer next; /* question, or try */
    bool has_problem;
    struct err problem;
};

static void ask_ids(void *owner);

/* ---- the questions ---- */

static void fail(struct earlier_copies *copies, const struct err *err)
{
    copies->has_problem = true;
    copies->problem = *err;
    err_prefix(&copies->problem, "ask for earlier copies of events");
    loop_timer_start(&copies->next, backoff_jittered_ms(&copies->backoff));
}

static void finish_question(struct earlier_copies *copies)
{
    copies->has_problem = false;
    backoff_reset(&copies->backoff);
    copies->at = copies->until;
    if (copies->at < copies->count) {
        ask_ids(copies);
        return;
    }
    copies->count = 0;
    copies->at = 0;
    copies->settings.on_answered(copies->settings.owner);
}

static struct clickhouse_call *ask(struct earlier_copies *copies, const char *sql, const char *structure,
                                   clickhouse_on_result *on_result)
{
    char epoch[16];
    char partition[16];
    char offset[24];
    const struct clickhouse_pair parameters[] = {
        {"epoch", epoch}, {"partition", partition}, {"offset", offset}, {NULL, NULL}};

    (void)snprintf(epoch, sizeof(epoch), "%" PRIu32, copies->own.epoch);
    (void)snprintf(partition, sizeof(partition), "%" PRIu32, copies->own.partition);
    (void)snprintf(offset, sizeof(offset), "%" PRIu64, copies->own.offset);
    return clickhouse_ask(copies->settings.events->clickhouse,
                          &(struct clickhouse_query){
                              .sql = sql,
                              .parameters = parameters,
                              .settings = clickhouse_settings_consistent,
                              .external = {"asked", structure, buf_slice(&copies->rows)},
                              .timeout_ms = copies->settings.events->question_timeout_ms,
                              .answer_max_bytes = EARLIER_ANSWER_MAX_BYTES,
                              .on_result = on_result,
                              .owner = copies,
                          });
}

static int by_identity(const void *a, const void *b)
{
    const struct asked *left = a;
    const struct asked *right = b;

    return left->identity < right->identity ? -1 : left->identity > right->identity;
}

/* The first one asked with this identity; several events can have one. */
static struct asked *find_asked(const struct earlier_copies *copies, uint64_t identity)
{
    size_t low = copies->at;
    size_t high = copies->until;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copies->asked[middle].identity < identity)
            low = middle + 1;
        else
            high = middle;
    }
    return &copies->asked[low];
}

static bool is_asked(const struct earlier_copies *copies, const struct asked *asked, uint64_t identity)
{
    return asked < copies->asked + copies->until && asked->identity == identity;
}

/* ---- the proof: rows of `events` ---- */

struct proof {
    struct event event;
    struct event_copy copy;
};

static bool read_proof(struct slice *rest, struct proof *out_proof)
{
    struct event *event = &out_proof->event;
    struct event_copy *copy = &out_proof->copy;

    return rowbinary_read_string(rest, &event->tenant_id) &&
           rowbinary_read_string(rest, &event->environment_id) &&
           rowbinary_read_string(rest, &event->external_customer_id) &&
           rowbinary_read_string(rest, &event->id) &&
           rowbinary_read_fixed(rest, copy->content_hash, sizeof(copy->content_hash)) &&
           rowbinary_read_u32(rest, &copy->place.epoch) && rowbinary_read_u32(rest, &copy->place.partition) &&
           rowbinary_read_u64(rest, &copy->place.offset);
}

static void tell(struct earlier_copies *copies, const struct proof *proof)
{
    uint64_t identity = event_identity(&proof->event);

    for (struct asked *asked = find_asked(copies, identity); is_asked(copies, asked, identity); asked++) {
        const struct event event = {.tenant_id = asked->tenant_id,
                                    .environment_id = asked->environment_id,
                                    .external_customer_id = asked->external_customer_id,
                                    .id = asked->id};
        if (event_is_same(&event, &proof->event))
            copies->settings.on_found(copies->settings.owner, asked->number, &proof->copy);
    }
}

static void on_proofs(void *owner, const struct clickhouse_result *result)
{
    struct earlier_copies *copies = owner;
    struct slice rest = result->body;
    struct proof proof = {0};
    struct err err;

    copies->call = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        fail(copies, &result->err);
        return;
    }
    while (!slice_is_empty(rest)) {
        if (!read_proof(&rest, &proof)) {
            err_set(&err, ERR_RETRY, "ClickHouse answered something else than stored events");
            fail(copies, &err);
            return;
        }
        tell(copies, &proof);
    }
    finish_question(copies);
}

static void ask_proofs(struct earlier_copies *copies)
{
    copies->call = ask(copies,
                       "SELECT tenant_id, environment_id, external_customer_id, id, content_hash,"
                       " source_epoch, kafka_partition, kafka_offset FROM events"
                       " WHERE (tenant_id, environment_id, external_customer_id, timestamp, id) IN asked"
                       " AND timestamp IN (SELECT timestamp FROM asked)"
                       " AND NOT (source_epoch = {epoch:UInt32} AND kafka_partition = {partition:UInt32}"
                       " AND kafka_offset >= {offset:UInt64}) FORMAT RowBinary",
                       "tenant_id String, environment_id String, external_customer_id String,"
                       " timestamp DateTime64(6, 'UTC'), id String",
                       on_proofs);
}

/* ---- the hint: rows of `event_ids` ---- */

/* Where the row in `events` must be, for each event that it may be of. */
static void add_key(struct earlier_copies *copies, uint64_t identity, int64_t timestamp_us)
{
    for (const struct asked *asked = find_asked(copies, identity); is_asked(copies, asked, identity);
         asked++) {
        rowbinary_write_string(&copies->rows, asked->tenant_id);
        rowbinary_write_string(&copies->rows, asked->environment_id);
        rowbinary_write_string(&copies->rows, asked->external_customer_id);
        rowbinary_write_i64(&copies->rows, timestamp_us);
        rowbinary_write_string(&copies->rows, asked->id);
    }
}

static void on_ids(void *owner, const struct clickhouse_result *result)
{
    struct earlier_copies *copies = owner;
    struct slice rest = result->body;
    uint64_t identity;
    int64_t timestamp_us;
    struct err err;

    copies->call = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        fail(copies, &result->err);
        return;
    }
    buf_clear(&copies->rows);
    while (!slice_is_empty(rest)) {
        if (!rowbinary_read_u64(&rest, &identity) || !rowbinary_read_i64(&rest, &timestamp_us)) {
            err_set(&err, ERR_RETRY, "ClickHouse answered something else than identities and times");
            fail(copies, &err);
            return;
        }
        add_key(copies, identity, timestamp_us);
    }
    if (copies->rows.length > 0)
        ask_proofs(copies);
    else
        finish_question(copies);
}

/* Begins the next question, or the same again. */
static void ask_ids(void *owner)
{
    struct earlier_copies *copies = owner;
    size_t left = copies->count - copies->at;

    copies->until = copies->at + (left < EARLIER_AT_ONCE ? left : EARLIER_AT_ONCE);
    qsort(copies->asked + copies->at, copies->until - copies->at, sizeof(copies->asked[0]), by_identity);
    buf_clear(&copies->rows);
    for (size_t i = copies->at; i < copies->until; i++)
        rowbinary_write_u64(&copies->rows, copies->asked[i].identity);
    /* Ours too: the proof leaves them out, while three more columns would make this take five times as long.
     */
    copies->call =
        ask(copies, "SELECT identity, timestamp FROM event_ids WHERE identity IN asked FORMAT RowBinary",
            "identity UInt64", on_ids);
}

/* ---- what others see ---- */

void earlier_copies_add(struct earlier_copies *copies, uint64_t identity, const struct event *event,
                        uint32_t number)
{
    BUG_ON(copies->call != NULL);
    if (copies->count == copies->capacity) {
        copies->capacity = copies->capacity > 0 ? copies->capacity * 2 : 64;
        copies->asked = xrealloc(copies->asked, copies->capacity * sizeof(copies->asked[0]));
    }
    copies->asked[copies->count++] = (struct asked){
        .identity = identity,
        .tenant_id = event->tenant_id,
        .environment_id = event->environment_id,
        .external_customer_id = event->external_customer_id,
        .id = event->id,
        .number = number,
    };
}

void earlier_copies_ask(struct earlier_copies *copies, const struct event_place *own)
{
    BUG_ON(copies->call != NULL);
    copies->own = *own;
    if (copies->count > 0)
        ask_ids(copies);
}

bool earlier_copies_is_asking(const struct earlier_copies *copies)
{
    return copies->count > 0;
}

void earlier_copies_cancel(struct earlier_copies *copies)
{
    if (copies->call != NULL)
        clickhouse_cancel(copies->call);
    copies->call = NULL;
    loop_timer_stop(&copies->next);
    copies->count = 0;
    copies->at = 0;
    copies->has_problem = false;
}

bool earlier_copies_has_problem(const struct earlier_copies *copies, struct err *out_err)
{
    if (copies->has_problem)
        *out_err = copies->problem;
    return copies->has_problem;
}

struct earlier_copies *earlier_copies_new(const struct earlier_copies_settings *settings)
{
    struct earlier_copies *copies = xcalloc(1, sizeof(*copies));

    copies->settings = *settings;
    copies->backoff = (struct backoff){EARLIER_FIRST_RETRY_MS, EARLIER_HIGHEST_RETRY_MS, 0};
    loop_timer_init(&copies->next, settings->loop, ask_ids, copies);
    return copies;
}

void earlier_copies_free(struct earlier_copies **copies)
{
    if (*copies == NULL)
        return;
    earlier_copies_cancel(*copies);
    free((*copies)->asked);
    buf_done(&(*copies)->rows);
    free(*copies);
    *copies = NULL;
}
