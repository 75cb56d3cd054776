#include "common/event/event_declared.h"

#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"

static void write_time(struct buf *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX_BYTES];

    json_write_member(out, name, slice_of(text, rfc3339_write(us, text)));
}

void event_declared_write(struct buf *out, const struct event *event)
{
    buf_append_text(out, "{\"v\":1");
    json_write_member(out, "eventId", event->id);
    json_write_member(out, "eventType", event->event_name);
    write_time(out, "eventTimestamp", event->timestamp_us);
    json_write_member(out, "brandId", event->brand_id);
    json_write_member(out, "userId", event->external_customer_id);
    json_write_member(out, "tenantId", event->tenant_id);
    json_write_member(out, "environmentId", event->environment_id);
    write_time(out, "ingestedAt", event->ingested_at_us);
    json_write_raw_member(out, "metadata", event->metadata);
    json_write_raw_member(out, "payload", event->properties);
    buf_append_byte(out, '}');
}
