#include "consumer-primary/primary_decider.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/event/event_json.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"
#include "consumer-primary/earlier_copies.h"
#include "consumer-primary/event_row.h"
#include "consumer-primary/id_row.h"
#include "consumer-primary/outcome_row.h"

#include <stdlib.h>

struct decider {
    struct primary *primary;
    LIST_ENTRY(decider) all;
    struct decider_place place;
    int32_t topic_partitions; /* 0: not known yet */
    struct known_ids *ids;
    struct earlier_copies *earlier;

    /* Of the batch at hand. */
    struct resend *records; /* NULL: none is */
    struct arena arena;     /* what must stay until it is forgotten */
};

/* ---- records ---- */

static bool read_event(struct primary *primary, struct arena *arena, const struct batch_record *record,
                       struct event *out_event, struct err *err)
{
    const struct event_reader reader = {primary->json, arena};

    if (record->value.length > EVENT_RECORD_MAX_BYTES) {
        err_set(err, ERR_REJECT, "the record has %zu bytes, an event at most %d", record->value.length,
                EVENT_RECORD_MAX_BYTES);
        return false;
    }
    return event_record_read(&reader, record->value, out_event, err);
}

bool primary_identify(void *owner, const struct batch_record *record, struct buf *out_id)
{
    struct primary *primary = owner;
    struct event event;
    struct err err;

    arena_reset(&primary->arena);
    if (!read_event(primary, &primary->arena, record, &event, &err))
        return false;
    buf_append_slice(out_id, event.id);
    return true;
}

void primary_on_reject(void *owner, const struct batch_record *record, const struct batch_reject *reject,
                       struct batch *batch)
{
    struct primary *primary = owner;
    struct event event;
    struct err err;
    bool is_readable = strcmp(reject->kind, "crash") != 0;

    arena_reset(&primary->arena);
    is_readable = is_readable && read_event(primary, &primary->arena, record, &event, &err);
    outcome_row_write(&batch->companions[PRIMARY_OUTCOMES],
                      &(struct outcome_row){
                          .event = is_readable ? &event : NULL,
                          .outcome = "dead_letter",
                          .reason = reject->reason,
                          .topic = primary->topic,
                      },
                      record);
}

/* ---- prepare: rows as if all were new, and the question which are not ---- */

static struct batch_record record_of(const struct decider *decider, const struct batch *batch, uint32_t index)
{
    return batch_record_of(batch->messages[index], decider->place.epoch);
}

/* Of a record that was read before. */
static void read_again(const struct decider *decider, const struct batch *batch, uint32_t index,
                       struct arena *arena, struct event *out_event)
{
    struct batch_record record = record_of(decider, batch, index);
    struct err err;

    if (!read_event(decider->primary, arena, &record, out_event, &err))
        BUG("a record that was an event is none: %s", err.text);
}

/* key_partitions: 0 when the key does not lead to the record's partition, or nobody knows. */
static void write_id(struct batch *batch, const struct event *event, const struct batch_record *record,
                     int32_t key_partitions)
{
    id_row_write(&batch->companions[PRIMARY_IDS],
                 &(struct id_row){event_identity(event), event->timestamp_us, event->ingested_at_us,
                                  (uint32_t)key_partitions},
                 record);
}

static void draft_record(struct decider *decider, struct batch *batch, uint32_t index)
{
    struct batch_record record = record_of(decider, batch, index);
    struct primary *primary = decider->primary;
    struct resend *resend = &decider->records[index];
    size_t begin = batch->rows.length;
    struct event event;
    struct err err;

    arena_reset(&primary->arena);
    if (!read_event(primary, &primary->arena, &record, &event, &err)) {
        batch_reject(batch, index, "decode", err.text);
        return;
    }
    event_row_write(&batch->rows, &event, &record);
    batch_add_row(batch, index, begin);
    *resend = (struct resend){
        .is_event = true,
        .identity = event_identity(&event),
        .offset = (uint64_t)record.offset,
        .id_was_made = event.id_was_made,
        .is_astray = kafka_partition_of_key(record.key, decider->topic_partitions) != record.partition,
    };
    memcpy(resend->content_hash, event.content_hash, sizeof(resend->content_hash));
    write_id(batch, &event, &record, resend->is_astray ? 0 : decider->topic_partitions);
}

struct drafted {
    const struct decider *decider;
    const struct batch *batch;
};

/* Few records need it: those with one identity. */
static bool is_same(void *owner, uint32_t a, uint32_t b)
{
    const struct drafted *drafted = owner;
    struct arena arena = {0};
    struct event first, second;

    read_again(drafted->decider, drafted->batch, a, &arena, &first);
    read_again(drafted->decider, drafted->batch, b, &arena, &second);
    bool answer = event_is_same(&first, &second);
    arena_done(&arena);
    return answer;
}

static void ask_about(struct decider *decider, const struct batch *batch, uint32_t index)
{
    struct event event;

    read_again(decider, batch, index, &decider->arena, &event);
    earlier_copies_add(decider->earlier, decider->records[index].identity, &event, index);
    metric_add(decider->primary->asked, 1);
}

/* Events of one customer stand in one partition, as long as their keys lead there. When the topic has grown
 * and this worker does not know it yet, they don't: then only the tables know. */
static bool may_be_earlier(const struct decider *decider, const struct resend *record)
{
    return !record->id_was_made && (record->is_astray || known_ids_may_have(decider->ids, record->identity));
}

static void ask_about_leaders(struct decider *decider, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct resend *record = &decider->records[i];
        if (!record->is_event || record->leader != i)
            continue;
        if (may_be_earlier(decider, record))
            ask_about(decider, batch, i);
        known_ids_add(decider->ids, record->identity);
    }
    earlier_copies_ask(decider->earlier,
                       &(struct event_place){decider->place.epoch, (uint32_t)decider->place.partition,
                                             (uint64_t)batch_first(batch)});
}

static void draft(struct decider *decider, struct batch *batch)
{
    struct drafted drafted = {decider, batch};

    batch_begin_rows(batch);
    decider->records = xcalloc(batch->count, sizeof(decider->records[0]));
    for (uint32_t i = 0; i < batch->count; i++)
        draft_record(decider, batch, i);
    resends_find_leaders(decider->records, batch->count, is_same, &drafted);
    ask_about_leaders(decider, batch);
}

static void on_found(void *owner, uint32_t number, const struct event_copy *copy)
{
    struct decider *decider = owner;
    struct resend *record = &decider->records[number];
    struct event_copy *kept;

    if (record->earlier != NULL && !event_place_is_before(&copy->place, &record->earlier->place))
        return;
    kept = arena_take(&decider->arena, sizeof(*kept));
    *kept = *copy;
    record->earlier = kept;
}

static void on_answered(void *owner)
{
    struct decider *decider = owner;

    loop_turn_ask(decider->place.context->turn);
}

/* Only between two batches: then all that was decided is in the table. */
static bool knows_ids(struct decider *decider)
{
    int32_t partitions = watched_topic_partitions(decider->place.context->source_topic);

    if (partitions > 0)
        decider->topic_partitions = partitions;
    return decider->topic_partitions > 0 && known_ids_is_ready(decider->ids, decider->topic_partitions);
}

static bool prepare(struct decider *decider, struct batch *batch)
{
    if (decider->records == NULL) {
        if (!knows_ids(decider))
            return false;
        draft(decider, batch);
    }
    return !earlier_copies_is_asking(decider->earlier);
}

/* ---- decide: what is no first copy loses its rows ---- */

static void write_resend(struct decider *decider, struct batch *batch, uint32_t index,
                         const struct outcome_row *outcome)
{
    struct primary *primary = decider->primary;
    struct batch_record record = record_of(decider, batch, index);
    struct outcome_row row = *outcome;
    struct event event;

    arena_reset(&primary->arena);
    read_again(decider, batch, index, &primary->arena, &event);
    row.event = &event;
    row.topic = primary->topic;
    outcome_row_write(&batch->companions[PRIMARY_OUTCOMES], &row, &record);
}

/* False: it is the event itself. */
static bool take_resend(struct decider *decider, struct batch *batch, uint32_t index)
{
    struct outcome_row outcome = {
        .first = {.epoch = decider->place.epoch, .partition = (uint32_t)decider->place.partition}};

    switch (resend_verdict(decider->records, index, &outcome.first)) {
    case VERDICT_FIRST:
        return false;
    case VERDICT_DUPLICATE:
        outcome.outcome = "duplicate";
        outcome.reason = "sent again with the same content";
        metric_add(decider->primary->duplicates, 1);
        break;
    case VERDICT_CONFLICT:
        outcome.outcome = "conflict";
        outcome.reason = "another event with other content has this id; the first one counts";
        metric_add(decider->primary->conflicts, 1);
        break;
    }
    batch_drop_row(batch, index);
    write_resend(decider, batch, index, &outcome);
    return true;
}

static void decide(struct decider *decider, struct batch *batch)
{
    struct buf *ids = &batch->companions[PRIMARY_IDS];
    size_t from = 0; /* rows of ids: one for each event, in order */
    size_t to = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        if (!decider->records[i].is_event)
            continue;
        if (!take_resend(decider, batch, i)) {
            if (from > to)
                memcpy(ids->data + to, ids->data + from, ID_ROW_BYTES);
            to += ID_ROW_BYTES;
        }
        from += ID_ROW_BYTES;
    }
    ids->length = to;
    if (from > to)
        batch_close_gaps(batch);
}

/* Without its id the event would be a new one when it is sent again. Reading it is safe: it became a row. */
static void keep(struct decider *decider, struct batch *batch)
{
    struct batch_record record = record_of(decider, batch, 0);
    struct event event;
    struct err err;

    arena_reset(&decider->primary->arena);
    if (!read_event(decider->primary, &decider->primary->arena, &record, &event, &err))
        return; /* no more, since an upgrade: nor can it be when it is sent again */
    write_id(batch, &event, &record, 0);
    known_ids_add(decider->ids, event_identity(&event));
}

static void forget(struct decider *decider)
{
    earlier_copies_cancel(decider->earlier);
    free(decider->records);
    decider->records = NULL;
    arena_reset(&decider->arena);
}

/* ---- life ---- */

static bool has_problem(const struct decider *decider, struct err *out_err)
{
    return known_ids_has_problem(decider->ids, out_err) ||
           earlier_copies_has_problem(decider->earlier, out_err);
}

static struct decider *open_decider(void *stage, const struct decider_place *place)
{
    struct primary *primary = stage;
    struct decider *decider = xcalloc(1, sizeof(*decider));
    const struct earlier_copies_settings earlier = {place->context->loop, &place->context->table, on_found,
                                                    on_answered, decider};
    const struct known_ids_place ids = {place->context, &place->context->companions[PRIMARY_IDS],
                                        &primary->fillings, place->partition};

    decider->primary = primary;
    LIST_INSERT_HEAD(&primary->deciders, decider, all);
    decider->place = *place;
    decider->ids = known_ids_new(&ids);
    decider->earlier = earlier_copies_new(&earlier);
    (void)knows_ids(decider); /* before the first records come */
    return decider;
}

static void close_decider(struct decider **decider)
{
    forget(*decider);
    LIST_REMOVE(*decider, all);
    known_ids_free(&(*decider)->ids);
    earlier_copies_free(&(*decider)->earlier);
    arena_done(&(*decider)->arena);
    free(*decider);
    *decider = NULL;
}

const struct decider_class primary_decider = {
    .open = open_decider,
    .prepare = prepare,
    .decide = decide,
    .keep = keep,
    .forget = forget,
    .has_problem = has_problem,
    .close = close_decider,
};

static void on_scrape(void *owner)
{
    struct primary *primary = owner;
    const struct decider *decider;
    uint64_t bytes = 0;

    LIST_FOREACH(decider, &primary->deciders, all)
    {
        bytes += known_ids_bytes(decider->ids);
    }
    metric_set(primary->filter_bytes, (double)bytes);
}

void primary_init(struct primary *primary, const char *topic, struct metrics *metrics)
{
    *primary = (struct primary){
        .topic = topic,
        .json = json_reader_new(&json_limits_default),
        .duplicates = metrics_counter(metrics, "millrace_resends_total", "outcome=\"duplicate\"",
                                      "Events that were sent again; they are not stored."),
        .conflicts = metrics_counter(metrics, "millrace_resends_total", "outcome=\"conflict\"",
                                     "Events that were sent again; they are not stored."),
        .asked = metrics_counter(metrics, "millrace_ids_asked_total", "",
                                 "Ids that ClickHouse was asked about, as they may not be new."),
        .filter_bytes = metrics_gauge(metrics, "millrace_ids_filter_bytes", "",
                                      "Memory of the filters that know which ids are new."),
    };
    LIST_INIT(&primary->deciders);
    known_ids_line_init(&primary->fillings);
    metrics_on_scrape(metrics, on_scrape, primary);
}

void primary_done(struct primary *primary)
{
    json_reader_free(&primary->json);
    arena_done(&primary->arena);
}
