#include "common/service/batch/forwarder.h"

#include "common/base/alloc.h"
#include "common/base/backoff.h"
#include "common/base/bug.h"
#include "common/event/envelope.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_producer.h"
#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "common/service/batch/owed.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>

enum {
    FORWARD_SENDS_PER_TURN = 2000, /* then the loop sees to others */
    FORWARD_RETRY_MS = 1000,
    FORWARD_OWED_RETRY_MAX_MS = 30000, /* records that are gone don't come back */
};

struct entry {
    struct kafka_delivery delivery; /* first: the delivery is the entry */
    struct chunk *chunk;
    rd_kafka_message_t *message; /* owned; NULL once acknowledged */
};

/* Records to forward in order: a stored batch, or a part of what is owed. */
struct chunk {
    struct forwarder *forwarder;
    struct chunk *next;
    uint32_t count;
    uint32_t sent_count;
    uint32_t acked_count;
    uint64_t bytes;
    struct entry entries[];
};

struct forwarder {
    const struct batch_context *context;
    int32_t partition;
    uint32_t epoch;

    int64_t forwarded;     /* acknowledged without a hole */
    int64_t sent;          /* last sent */
    int64_t queued_until;  /* chunks hold all owed offsets below */
    int64_t settled_until; /* rows may be stored below */

    struct chunk *first;
    struct chunk *last;
    uint32_t in_flight;
    uint64_t debt_since_ms;
    bool has_failed; /* a report was bad: drain, then begin again behind `forwarded` */
    bool is_closed;
    bool has_problem; /* since the last record was acknowledged */
    struct err problem;
    struct loop_timer retry_timer;

    struct owed owed; /* read again */
    struct backoff owed_backoff;
};

/* ---- chunks ---- */

static struct chunk *chunk_new(struct forwarder *forwarder, size_t capacity)
{
    struct chunk *chunk = xcalloc(1, sizeof(*chunk) + capacity * sizeof(chunk->entries[0]));

    chunk->forwarder = forwarder;
    return chunk;
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report);

static void chunk_add(struct chunk *chunk, rd_kafka_message_t *message)
{
    struct entry *entry = &chunk->entries[chunk->count++];

    *entry = (struct entry){.delivery = {.on_report = on_report}, .chunk = chunk, .message = message};
    chunk->bytes += batch_message_bytes(message);
    chunk->forwarder->context->load->forward_held_bytes += batch_message_bytes(message);
}

static void chunk_free(struct chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->count; i++)
        if (chunk->entries[i].message != NULL)
            rd_kafka_message_destroy(chunk->entries[i].message);
    free(chunk);
}

static void chunk_queue(struct forwarder *forwarder, struct chunk *chunk)
{
    if (chunk->count == 0) {
        free(chunk);
        return;
    }
    if (forwarder->last != NULL)
        forwarder->last->next = chunk;
    else
        forwarder->first = chunk;
    forwarder->last = chunk;
}

static void chunk_take_first(struct forwarder *forwarder)
{
    struct chunk *chunk = forwarder->first;

    forwarder->context->load->forward_held_bytes -= chunk->bytes;
    forwarder->first = chunk->next;
    if (forwarder->first == NULL)
        forwarder->last = NULL;
    chunk_free(chunk);
}

/* Forwarding has one half of the worker's memory, so that it can never hold up storing. */
static bool has_room(const struct forwarder *forwarder, uint64_t bytes)
{
    return forwarder->context->load->forward_held_bytes + bytes <= forwarder->context->held_max_bytes / 2;
}

/* ---- what is owed ---- */

static bool owes(const struct forwarder *forwarder)
{
    return forwarder->first != NULL || forwarder->queued_until < forwarder->settled_until;
}

static void note_debt(struct forwarder *forwarder)
{
    if (!owes(forwarder))
        forwarder->debt_since_ms = 0;
    else if (forwarder->debt_since_ms == 0)
        forwarder->debt_since_ms = loop_now_ms(forwarder->context->loop);
}

static void on_owed_read(void *owner, rd_kafka_message_t **messages, size_t count, int64_t until)
{
    struct forwarder *forwarder = owner;
    struct chunk *chunk = chunk_new(forwarder, count);

    for (size_t i = 0; i < count; i++)
        chunk_add(chunk, messages[i]);
    chunk_queue(forwarder, chunk);
    forwarder->queued_until = until;
    backoff_reset(&forwarder->owed_backoff);
    loop_turn_ask(forwarder->context->turn);
}

static void on_owed_failed(void *owner, const struct err *err)
{
    struct forwarder *forwarder = owner;

    forwarder->problem = *err;
    forwarder->has_problem = true;
    loop_timer_start(&forwarder->retry_timer, backoff_jittered_ms(&forwarder->owed_backoff));
}

/* ---- sending ---- */

static void advance(struct forwarder *forwarder)
{
    while (forwarder->first != NULL && forwarder->first->acked_count == forwarder->first->count)
        chunk_take_first(forwarder);
    note_debt(forwarder);
    if (!owes(forwarder))
        forwarder->has_problem = false;
}

/* Everything is reported: what was not acknowledged is owed again. */
static void begin_again(struct forwarder *forwarder)
{
    while (forwarder->first != NULL)
        chunk_take_first(forwarder);
    forwarder->has_failed = false;
    forwarder->sent = forwarder->forwarded;
    forwarder->queued_until = forwarder->forwarded + 1;
    note_debt(forwarder);
    loop_timer_start(&forwarder->retry_timer, FORWARD_RETRY_MS);
}

/* Sends nothing more until all reports are in: see begin_again. */
static void fail(struct forwarder *forwarder, const struct err *err)
{
    forwarder->problem = *err;
    forwarder->has_problem = true;
    forwarder->has_failed = true;
    watched_topic_suspect(forwarder->context->forward_topic);
}

static void fail_by_report(struct forwarder *forwarder, rd_kafka_resp_err_t code)
{
    struct err err;

    kafka_err_set(&err, code, "not written");
    fail(forwarder, &err);
}

/* The record whose acknowledgement comes next when none has failed. */
static const struct entry *next_unacked(const struct forwarder *forwarder)
{
    const struct chunk *chunk = forwarder->first;

    while (chunk != NULL && chunk->acked_count == chunk->count)
        chunk = chunk->next;
    return chunk == NULL ? NULL : &chunk->entries[chunk->acked_count];
}

static void acknowledge(struct forwarder *forwarder, struct entry *entry)
{
    forwarder->forwarded = entry->message->offset;
    rd_kafka_message_destroy(entry->message);
    entry->message = NULL;
    entry->chunk->acked_count++;
    forwarder->has_problem = false;
    metric_add(forwarder->context->forwarded_records, 1);
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct entry *entry = (struct entry *)delivery;
    struct forwarder *forwarder = entry->chunk->forwarder;

    forwarder->in_flight--;
    loop_turn_ask(forwarder->context->turn);
    if (forwarder->is_closed)
        return;
    if (!report->is_written)
        fail_by_report(forwarder, report->code);
    else if (!forwarder->has_failed && entry == next_unacked(forwarder))
        acknowledge(forwarder, entry);
    else
        forwarder->has_failed = true; /* a hole before it, or reports out of order: sent again in order */
    if (forwarder->has_failed && forwarder->in_flight == 0)
        begin_again(forwarder);
}

static enum kafka_sending send_entry(struct forwarder *forwarder, struct entry *entry, struct err *err)
{
    char envelope[ENVELOPE_MAX_BYTES];
    const rd_kafka_message_t *message = entry->message;
    size_t length = envelope_forward_write(&(struct envelope_forward){.epoch = forwarder->epoch,
                                                                      .offset = message->offset,
                                                                      .previous = forwarder->sent},
                                           envelope);
    const struct kafka_header header = {ENVELOPE_HEADER, slice_of(envelope, length)};

    return kafka_producer_send(forwarder->context->producer,
                               &(struct kafka_record){
                                   .topic = forwarder->context->stage->forward_topic,
                                   .partition = forwarder->partition,
                                   .key = slice_of(message->key, message->key_len),
                                   .value = slice_of(message->payload, message->len),
                                   .headers = &header,
                                   .header_count = 1,
                               },
                               &entry->delivery, err);
}

/* False when nothing more can be sent now. */
static bool send_next(struct forwarder *forwarder, struct chunk *chunk)
{
    struct entry *entry = &chunk->entries[chunk->sent_count];
    struct err err;

    switch (send_entry(forwarder, entry, &err)) {
    case KAFKA_SENT:
        forwarder->sent = entry->message->offset;
        forwarder->in_flight++;
        chunk->sent_count++;
        return true;
    case KAFKA_QUEUE_FULL:
        return false; /* forwarder_step is called when there is room */
    case KAFKA_REFUSED:
        fail(forwarder, &err);
        if (forwarder->in_flight == 0)
            begin_again(forwarder);
        return false;
    }
    BUG("unknown answer of kafka_producer_send");
}

static void send_some(struct forwarder *forwarder)
{
    uint32_t budget = FORWARD_SENDS_PER_TURN;

    for (struct chunk *chunk = forwarder->first; chunk != NULL; chunk = chunk->next) {
        while (chunk->sent_count < chunk->count) {
            if (budget-- == 0) {
                loop_turn_ask(forwarder->context->turn);
                return;
            }
            if (!send_next(forwarder, chunk))
                return;
        }
    }
}

void forwarder_step(struct forwarder *forwarder)
{
    if (forwarder->is_closed)
        return;
    advance(forwarder);
    if (forwarder->has_failed || loop_timer_is_running(&forwarder->retry_timer) ||
        !watched_topic_has(forwarder->context->forward_topic, forwarder->partition))
        return;
    send_some(forwarder);
    if (forwarder->first == NULL && !owed_is_reading(&forwarder->owed) && has_room(forwarder, 0) &&
        forwarder->queued_until < forwarder->settled_until)
        owed_read(&forwarder->owed, forwarder->queued_until, forwarder->settled_until);
}

static void on_retry(void *owner)
{
    struct forwarder *forwarder = owner;

    loop_turn_ask(forwarder->context->turn);
}

/* ---- life ---- */

struct forwarder *forwarder_new(const struct batch_context *context, int32_t partition, uint32_t epoch)
{
    struct forwarder *forwarder = xcalloc(1, sizeof(*forwarder));

    *forwarder = (struct forwarder){
        .context = context,
        .partition = partition,
        .epoch = epoch,
        .owed_backoff = {.first_ms = FORWARD_RETRY_MS, .highest_ms = FORWARD_OWED_RETRY_MAX_MS},
    };
    loop_timer_init(&forwarder->retry_timer, context->loop, on_retry, forwarder);
    owed_init(&forwarder->owed, context, partition, epoch,
              &(struct owed_callbacks){on_owed_read, on_owed_failed, forwarder});
    return forwarder;
}

void forwarder_begin(struct forwarder *forwarder, int64_t forwarded, int64_t settled_until)
{
    forwarder->forwarded = forwarded;
    forwarder->sent = forwarded;
    forwarder->queued_until = forwarded + 1;
    forwarder->settled_until = settled_until;
    note_debt(forwarder);
    loop_turn_ask(forwarder->context->turn);
}

void forwarder_add(struct forwarder *forwarder, struct batch *batch, int64_t settled_until)
{
    bool has_gap = forwarder->queued_until < forwarder->settled_until || forwarder->has_failed;
    bool has_topic = watched_topic_has(forwarder->context->forward_topic, forwarder->partition);

    forwarder->settled_until = settled_until;
    if (!has_gap && has_topic && has_room(forwarder, batch->bytes) && !batch->is_undecided) {
        struct chunk *chunk = chunk_new(forwarder, batch->row_count);
        for (uint32_t i = 0; i < batch->count; i++) {
            if (batch->row_index[i].end == batch->row_index[i].begin ||
                batch->messages[i]->offset <= forwarder->forwarded)
                continue;
            chunk_add(chunk, batch->messages[i]);
            batch->messages[i] = NULL;
        }
        chunk_queue(forwarder, chunk);
        forwarder->queued_until = settled_until;
    }
    note_debt(forwarder);
    loop_turn_ask(forwarder->context->turn);
}

void forwarder_close(struct forwarder *forwarder)
{
    forwarder->is_closed = true;
    owed_cancel(&forwarder->owed);
    loop_timer_stop(&forwarder->retry_timer);
}

int64_t forwarder_position(const struct forwarder *forwarder)
{
    return forwarder->forwarded;
}

uint64_t forwarder_debt_records(const struct forwarder *forwarder)
{
    int64_t not_queued = forwarder->settled_until - forwarder->queued_until;
    uint64_t records = not_queued > 0 ? (uint64_t)not_queued : 0;

    for (const struct chunk *chunk = forwarder->first; chunk != NULL; chunk = chunk->next)
        records += chunk->count - chunk->acked_count;
    return records;
}

uint64_t forwarder_debt_since_ms(const struct forwarder *forwarder)
{
    return forwarder->debt_since_ms;
}

const struct err *forwarder_problem(const struct forwarder *forwarder)
{
    return forwarder->has_problem ? &forwarder->problem : NULL;
}

bool forwarder_has_work_at_hand(const struct forwarder *forwarder)
{
    return forwarder->first != NULL && forwarder_problem(forwarder) == NULL &&
           watched_topic_has(forwarder->context->forward_topic, forwarder->partition);
}

bool forwarder_is_quiet(const struct forwarder *forwarder)
{
    return forwarder->in_flight == 0;
}

void forwarder_free(struct forwarder **forwarder_p)
{
    struct forwarder *forwarder = *forwarder_p;

    if (forwarder == NULL)
        return;
    BUG_ON(forwarder->in_flight != 0);
    forwarder_close(forwarder);
    while (forwarder->first != NULL)
        chunk_take_first(forwarder);
    free(forwarder);
    *forwarder_p = NULL;
}
