#include "common/service/event_topics.h"

#include "common/base/alloc.h"
#include "common/event/event.h"
#include "common/event/topics.h"
#include "common/service/config_check.h"

#include <stdlib.h>

static bool check_tenants(const char *tenants, struct err *err)
{
    struct slice rest = slice_from(tenants);
    struct slice tenant;

    while (!slice_is_empty(rest)) {
        (void)slice_cut(&rest, ',', &tenant);
        if (event_is_tenant_id(slice_trim(tenant)))
            continue;
        err_set(err, ERR_FATAL, "tenants: \"%.*s\" is no tenant id; write ids, separated by commas",
                tenant.length < 60 ? (int)tenant.length : 60, tenant.data);
        return false;
    }
    return true;
}

static bool check_topic(const struct event_topics_config *types, const char *topic, struct err *err)
{
    size_t length = strlen(topic);
    size_t suffix_length = strlen(TOPIC_DEAD_LETTER_SUFFIX);

    if (!config_check_topic(topic, err)) {
        err_prefix(err, "topic");
        return false;
    }
    if (length > suffix_length && strcmp(topic + length - suffix_length, TOPIC_DEAD_LETTER_SUFFIX) == 0) {
        err_set(err, ERR_FATAL, "topic: \"%s\" is the name of a dead-letter topic: name another", topic);
        return false;
    }
    if (event_topics_find(types, slice_from(topic)) != NULL) {
        err_set(err, ERR_FATAL, "topic: \"%s\" is declared already; remove one of them", topic);
        return false;
    }
    return true;
}

bool event_topics_parse(void *target, const struct settings_item *item, struct err *err)
{
    struct event_topics_config *types = target;
    char *topic = NULL;
    char *tenants = NULL;
    const struct settings_member members[] = {{"topic", &topic}, {"tenants", &tenants}, {NULL, NULL}};

    if (!settings_item_read(item, members, err))
        return false;
    if (types->count == EVENT_TOPICS_MAX) {
        err_set(err, ERR_FATAL, "more than %d topics", EVENT_TOPICS_MAX);
        return false;
    }
    if (!check_topic(types, topic != NULL ? topic : "", err) ||
        !check_tenants(tenants != NULL ? tenants : "", err))
        return false;
    types->items = xrealloc(types->items, (types->count + 1) * sizeof(*types->items));
    types->items[types->count++] = (struct event_topic_config){
        .topic = xstrdup(topic),
        .tenants = xstrdup(tenants != NULL ? tenants : ""),
    };
    return true;
}

void event_topics_clear(struct event_topics_config *types)
{
    for (size_t i = 0; i < types->count; i++) {
        free(types->items[i].topic);
        free(types->items[i].tenants);
    }
    free(types->items);
    *types = (struct event_topics_config){0};
}

const struct event_topic_config *event_topics_find(const struct event_topics_config *types,
                                                   struct slice topic)
{
    for (size_t i = 0; i < types->count; i++)
        if (slice_equals_text(topic, types->items[i].topic))
            return &types->items[i];
    return NULL;
}

bool event_topic_allows(const struct event_topic_config *topic, struct slice tenant_id)
{
    struct slice rest = slice_from(topic->tenants);
    struct slice tenant;

    if (slice_is_empty(rest))
        return true;
    while (!slice_is_empty(rest)) {
        (void)slice_cut(&rest, ',', &tenant);
        if (slice_equals(slice_trim(tenant), tenant_id))
            return true;
    }
    return false;
}
