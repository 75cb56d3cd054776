#include "common/event/event_json.h"

#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"
#include "common/event/event_id.h"
#include "common/event/event_members.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>

static const struct slice request_names[EVENT_MEMBER_COUNT] = {
    [EVENT_MEMBER_ID] = SLICE("event_id"),
    [EVENT_MEMBER_TENANT_ID] = SLICE("tenant_id"),
    [EVENT_MEMBER_ENVIRONMENT_ID] = SLICE("environment_id"),
    [EVENT_MEMBER_EVENT_NAME] = SLICE("event_name"),
    [EVENT_MEMBER_EXTERNAL_CUSTOMER_ID] = SLICE("external_customer_id"),
    [EVENT_MEMBER_CUSTOMER_ID] = SLICE("customer_id"),
    [EVENT_MEMBER_SOURCE] = SLICE("source"),
    [EVENT_MEMBER_TIMESTAMP] = SLICE("timestamp"),
    [EVENT_MEMBER_PROPERTIES] = SLICE("properties"),
};

static const struct slice record_names[EVENT_MEMBER_COUNT] = {
    [EVENT_MEMBER_VERSION] = SLICE("v"),
    [EVENT_MEMBER_ID] = SLICE("id"),
    [EVENT_MEMBER_TENANT_ID] = SLICE("tenant_id"),
    [EVENT_MEMBER_ENVIRONMENT_ID] = SLICE("environment_id"),
    [EVENT_MEMBER_EVENT_NAME] = SLICE("event_name"),
    [EVENT_MEMBER_EXTERNAL_CUSTOMER_ID] = SLICE("external_customer_id"),
    [EVENT_MEMBER_CUSTOMER_ID] = SLICE("customer_id"),
    [EVENT_MEMBER_SOURCE] = SLICE("source"),
    [EVENT_MEMBER_TIMESTAMP] = SLICE("timestamp"),
    [EVENT_MEMBER_INGESTED_AT] = SLICE("ingested_at"),
    [EVENT_MEMBER_CONTENT_HASH] = SLICE("content_hash"),
    [EVENT_MEMBER_MADE] = SLICE("made"),
    [EVENT_MEMBER_PROPERTIES] = SLICE("properties"),
};

/* ---- what requests and records have in common ---- */

/* False, so that a check can end with it. */
static bool __attribute__((format(printf, 4, 5)))
refuse(struct event_problem *problem, const struct event_members *members, enum event_member member,
       const char *format, ...)
{
    struct slice field = member < EVENT_MEMBER_COUNT ? members->names[member] : SLICE("");
    va_list args;

    problem->is_forbidden = false;
    (void)snprintf(problem->field, sizeof(problem->field), "%.*s", SLICE_ARG(field));
    va_start(args, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    return false;
}

enum text_kind {
    TEXT_ANY,
    TEXT_WITHOUT_CONTROLS,
    TEXT_PRINTABLE, /* ASCII, and not blank */
};

struct text_rule {
    enum event_member member;
    size_t offset; /* of the slice in struct event */
    size_t max_bytes;
    bool is_required;
    enum text_kind kind;
};

#define TEXT_RULE(member, field, max_bytes, is_required, kind)                                               \
    {                                                                                                        \
        member, offsetof(struct event, field), max_bytes, is_required, kind                                  \
    }

/* The bounds of event.h. */
static const struct text_rule text_rules[] = {
    TEXT_RULE(EVENT_MEMBER_EVENT_NAME, event_name, EVENT_NAME_MAX_BYTES, true, TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID, external_customer_id, EVENT_CUSTOMER_MAX_BYTES, true,
              TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_ID, id, EVENT_ID_MAX_BYTES, false, TEXT_PRINTABLE),
    TEXT_RULE(EVENT_MEMBER_CUSTOMER_ID, customer_id, EVENT_CUSTOMER_MAX_BYTES, false, TEXT_ANY),
    TEXT_RULE(EVENT_MEMBER_SOURCE, source, EVENT_SOURCE_MAX_BYTES, false, TEXT_ANY),
    TEXT_RULE(EVENT_MEMBER_TENANT_ID, tenant_id, EVENT_TENANT_MAX_BYTES, false, TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_ENVIRONMENT_ID, environment_id, EVENT_TENANT_MAX_BYTES, false,
              TEXT_WITHOUT_CONTROLS),
};

static bool is_printable_ascii(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

static bool check_text(const struct event_members *members, const struct text_rule *rule,
                       struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[rule->member];

    if (!value->is_present)
        return !rule->is_required || refuse(out_problem, members, rule->member, "is required");
    if (value->kind != JSON_STRING)
        return refuse(out_problem, members, rule->member, "must be a string");
    if (rule->is_required && slice_is_empty(value->text))
        return refuse(out_problem, members, rule->member, "must not be empty");
    if (value->text.length > rule->max_bytes)
        return refuse(out_problem, members, rule->member, "is longer than %zu bytes", rule->max_bytes);
    if (rule->kind == TEXT_WITHOUT_CONTROLS && utf8_has_control(value->text))
        return refuse(out_problem, members, rule->member, "must not have control characters");
    if (rule->kind == TEXT_PRINTABLE && !is_printable_ascii(value->text))
        return refuse(out_problem, members, rule->member, "must be printable ASCII");
    if (rule->kind == TEXT_PRINTABLE && slice_is_empty(slice_trim(value->text)))
        return refuse(out_problem, members, rule->member, "must not be blank");
    return true;
}

/* All that is text, into the event; what is absent stays empty. */
static bool take_texts(const struct event_members *members, struct event *event,
                       struct event_problem *out_problem)
{
    for (size_t i = 0; i < sizeof(text_rules) / sizeof(text_rules[0]); i++) {
        const struct text_rule *rule = &text_rules[i];
        if (!check_text(members, rule, out_problem))
            return false;
        *(struct slice *)((char *)event + rule->offset) = members->values[rule->member].text;
    }
    return true;
}

static bool take_time(const struct event_members *members, enum event_member member, int64_t *out_us,
                      struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[member];

    if (!value->is_present)
        return refuse(out_problem, members, member, "is required");
    if (value->kind != JSON_STRING || !rfc3339_parse(value->text, out_us))
        return refuse(out_problem, members, member,
                      "must be RFC 3339 with a zone, like 2026-11-21T00:00:00Z");
    return *out_us <= EVENT_TIME_MAX_US ||
           refuse(out_problem, members, member, "is later than the year 2299");
}

static bool take_properties(const struct event_members *members, struct event *event,
                            struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[EVENT_MEMBER_PROPERTIES];

    if (!value->is_present || value->kind != JSON_OBJECT_BEGIN)
        return refuse(out_problem, members, EVENT_MEMBER_PROPERTIES, "must be an object");
    event->properties = value->text;
    return true;
}

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)err;
    event_members_take(owner, token);
    return true;
}

/* ---- requests ---- */

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
        return refuse(out_problem, members, member, "must be a string");
    if (slice_equals(value->text, own))
        return true;
    refuse(out_problem, members, member, "is not the one of this key");
    out_problem->is_forbidden = true;
    return false;
}

static void take_id(const struct event_members *members, int64_t now_us, struct event *event)
{
    char made[EVENT_ID_MADE_BYTES];

    if (!slice_is_empty(event->id))
        return;
    event_id_make((uint64_t)now_us / 1000, made);
    event->id = arena_copy(members->arena, slice_from(made));
    event->id_was_made = true;
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
    char limit[RFC3339_MAX_BYTES];

    if (us < earliest_us) {
        (void)rfc3339_write(earliest_us, limit);
        return refuse(out_problem, members, EVENT_MEMBER_TIMESTAMP, "must not be earlier than %s", limit);
    }
    if (us > latest_us) {
        (void)rfc3339_write(latest_us, limit);
        return refuse(out_problem, members, EVENT_MEMBER_TIMESTAMP, "must not be later than %s", limit);
    }
    return true;
}

static bool take_timestamp(const struct event_members *members, const struct event_origin *origin,
                           struct event *event, struct event_problem *out_problem)
{
    event->timestamp_us = origin->now_us;
    if (!members->values[EVENT_MEMBER_TIMESTAMP].is_present)
        return true;
    return take_time(members, EVENT_MEMBER_TIMESTAMP, &event->timestamp_us, out_problem) &&
           check_bounds(members, origin, event->timestamp_us, out_problem);
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

/* The members of one whole event object, judged and completed. */
static bool finish_request(struct event_members *members, const struct event_origin *origin,
                           struct event *out_event, struct event_problem *out_problem)
{
    struct event event = {.ingested_at_us = origin->now_us, .properties = SLICE("{}")};

    if (!members->is_object)
        return refuse(out_problem, members, EVENT_MEMBER_COUNT, "an event must be a JSON object");
    forget_empty(members);
    if (!check_owner(members, EVENT_MEMBER_TENANT_ID, origin->tenant_id, out_problem) ||
        !check_owner(members, EVENT_MEMBER_ENVIRONMENT_ID, origin->environment_id, out_problem) ||
        !take_texts(members, &event, out_problem) || !take_timestamp(members, origin, &event, out_problem))
        return false;
    if (members->values[EVENT_MEMBER_PROPERTIES].is_present && !take_properties(members, &event, out_problem))
        return false;
    event.tenant_id = origin->tenant_id;
    event.environment_id = origin->environment_id;
    take_id(members, origin->now_us, &event);
    hash_content(members, &event);
    *out_event = event;
    return true;
}

bool event_request_read(const struct event_reader *reader, struct slice body,
                        const struct event_origin *origin, struct event *out_event,
                        struct event_problem *out_problem)
{
    struct event_members members;
    struct err err;

    event_members_init(&members, request_names, body, reader->arena, 0);
    if (!json_read(reader->json, body, on_token, &members, &err))
        return refuse(out_problem, &members, EVENT_MEMBER_COUNT, "%s", err.text);
    return finish_request(&members, origin, out_event, out_problem);
}

/* ---- records ---- */

static void write_time(struct buf *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX_BYTES];
    size_t length = rfc3339_write(us, text);

    json_write_member(out, name, slice_of(text, length));
}

void event_record_write(struct buf *out, const struct event *event)
{
    char hash[DIGEST_128_HEX_BYTES];

    digest_to_hex(slice_of(event->content_hash, sizeof(event->content_hash)), hash);
    buf_append_text(out, "{\"v\":1");
    json_write_member(out, "id", event->id);
    json_write_member(out, "tenant_id", event->tenant_id);
    json_write_member(out, "environment_id", event->environment_id);
    json_write_member(out, "event_name", event->event_name);
    json_write_member(out, "external_customer_id", event->external_customer_id);
    json_write_member(out, "customer_id", event->customer_id);
    json_write_member(out, "source", event->source);
    write_time(out, "timestamp", event->timestamp_us);
    write_time(out, "ingested_at", event->ingested_at_us);
    json_write_member(out, "content_hash", slice_from(hash));
    if (event->id_was_made)
        json_write_raw_member(out, "made", SLICE("true"));
    json_write_raw_member(out, "properties", event->properties);
    buf_append_byte(out, '}');
}

static bool check_version(const struct event_members *members, struct event_problem *out_problem)
{
    const struct event_value *version = &members->values[EVENT_MEMBER_VERSION];

    if (!version->is_present || version->kind != JSON_NUMBER)
        return refuse(out_problem, members, EVENT_MEMBER_VERSION, "must be the version of the format");
    return slice_equals(version->text, SLICE("1")) ||
           refuse(out_problem, members, EVENT_MEMBER_VERSION, "is %.*s, only version 1 is known",
                  SLICE_ARG(version->text));
}

/* What every record has, though a request need not. */
static bool check_identity(const struct event *event, const struct event_members *members,
                           struct event_problem *out_problem)
{
    if (slice_is_empty(event->id))
        return refuse(out_problem, members, EVENT_MEMBER_ID, "is required");
    if (slice_is_empty(event->tenant_id))
        return refuse(out_problem, members, EVENT_MEMBER_TENANT_ID, "is required");
    return !slice_is_empty(event->environment_id) ||
           refuse(out_problem, members, EVENT_MEMBER_ENVIRONMENT_ID, "is required");
}

static bool take_hash(const struct event_members *members, struct event *event,
                      struct event_problem *out_problem)
{
    const struct event_value *hash = &members->values[EVENT_MEMBER_CONTENT_HASH];
    const struct event_value *made = &members->values[EVENT_MEMBER_MADE];

    if (!hash->is_present || hash->kind != JSON_STRING ||
        !digest_from_hex(hash->text, event->content_hash, sizeof(event->content_hash)))
        return refuse(out_problem, members, EVENT_MEMBER_CONTENT_HASH, "must be 32 hexadecimal digits");
    event->id_was_made = made->is_present;
    return !made->is_present || made->kind == JSON_TRUE ||
           refuse(out_problem, members, EVENT_MEMBER_MADE, "must be true or absent");
}

static bool finish_record(const struct event_members *members, struct event *event,
                          struct event_problem *out_problem)
{
    if (!members->is_object)
        return refuse(out_problem, members, EVENT_MEMBER_COUNT, "a record must be a JSON object");
    return check_version(members, out_problem) && take_texts(members, event, out_problem) &&
           check_identity(event, members, out_problem) &&
           take_time(members, EVENT_MEMBER_TIMESTAMP, &event->timestamp_us, out_problem) &&
           take_time(members, EVENT_MEMBER_INGESTED_AT, &event->ingested_at_us, out_problem) &&
           take_hash(members, event, out_problem) && take_properties(members, event, out_problem);
}

static bool on_property_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)err;
    if (token->depth > 0)
        event_exact_take(owner, token);
    return true;
}

/* Numbers that ClickHouse would change were collected on the way; one that makes it blind to the whole
 * object is so rare that the properties are then read again. */
static bool take_exact(const struct event_reader *reader, const struct event_exact_list *changed,
                       struct event *event, struct err *err)
{
    struct event_exact_list all = {.arena = reader->arena, .takes_all = true};
    const struct event_exact_list *list = changed;

    if (changed->is_unreadable) {
        if (!json_read(reader->json, event->properties, on_property_token, &all, err))
            return false;
        list = &all;
    }
    event->exact = list->items;
    event->exact_count = list->count;
    return true;
}

bool event_record_read(const struct event_reader *reader, struct slice value, struct event *out_event,
                       struct err *err)
{
    struct event_members members;
    struct event_problem problem;
    struct event event = {0};

    event_members_init(&members, record_names, value, reader->arena, 0);
    members.wants_exact = true;
    if (!json_read(reader->json, value, on_token, &members, err))
        return false;
    if (!finish_record(&members, &event, &problem)) {
        err_set(err, ERR_REJECT, "%s%s%s", problem.field, problem.field[0] != '\0' ? " " : "", problem.text);
        return false;
    }
    if (!take_exact(reader, &members.exact, &event, err))
        return false;
    *out_event = event;
    return true;
}
