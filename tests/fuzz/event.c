/*
 * From a request to Kafka and on to ClickHouse: whatever the form, each event that is taken becomes a record
 * that reads back as the very same event and has a row. The first byte is the form, its highest bit an
 * Idempotency-Key.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lib/record_check.h"

#include "common/event/event_declared.h"
#include "common/event/event_request.h"

/* 2026-11-21T12:00:00Z */
#define NOW_US INT64_C(1795262400000000)

struct taken {
    struct event_reader reader; /* another than that of the request, which is in use meanwhile */
    enum event_form form;
    uint32_t count; /* of events and problems */
    bool has_stem;
};

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)owner;
    (void)token;
    (void)err;
    return true;
}

static void check_declared(struct json_reader *json, const struct event *event)
{
    AUTO_BUF value = {0};
    struct err err;

    event_declared_write(&value, event);
    EXPECT(json_read(json, buf_slice(&value), on_token, NULL, &err));
}

static void on_event(void *owner, uint32_t index, const struct event *event)
{
    struct taken *taken = owner;

    EXPECT(index == taken->count++ && index < EVENT_BULK_MAX);
    EXPECT(!taken->has_stem || !event->id_was_made);
    EXPECT(event->timestamp_us <= NOW_US + INT64_C(3600000000) && event->ingested_at_us == NOW_US);
    arena_reset(taken->reader.arena);
    if (taken->form == EVENT_FORM_DECLARED)
        check_declared(taken->reader.json, event);
    else
        record_check(&taken->reader, event);
}

static void check_problem(const struct event_problem *problem)
{
    EXPECT(problem->text[0] != '\0' && memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
    EXPECT(memchr(problem->field, '\0', sizeof(problem->field)) != NULL);
}

static void on_problem(void *owner, uint32_t index, const struct event_problem *problem)
{
    struct taken *taken = owner;

    EXPECT(index == taken->count++ && index < EVENT_BULK_MAX);
    check_problem(problem);
}

static void read_request(struct slice body, struct taken *taken)
{
    struct arena arena = {0};
    struct event_reader reader = {json_reader_new(&json_limits_default), &arena};
    const struct event_sink sink = {on_event, on_problem, taken};
    struct event_origin origin = {
        .tenant_id = SLICE("acme"),
        .environment_id = SLICE("live"),
        .now_us = NOW_US,
        .bounds = {.future_ms = 3600000, .past_ms = 400 * UINT64_C(86400000)},
        .event_name = SLICE("a.topic.v1"),
    };
    struct event_problem problem;
    char stem[EVENT_ID_STEM_BYTES];

    if (taken->has_stem) {
        event_id_stem(origin.tenant_id, origin.environment_id, SLICE("key"), stem);
        origin.id_stem = slice_from(stem);
    }
    if (event_request_read(&reader, body, taken->form, &origin, &sink, &problem))
        EXPECT(taken->count >= 1 && (event_form_is_bulk(taken->form) || taken->count == 1));
    else
        check_problem(&problem);
    json_reader_free(&reader.json);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct taken taken = {.reader = {json_reader_new(&json_limits_default), &arena}};

    if (size > 0) {
        taken.has_stem = (data[0] & 0x80) != 0;
        taken.form = data[0] % (EVENT_FORM_DECLARED + 1);
        read_request(slice_of(data + 1, size - 1), &taken);
    }
    json_reader_free(&taken.reader.json);
    arena_done(&arena);
    return 0;
}
