#include "ingest/destinations.h"

#include "common/base/alloc.h"
#include "common/service/config.h"
#include "common/service/topic_watch.h"
#include "ingest/publish.h"

#include <stdlib.h>

struct destinations {
    struct destination events;
    size_t declared_count;
    struct destination declared[];
};

struct destinations *destinations_new(struct publish *publish, const struct config *config)
{
    const struct event_topics_config *types = &config->event_topics;
    const struct topic_need events = {config->topics.events, "events are refused", HEALTH_DOWN};
    struct destinations *destinations =
        xcalloc(1, sizeof(*destinations) + types->count * sizeof(destinations->declared[0]));

    destinations->events = (struct destination){publish_add_topic(publish, &events), events.name, NULL};
    destinations->declared_count = types->count;
    for (size_t i = 0; i < types->count; i++) {
        const struct topic_need need = {types->items[i].topic, "events of this type are refused",
                                        HEALTH_DEGRADED};
        destinations->declared[i] =
            (struct destination){publish_add_topic(publish, &need), need.name, &types->items[i]};
    }
    return destinations;
}

void destinations_free(struct destinations **destinations)
{
    free(*destinations);
    *destinations = NULL;
}

const struct destination *destinations_events(const struct destinations *destinations)
{
    return &destinations->events;
}

const struct destination *destinations_find(const struct destinations *destinations, struct slice topic)
{
    for (size_t i = 0; i < destinations->declared_count; i++)
        if (slice_equals_text(topic, destinations->declared[i].name))
            return &destinations->declared[i];
    return NULL;
}

bool destination_allows(const struct destination *destination, struct slice tenant_id)
{
    return destination->declared == NULL || event_topic_allows(destination->declared, tenant_id);
}
