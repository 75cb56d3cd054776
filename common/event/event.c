#include "common/event/event.h"

#include "common/base/bug.h"

#include <endian.h>

static char *put(char *out, struct slice part)
{
    if (part.length > 0)
        memcpy(out, part.data, part.length);
    return out + part.length;
}

bool event_is_tenant_id(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f || text.data[i] == ':')
            return false;
    }
    return text.length > 0 && text.length <= EVENT_TENANT_MAX_BYTES;
}

uint64_t event_identity(const struct event *event)
{
    const struct slice parts[] = {event->tenant_id, event->environment_id, event->external_customer_id,
                                  event->id};
    unsigned char hash[DIGEST_128_BYTES];
    uint64_t big;

    digest_parts(parts, sizeof(parts) / sizeof(parts[0]), hash);
    memcpy(&big, hash, sizeof(big));
    return be64toh(big);
}

bool event_is_same(const struct event *a, const struct event *b)
{
    return slice_equals(a->tenant_id, b->tenant_id) && slice_equals(a->environment_id, b->environment_id) &&
           slice_equals(a->external_customer_id, b->external_customer_id) && slice_equals(a->id, b->id);
}

size_t event_key_write(const struct event *event, char out[EVENT_KEY_MAX_BYTES])
{
    BUG_ON(event->tenant_id.length > EVENT_TENANT_MAX_BYTES ||
           event->environment_id.length > EVENT_TENANT_MAX_BYTES ||
           event->external_customer_id.length > EVENT_CUSTOMER_MAX_BYTES);
    char *end = put(out, event->tenant_id);

    *end++ = ':';
    end = put(end, event->environment_id);
    *end++ = ':';
    end = put(end, event->external_customer_id);
    return (size_t)(end - out);
}
