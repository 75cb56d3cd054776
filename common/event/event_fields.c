#include "common/event/event_fields.h"

#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"

#include <stdarg.h>
#include <stdio.h>

bool event_fields_refuse(const struct event_members *members, enum event_member member,
                         struct event_problem *out_problem, const char *format, ...)
{
    char text[EVENT_PROBLEM_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return event_problem_set(out_problem, members->names[member].data, "%s", text);
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
    enum text_kind kind;
};

#define TEXT_RULE(member, field, max_bytes, kind)                                                            \
    {                                                                                                        \
        member, offsetof(struct event, field), max_bytes, kind                                               \
    }

/* The bounds of event.h. */
static const struct text_rule text_rules[] = {
    TEXT_RULE(EVENT_MEMBER_EVENT_NAME, event_name, EVENT_NAME_MAX_BYTES, TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID, external_customer_id, EVENT_CUSTOMER_MAX_BYTES,
              TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_ID, id, EVENT_ID_MAX_BYTES, TEXT_PRINTABLE),
    TEXT_RULE(EVENT_MEMBER_CUSTOMER_ID, customer_id, EVENT_CUSTOMER_MAX_BYTES, TEXT_ANY),
    TEXT_RULE(EVENT_MEMBER_SOURCE, source, EVENT_SOURCE_MAX_BYTES, TEXT_ANY),
    TEXT_RULE(EVENT_MEMBER_TENANT_ID, tenant_id, EVENT_TENANT_MAX_BYTES, TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_ENVIRONMENT_ID, environment_id, EVENT_TENANT_MAX_BYTES, TEXT_WITHOUT_CONTROLS),
    TEXT_RULE(EVENT_MEMBER_BRAND_ID, brand_id, EVENT_BRAND_MAX_BYTES, TEXT_ANY),
};

static bool is_printable_ascii(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

static bool check_kind(const struct event_members *members, const struct text_rule *rule, struct slice text,
                       struct event_problem *out_problem)
{
    if (rule->kind == TEXT_WITHOUT_CONTROLS && utf8_has_control(text))
        return event_fields_refuse(members, rule->member, out_problem, "must not have control characters");
    if (rule->kind == TEXT_PRINTABLE && !is_printable_ascii(text))
        return event_fields_refuse(members, rule->member, out_problem, "must be printable ASCII");
    return rule->kind != TEXT_PRINTABLE || !slice_is_empty(slice_trim(text)) ||
           event_fields_refuse(members, rule->member, out_problem, "must not be blank");
}

/* A text that is not absent, or must not be. */
static bool check_text(const struct event_members *members, const struct text_rule *rule, bool is_required,
                       struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[rule->member];

    if (!value->is_present)
        return event_fields_refuse(members, rule->member, out_problem, "is required");
    if (value->kind != JSON_STRING)
        return event_fields_refuse(members, rule->member, out_problem, "must be a string");
    if (is_required && slice_is_empty(value->text))
        return event_fields_refuse(members, rule->member, out_problem, "is required");
    if (value->text.length > rule->max_bytes)
        return event_fields_refuse(members, rule->member, out_problem, "is longer than %zu bytes",
                                   rule->max_bytes);
    return check_kind(members, rule, value->text, out_problem);
}

bool event_fields_take_texts(const struct event_members *members, unsigned required, struct event *event,
                             struct event_problem *out_problem)
{
    for (size_t i = 0; i < sizeof(text_rules) / sizeof(text_rules[0]); i++) {
        const struct text_rule *rule = &text_rules[i];
        bool is_required = (required & EVENT_MEMBER_BIT(rule->member)) != 0;
        if (!is_required && !members->values[rule->member].is_present)
            continue;
        if (!check_text(members, rule, is_required, out_problem))
            return false;
        *(struct slice *)((char *)event + rule->offset) = members->values[rule->member].text;
    }
    return true;
}

bool event_fields_take_time(const struct event_members *members, enum event_member member, int64_t *out_us,
                            struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[member];

    if (!value->is_present)
        return event_fields_refuse(members, member, out_problem, "is required");
    if (value->kind != JSON_STRING || !rfc3339_parse(value->text, out_us))
        return event_fields_refuse(members, member, out_problem,
                                   "must be RFC 3339 with a zone, like 2026-11-21T00:00:00Z");
    return *out_us <= EVENT_TIME_MAX_US ||
           event_fields_refuse(members, member, out_problem, "is later than the year 2299");
}

bool event_fields_take_object(const struct event_members *members, enum event_member member,
                              struct slice *out_object, struct event_problem *out_problem)
{
    const struct event_value *value = &members->values[member];

    if (!value->is_present || value->kind != JSON_OBJECT_BEGIN)
        return event_fields_refuse(members, member, out_problem, "must be an object");
    *out_object = value->text;
    return true;
}
