#include "common/event/event_request.h"

#include "common/base/bug.h"
#include "common/codec/rfc3339.h"
#include "common/event/event_dialect.h"
#include "common/event/event_id.h"

#include <endian.h>
#include <stdio.h>

/* How a form is laid out. */
struct layout {
    const struct event_dialect *dialect;
    uint32_t depth;   /* at which events stand */
    struct slice key; /* of the array that holds them, in an object; empty: no such object */
};

static const struct layout layouts[] = {
    [EVENT_FORM_ONE] = {&event_dialect_own, 0, {0}},
    [EVENT_FORM_BULK] = {&event_dialect_own, 2, SLICE("events")},
    [EVENT_FORM_CLOUD] = {&event_dialect_cloud, 0, {0}},
    [EVENT_FORM_CLOUD_BULK] = {&event_dialect_cloud, 1, {0}},
    [EVENT_FORM_DECLARED] = {&event_dialect_declared, 0, {0}},
};

bool event_form_is_bulk(enum event_form form)
{
    return layouts[form].depth > 0;
}

const char *event_form_id_name(enum event_form form)
{
    return layouts[form].dialect->names[EVENT_MEMBER_ID].data;
}

void event_id_stem(struct slice tenant_id, struct slice environment_id, struct slice idempotency_key,
                   char out[EVENT_ID_STEM_BYTES])
{
    char hash[DIGEST_SHA256_HEX_BYTES];
    AUTO_BUF text = {0};

    /* The first two hold no ':'. */
    buf_printf(&text, "%.*s:%.*s:%.*s", SLICE_ARG(tenant_id), SLICE_ARG(environment_id),
               SLICE_ARG(idempotency_key));
    digest_sha256_hex(buf_slice(&text), hash);
    (void)snprintf(out, EVENT_ID_STEM_BYTES, "event_%.32s_", hash);
}

/* ---- one event ---- */

/* null and "" say the same as nothing. */
static void forget_empty(struct event_members *members)
{
    for (size_t i = 0; i < EVENT_MEMBER_COUNT; i++) {
        struct event_value *value = &members->values[i];
        bool is_empty =
            value->kind == JSON_NULL || (value->kind == JSON_STRING && slice_is_empty(value->text));
        if (value->is_present && is_empty)
            *value = (struct event_value){0};
    }
}

/* Naming one's own tenant is fine, naming another is forbidden. */
static bool check_owner(const struct event_members *members, enum event_member member, struct slice own,
                        struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[member];

    if (!value->is_present)
        return true;
    if (value->kind != JSON_STRING)
        return event_fields_refuse(members, member, out_problem, "must be a string");
    if (slice_equals(value->text, own))
        return true;
    event_fields_refuse(members, member, out_problem, "is not the one of this key");
    out_problem->kind = EVENT_PROBLEM_FORBIDDEN;
    return false;
}

static int64_t saturated_us(uint64_t ms)
{
    return ms > EVENT_TIME_MAX_US / 1000 ? EVENT_TIME_MAX_US : (int64_t)ms * 1000;
}

static bool check_bounds(const struct event_members *members, const struct event_origin *origin, int64_t us,
                         struct event_problem *out_problem)
{
    int64_t earliest_us = origin->now_us - saturated_us(origin->bounds.past_ms);
    int64_t latest_us = origin->now_us + saturated_us(origin->bounds.future_ms);
    bool is_early = us < earliest_us;
    char limit[RFC3339_MAX_BYTES];

    if (!is_early && us <= latest_us)
        return true;
    (void)rfc3339_write(is_early ? earliest_us : latest_us, limit);
    return event_fields_refuse(members, EVENT_MEMBER_TIMESTAMP, out_problem, "must not be %s than %s",
                               is_early ? "earlier" : "later", limit);
}

static bool take_timestamp(const struct event_members *members, const struct event_origin *origin,
                           struct event *event, struct event_problem *out_problem)
{
    event->timestamp_us = origin->now_us;
    if (!members->values[EVENT_MEMBER_TIMESTAMP].is_present)
        return true;
    return event_fields_take_time(members, EVENT_MEMBER_TIMESTAMP, &event->timestamp_us, out_problem) &&
           check_bounds(members, origin, event->timestamp_us, out_problem);
}

static bool take_object(const struct event_members *members, enum event_member member, unsigned required,
                        struct slice *out_object, struct event_problem *out_problem)
{
    bool is_required = (required & EVENT_MEMBER_BIT(member)) != 0;

    if (members->values[member].is_present)
        return event_fields_take_object(members, member, out_object, out_problem);
    return !is_required || event_fields_refuse(members, member, out_problem, "is required");
}

/* Over what the client sent: what was filled in here differs from one sending to the next. */
static void hash_content(const struct event_members *members, struct event *event)
{
    uint64_t time = htobe64((uint64_t)event->timestamp_us);
    bool was_sent = members->values[EVENT_MEMBER_TIMESTAMP].is_present;
    const struct slice parts[] = {event->event_name,
                                  event->external_customer_id,
                                  event->customer_id,
                                  event->source,
                                  slice_of(&time, was_sent ? sizeof(time) : 0),
                                  event->properties};

    digest_parts(parts, sizeof(parts) / sizeof(parts[0]), event->content_hash);
}

static bool take_fields(const struct event_members *members, const struct event_dialect *dialect,
                        const struct event_origin *origin, struct event *event,
                        struct event_problem *out_problem)
{
    return check_owner(members, EVENT_MEMBER_TENANT_ID, origin->tenant_id, out_problem) &&
           check_owner(members, EVENT_MEMBER_ENVIRONMENT_ID, origin->environment_id, out_problem) &&
           (dialect->check == NULL || dialect->check(members, out_problem)) &&
           event_fields_take_texts(members, dialect->required, event, out_problem) &&
           take_timestamp(members, origin, event, out_problem) &&
           take_object(members, EVENT_MEMBER_METADATA, dialect->required, &event->metadata, out_problem) &&
           take_object(members, EVENT_MEMBER_PROPERTIES, dialect->required, &event->properties, out_problem);
}

/* ---- the document ---- */

/* A request that is being read. */
struct reading {
    const struct event_reader *reader;
    struct slice body;
    const struct layout *layout;
    const struct event_origin *origin;
    const struct event_sink *sink;
    bool is_at_list;      /* behind the list's key */
    bool is_in_list;      /* between its brackets */
    bool is_misshapen;    /* the request is no list, or one too long */
    uint32_t count;       /* events begun */
    struct event_ids ids; /* those that are made */
    struct event_members members;
};

static void take_id(struct reading *reading, uint32_t index, struct event *event)
{
    struct slice stem = reading->origin->id_stem;
    char made[EVENT_ID_STEM_BYTES + 10]; /* room for any index */

    if (!slice_is_empty(event->id))
        return;
    event->id_was_made = slice_is_empty(stem);
    if (event->id_was_made)
        event_ids_next(&reading->ids, made);
    else
        (void)snprintf(made, sizeof(made), "%.*s%u", SLICE_ARG(stem), index);
    event->id = arena_copy(reading->reader->arena, slice_from(made));
}

/* The members of one whole event, judged and completed. */
static void finish_event(struct reading *reading)
{
    const struct event_sink *sink = reading->sink;
    const struct event_origin *origin = reading->origin;
    struct event_members *members = &reading->members;
    struct event event = {
        .ingested_at_us = origin->now_us, .properties = SLICE("{}"), .metadata = SLICE("{}")};
    uint32_t index = reading->count - 1;
    struct event_problem problem;

    forget_empty(members);
    if (!members->is_object) {
        event_problem_set(&problem, "", "an event must be a JSON object");
        sink->on_problem(sink->owner, index, &problem);
        return;
    }
    if (!take_fields(members, reading->layout->dialect, origin, &event, &problem)) {
        sink->on_problem(sink->owner, index, &problem);
        return;
    }
    event.tenant_id = origin->tenant_id;
    event.environment_id = origin->environment_id;
    if (slice_is_empty(event.event_name))
        event.event_name = origin->event_name;
    take_id(reading, index, &event);
    hash_content(members, &event);
    sink->on_event(sink->owner, index, &event);
}

static bool is_end(const struct json_token *token)
{
    return token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END;
}

static bool is_begin(const struct json_token *token)
{
    return token->kind == JSON_OBJECT_BEGIN || token->kind == JSON_ARRAY_BEGIN;
}

/* False, so that reading ends: the request is no list of 1 to EVENT_BULK_MAX events. */
static bool refuse_shape(struct reading *reading, struct err *err)
{
    reading->is_misshapen = true;
    err_set(err, ERR_REJECT, "no list of events");
    return false;
}

/* A token of an event, from its BEGIN to its END. */
static bool take_event_token(struct reading *reading, const struct json_token *token, struct err *err)
{
    bool is_own = token->depth == reading->layout->depth;

    if (is_own && !is_end(token)) {
        if (reading->count == EVENT_BULK_MAX)
            return refuse_shape(reading, err);
        reading->count++;
        arena_reset(reading->reader->arena);
        event_members_init(&reading->members, reading->layout->dialect->names, reading->body,
                           reading->reader->arena, token->depth);
    }
    event_members_take(&reading->members, token);
    if (is_own && !is_begin(token))
        finish_event(reading);
    return true;
}

/* A token around the events: of the list, or of the object that holds it. */
static bool take_outer_token(struct reading *reading, const struct json_token *token, struct err *err)
{
    bool is_in_object = !slice_is_empty(reading->layout->key);

    if (is_in_object && token->depth == 0)
        return token->kind == JSON_OBJECT_BEGIN || is_end(token) || refuse_shape(reading, err);
    if (token->depth + 1 != reading->layout->depth)
        return true;
    if (token->kind == JSON_KEY) {
        reading->is_at_list = slice_equals(token->text, reading->layout->key);
        return true;
    }
    if (is_in_object && !reading->is_at_list)
        return true;
    reading->is_in_list = token->kind == JSON_ARRAY_BEGIN;
    return reading->is_in_list || is_end(token) || refuse_shape(reading, err);
}

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    struct reading *reading = owner;
    uint32_t depth = reading->layout->depth;

    if (depth == 0 || (reading->is_in_list && token->depth >= depth))
        return take_event_token(reading, token, err);
    return take_outer_token(reading, token, err);
}

bool event_request_read(const struct event_reader *reader, struct slice body, enum event_form form,
                        const struct event_origin *origin, const struct event_sink *sink,
                        struct event_problem *out_problem)
{
    struct reading reading = {
        .reader = reader,
        .body = body,
        .layout = &layouts[form],
        .origin = origin,
        .sink = sink,
        .ids = {.unix_ms = (uint64_t)origin->now_us / 1000},
    };
    bool is_in_object = !slice_is_empty(layouts[form].key);
    struct err err;

    if (!json_read(reader->json, body, on_token, &reading, &err) && !reading.is_misshapen)
        return event_problem_set(out_problem, "", "%s", err.text);
    return (!reading.is_misshapen && reading.count > 0) ||
           event_problem_set(out_problem, is_in_object ? layouts[form].key.data : "",
                             "%smust be an array of 1 to %d events", is_in_object ? "" : "a batch ",
                             EVENT_BULK_MAX);
}
