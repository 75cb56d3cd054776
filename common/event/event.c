#include "common/event/event.h"

static char *put(char *out, struct slice part)
{
    if (part.length > 0)
        memcpy(out, part.data, part.length);
    return out + part.length;
}

size_t event_key_write(const struct event *event, char out[EVENT_KEY_MAX_BYTES])
{
    char *end = put(out, event->tenant_id);

    *end++ = ':';
    end = put(end, event->environment_id);
    *end++ = ':';
    end = put(end, event->external_customer_id);
    return (size_t)(end - out);
}
