#include "ingest/submission.h"

#include "common/base/alloc.h"
#include "common/base/slice_set.h"
#include "common/codec/json_write.h"
#include "common/event/event_declared.h"

#include <stdlib.h>

/* At most 40 MiB kept for the next burst. */
enum { UNUSED_MAX = 4096, UNUSED_MAX_BYTES = 8192 };

/* ---- the pool ---- */

static void submission_free(struct submission *submission)
{
    buf_done(&submission->records);
    buf_done(&submission->errors.json);
    free(submission->events);
    free(submission);
}

void submission_pool_done(struct submission_pool *pool)
{
    while (!SLIST_EMPTY(&pool->unused)) {
        struct submission *submission = SLIST_FIRST(&pool->unused);
        SLIST_REMOVE_HEAD(&pool->unused, unused);
        submission_free(submission);
    }
}

struct submission *submission_take(struct submission_pool *pool)
{
    struct submission *submission = SLIST_FIRST(&pool->unused);

    if (submission == NULL)
        return xcalloc(1, sizeof(*submission));
    SLIST_REMOVE_HEAD(&pool->unused, unused);
    pool->unused_count--;
    buf_clear(&submission->records);
    buf_clear(&submission->errors.json);
    submission->errors.count = 0;
    submission->errors.listed_count = 0;
    submission->event_count = 0;
    submission->held_bytes = 0;
    return submission;
}

static size_t kept_bytes(const struct submission *submission)
{
    return submission->records.capacity + submission->errors.json.capacity +
           submission->event_capacity * sizeof(struct submission_event);
}

void submission_give_back(struct submission_pool *pool, struct submission *submission)
{
    if (pool->unused_count == UNUSED_MAX || kept_bytes(submission) > UNUSED_MAX_BYTES) {
        submission_free(submission);
        return;
    }
    SLIST_INSERT_HEAD(&pool->unused, submission, unused);
    pool->unused_count++;
}

size_t submission_bytes(const struct submission *submission)
{
    return submission->records.length + submission->event_count * sizeof(struct submission_event);
}

uint32_t submission_size(const struct submission *submission)
{
    return submission->event_count + submission->errors.count;
}

/* ---- a record's parts ---- */

static struct slice part(const struct submission_event *event, size_t from, size_t length)
{
    return slice_of(event->submission->records.data + event->at + from, length);
}

struct slice submission_key(const struct submission_event *event)
{
    return part(event, 0, event->key_bytes);
}

struct slice submission_id(const struct submission_event *event)
{
    return part(event, event->key_bytes + 1, event->id_bytes);
}

struct slice submission_value(const struct submission_event *event)
{
    return part(event, event->key_bytes + 1 + event->id_bytes, event->value_bytes);
}

/* ---- its events ---- */

void submission_add_error(struct submission *submission, uint32_t index, const struct event_problem *problem)
{
    struct submission_errors *errors = &submission->errors;

    if (errors->count == 0) {
        errors->first = *problem;
        errors->first_index = index;
        errors->has_forbidden = false;
    }
    errors->has_forbidden = errors->has_forbidden || problem->kind == EVENT_PROBLEM_FORBIDDEN;
    errors->count++;
    if (errors->listed_count == errors->listed_max)
        return;
    buf_append_text(&errors->json, errors->listed_count > 0 ? ",{" : "{");
    json_write_i64_member(&errors->json, "index", index);
    json_write_member(&errors->json, "field", slice_from(problem->field));
    json_write_member(&errors->json, "message", slice_from(problem->text));
    buf_append_byte(&errors->json, '}');
    errors->listed_count++;
}

static struct submission_event *add(struct submission *submission)
{
    if (submission->event_count == submission->event_capacity) {
        uint32_t capacity = submission->event_capacity > 0 ? submission->event_capacity * 4 : 1;
        submission->events = xrealloc(submission->events, capacity * sizeof(*submission->events));
        submission->event_capacity = capacity;
    }
    return &submission->events[submission->event_count++];
}

static void write_key(struct buf *records, const struct event *event, bool is_declared)
{
    if (is_declared)
        buf_append_slice(records, event->external_customer_id);
    else
        records->length += event_key_write(event, buf_reserve(records, EVENT_KEY_MAX_BYTES));
}

static void write_value(struct buf *records, const struct event *event, bool is_declared)
{
    if (is_declared)
        event_declared_write(records, event);
    else
        event_record_write(records, event);
}

void submission_add_event(struct submission *submission, uint32_t index, const struct event *event)
{
    bool is_declared = submission->form == EVENT_FORM_DECLARED;
    struct buf *records = &submission->records;
    size_t at = records->length;

    write_key(records, event, is_declared);
    size_t key_bytes = records->length - at;
    buf_append_byte(records, '\0');
    buf_append_slice(records, event->id);
    size_t value_at = records->length;
    write_value(records, event, is_declared);
    size_t value_bytes = records->length - value_at;
    if (value_bytes > EVENT_RECORD_MAX_BYTES) {
        struct event_problem problem;
        records->length = at;
        event_problem_set(&problem, "",
                          "the event takes %zu bytes, more than the limit of %d: shorten its properties",
                          value_bytes, EVENT_RECORD_MAX_BYTES);
        problem.kind = EVENT_PROBLEM_TOO_LARGE;
        submission_add_error(submission, index, &problem);
        return;
    }
    struct submission_event *added = add(submission);
    *added = (struct submission_event){
        .submission = submission,
        .index = index,
        .at = (uint32_t)at,
        .key_bytes = (uint32_t)key_bytes,
        .id_bytes = (uint32_t)event->id.length,
        .value_bytes = (uint32_t)value_bytes,
        .id_was_made = event->id_was_made,
    };
    memcpy(added->content_hash, event->content_hash, sizeof(added->content_hash));
}

/* Customer and id, and the NUL that stands in neither. */
static struct slice identity(const struct submission_event *event)
{
    return part(event, 0, event->key_bytes + 1 + event->id_bytes);
}

/* The first event with this identity; there is one. */
static const struct submission_event *find(const struct submission *submission, struct slice wanted)
{
    const struct submission_event *event = submission->events;

    while (!slice_equals(identity(event), wanted))
        event++;
    return event;
}

static void refuse_id(struct submission *submission, uint32_t index, uint32_t earlier_index)
{
    struct event_problem problem;

    event_problem_set(&problem, event_form_id_name(submission->form),
                      "is that of event %u, which has other content", earlier_index);
    submission_add_error(submission, index, &problem);
}

void submission_check_ids(struct submission *submission, struct slice_set *ids, uint64_t seed)
{
    uint32_t kept_count = 0;

    slice_set_clear(ids);
    for (uint32_t i = 0; i < submission->event_count; i++) {
        const struct submission_event *event = &submission->events[i];
        struct slice own = identity(event);
        if (!event->id_was_made && !slice_set_add(ids, seed, own)) {
            const struct submission_event *earlier = find(submission, own);
            if (memcmp(earlier->content_hash, event->content_hash, sizeof(event->content_hash)) != 0) {
                refuse_id(submission, event->index, earlier->index);
                continue;
            }
        }
        submission->events[kept_count++] = *event;
    }
    submission->event_count = kept_count;
}
