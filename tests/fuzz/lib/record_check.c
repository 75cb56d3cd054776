#include "tests/fuzz/lib/record_check.h"

#include "consumer-primary/event_row.h"
#include "tests/fuzz/fuzz.h"

static void check_same(const struct event *a, const struct event *b)
{
    EXPECT(slice_equals(a->id, b->id));
    EXPECT(slice_equals(a->tenant_id, b->tenant_id));
    EXPECT(slice_equals(a->environment_id, b->environment_id));
    EXPECT(slice_equals(a->event_name, b->event_name));
    EXPECT(slice_equals(a->external_customer_id, b->external_customer_id));
    EXPECT(slice_equals(a->customer_id, b->customer_id));
    EXPECT(slice_equals(a->source, b->source));
    EXPECT(slice_equals(a->properties, b->properties));
    EXPECT(a->timestamp_us == b->timestamp_us && a->ingested_at_us == b->ingested_at_us);
    EXPECT(memcmp(a->content_hash, b->content_hash, sizeof(a->content_hash)) == 0);
    EXPECT(a->id_was_made == b->id_was_made);
}

static void write_row(struct buf *out, const struct event *event)
{
    const struct batch_record source = {.epoch = 1};

    event_row_write(out, event, &source);
}

void record_check(const struct event_reader *reader, const struct event *event)
{
    AUTO_BUF record = {0};
    AUTO_BUF record_again = {0};
    AUTO_BUF row = {0};
    AUTO_BUF row_again = {0};
    char key[EVENT_KEY_MAX_BYTES];
    struct event once, twice;
    struct err err;

    event_record_write(&record, event);
    EXPECT(event_record_read(reader, buf_slice(&record), &once, &err));
    check_same(event, &once);
    event_record_write(&record_again, &once);
    EXPECT(slice_equals(buf_slice(&record), buf_slice(&record_again)));
    EXPECT(event_record_read(reader, buf_slice(&record_again), &twice, &err));
    EXPECT(event_key_write(&once, key) <= sizeof(key));
    write_row(&row, &once);
    write_row(&row_again, &twice);
    EXPECT(slice_equals(buf_slice(&row), buf_slice(&row_again)));
}
