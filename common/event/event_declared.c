#include "common/event/event_declared.h"

#include "common/codec/json_write.h"

void event_declared_write(struct buf *out, const struct event *event)
{
    buf_append_text(out, "{\"v\":1");
    json_write_member(out, "eventId", event->id);
    json_write_member(out, "eventType", event->event_name);
    json_write_time_member(out, "eventTimestamp", event->timestamp_us);
    json_write_member(out, "brandId", event->brand_id);
    json_write_member(out, "userId", event->external_customer_id);
    json_write_member(out, "tenantId", event->tenant_id);
    json_write_member(out, "environmentId", event->environment_id);
    json_write_time_member(out, "ingestedAt", event->ingested_at_us);
    json_write_raw_member(out, "metadata", event->metadata);
    json_write_raw_member(out, "payload", event->properties);
    buf_append_byte(out, '}');
}
