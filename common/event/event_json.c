#include "common/event/event_json.h"

#include "common/codec/json_write.h"
#include "common/event/event_fields.h"

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

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)err;
    event_members_take(owner, token);
    return true;
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
    json_write_time_member(out, "timestamp", event->timestamp_us);
    json_write_time_member(out, "ingested_at", event->ingested_at_us);
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
        return event_fields_refuse(members, EVENT_MEMBER_VERSION, out_problem,
                                   "must be the version of the format");
    return slice_equals(version->text, SLICE("1")) ||
           event_fields_refuse(members, EVENT_MEMBER_VERSION, out_problem, "is %.*s, only version 1 is known",
                               SLICE_ARG(version->text));
}

static bool take_hash(const struct event_members *members, struct event *event,
                      struct event_problem *out_problem)
{
    const struct event_value *hash = &members->values[EVENT_MEMBER_CONTENT_HASH];
    const struct event_value *made = &members->values[EVENT_MEMBER_MADE];

    if (!hash->is_present || hash->kind != JSON_STRING ||
        !digest_from_hex(hash->text, event->content_hash, sizeof(event->content_hash)))
        return event_fields_refuse(members, EVENT_MEMBER_CONTENT_HASH, out_problem,
                                   "must be 32 hexadecimal digits");
    event->id_was_made = made->is_present;
    return !made->is_present || made->kind == JSON_TRUE ||
           event_fields_refuse(members, EVENT_MEMBER_MADE, out_problem, "must be true or absent");
}

/* The identity, too, though a request need not have it. */
static const unsigned required =
    EVENT_MEMBER_BIT(EVENT_MEMBER_ID) | EVENT_MEMBER_BIT(EVENT_MEMBER_TENANT_ID) |
    EVENT_MEMBER_BIT(EVENT_MEMBER_ENVIRONMENT_ID) | EVENT_MEMBER_BIT(EVENT_MEMBER_EVENT_NAME) |
    EVENT_MEMBER_BIT(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID);

static bool finish_record(const struct event_members *members, struct event *event,
                          struct event_problem *out_problem)
{
    if (!members->is_object)
        return event_problem_set(out_problem, "", "a record must be a JSON object");
    return check_version(members, out_problem) &&
           event_fields_take_texts(members, required, event, out_problem) &&
           event_fields_take_time(members, EVENT_MEMBER_TIMESTAMP, &event->timestamp_us, out_problem) &&
           event_fields_take_time(members, EVENT_MEMBER_INGESTED_AT, &event->ingested_at_us, out_problem) &&
           take_hash(members, event, out_problem) &&
           event_fields_take_object(members, EVENT_MEMBER_PROPERTIES, &event->properties, out_problem);
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
