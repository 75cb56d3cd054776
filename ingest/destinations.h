/*
 * destinations.h - where events go: the topic of usage events, and the topics of declared event types. Each
 * is watched by itself, so that one that is missing refuses only its own events. Loop thread only.
 */
#ifndef MILLRACE_DESTINATIONS_H
#define MILLRACE_DESTINATIONS_H

#include "common/base/slice.h"

struct config;
struct destinations;
struct event_topic_config;
struct publish;
struct publish_topic;

struct destination {
    struct publish_topic *topic;
    const char *name;                          /* of the topic */
    const struct event_topic_config *declared; /* NULL: the topic of usage events */
};

/* Adds the topics to publish. Keeps both. */
struct destinations *destinations_new(struct publish *publish, const struct config *config);
void destinations_free(struct destinations **destinations);

const struct destination *destinations_events(const struct destinations *destinations);

/* NULL: no such type is declared. */
const struct destination *destinations_find(const struct destinations *destinations, struct slice topic);

/* Whether keys of the tenant may send events there. */
bool destination_allows(const struct destination *destination, struct slice tenant_id);

#endif
