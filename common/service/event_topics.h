/*
 * event_topics.h - the declared event types: topics of the configuration (kafka.event_topics) that ingest
 * takes events for, beside the topic of usage events. Pure.
 */
#ifndef MILLRACE_EVENT_TOPICS_H
#define MILLRACE_EVENT_TOPICS_H

#include "common/base/err.h"
#include "common/base/slice.h"
#include "common/service/settings.h"

enum { EVENT_TOPICS_MAX = 100 };

struct event_topic_config {
    char *topic;
    char *tenants; /* tenant ids separated by commas, whose keys may write it; "": all */
};

struct event_topics_config {
    struct event_topic_config *items;
    size_t count;
};

/* Adds one item of the list to the struct event_topics_config at `target`. */
bool event_topics_parse(void *target, const struct settings_item *item, struct err *err);
void event_topics_clear(struct event_topics_config *types);

/* NULL: not declared. */
const struct event_topic_config *event_topics_find(const struct event_topics_config *types,
                                                   struct slice topic);

/* Whether keys of the tenant may write it. */
bool event_topic_allows(const struct event_topic_config *topic, struct slice tenant_id);

#endif
