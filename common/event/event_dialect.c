#include "common/event/event_dialect.h"

const struct event_dialect event_dialect_own = {
    .names =
        {
            [EVENT_MEMBER_ID] = SLICE("event_id"),
            [EVENT_MEMBER_TENANT_ID] = SLICE("tenant_id"),
            [EVENT_MEMBER_ENVIRONMENT_ID] = SLICE("environment_id"),
            [EVENT_MEMBER_EVENT_NAME] = SLICE("event_name"),
            [EVENT_MEMBER_EXTERNAL_CUSTOMER_ID] = SLICE("external_customer_id"),
            [EVENT_MEMBER_CUSTOMER_ID] = SLICE("customer_id"),
            [EVENT_MEMBER_SOURCE] = SLICE("source"),
            [EVENT_MEMBER_TIMESTAMP] = SLICE("timestamp"),
            [EVENT_MEMBER_PROPERTIES] = SLICE("properties"),
        },
    .required =
        EVENT_MEMBER_BIT(EVENT_MEMBER_EVENT_NAME) | EVENT_MEMBER_BIT(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID),
};

/* application/json, or a type that is JSON by its suffix, whatever its parameters. */
static bool is_json_type(struct slice text)
{
    struct slice type;

    (void)slice_cut(&text, ';', &type);
    type = slice_trim(type);
    return slice_equals_ignoring_case(type, SLICE("application/json")) ||
           (type.length > 5 &&
            slice_equals_ignoring_case(slice_from_index(type, type.length - 5), SLICE("+json")));
}

static bool check_cloud(const struct event_members *members, struct event_problem *out_problem)
{
    const struct event_value *version = &members->values[EVENT_MEMBER_VERSION];
    const struct event_value *type = &members->values[EVENT_MEMBER_DATA_TYPE];

    if (!version->is_present || version->kind != JSON_STRING || !slice_equals(version->text, SLICE("1.0")))
        return event_fields_refuse(members, EVENT_MEMBER_VERSION, out_problem, "must be \"1.0\"");
    if (type->is_present && (type->kind != JSON_STRING || !is_json_type(type->text)))
        return event_fields_refuse(members, EVENT_MEMBER_DATA_TYPE, out_problem, "must be application/json");
    return !members->values[EVENT_MEMBER_DATA_BASE64].is_present ||
           event_fields_refuse(members, EVENT_MEMBER_DATA_BASE64, out_problem,
                               "is not taken: send a JSON object as data");
}

const struct event_dialect event_dialect_cloud = {
    .names =
        {
            [EVENT_MEMBER_VERSION] = SLICE("specversion"),
            [EVENT_MEMBER_ID] = SLICE("id"),
            [EVENT_MEMBER_EVENT_NAME] = SLICE("type"),
            [EVENT_MEMBER_EXTERNAL_CUSTOMER_ID] = SLICE("subject"),
            [EVENT_MEMBER_SOURCE] = SLICE("source"),
            [EVENT_MEMBER_TIMESTAMP] = SLICE("time"),
            [EVENT_MEMBER_DATA_TYPE] = SLICE("datacontenttype"),
            [EVENT_MEMBER_DATA_BASE64] = SLICE("data_base64"),
            [EVENT_MEMBER_PROPERTIES] = SLICE("data"),
        },
    .required = EVENT_MEMBER_BIT(EVENT_MEMBER_ID) | EVENT_MEMBER_BIT(EVENT_MEMBER_EVENT_NAME) |
                EVENT_MEMBER_BIT(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID) | EVENT_MEMBER_BIT(EVENT_MEMBER_SOURCE),
    .check = check_cloud,
};

const struct event_dialect event_dialect_declared = {
    .names =
        {
            [EVENT_MEMBER_ID] = SLICE("eventId"),
            [EVENT_MEMBER_EVENT_NAME] = SLICE("eventType"),
            [EVENT_MEMBER_EXTERNAL_CUSTOMER_ID] = SLICE("userId"),
            [EVENT_MEMBER_TIMESTAMP] = SLICE("eventTimestamp"),
            [EVENT_MEMBER_BRAND_ID] = SLICE("brandId"),
            [EVENT_MEMBER_METADATA] = SLICE("metadata"),
            [EVENT_MEMBER_PROPERTIES] = SLICE("payload"),
        },
    .required =
        EVENT_MEMBER_BIT(EVENT_MEMBER_EXTERNAL_CUSTOMER_ID) | EVENT_MEMBER_BIT(EVENT_MEMBER_PROPERTIES),
};
