#include "ingest/submit.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/event/envelope.h"
#include "common/service/api.h"
#include "common/service/metrics.h"
#include "ingest/answers.h"
#include "ingest/submission.h"

#include <stdlib.h>

struct submit {
    struct submit_settings settings;
    struct json_reader *json;
    struct arena arena; /* of the event that is being read */
    struct buf answer;  /* of the event that is being answered */
    struct submission_pool pool;
    struct metric *in_flight;
};

/* ---- the fate of an event ---- */

static void on_settled(struct publication *publication, const struct publish_result *result)
{
    struct submission *submission = (struct submission *)publication;
    struct submit *submit = submission->owner;
    struct answer_refusal refusal;

    if (result->is_durable) {
        buf_clear(&submit->answer);
        answer_write_accepted(&submit->answer, slice_from(submission->event_id));
        http_respond(submission->request, 202, "application/json", buf_slice(&submit->answer));
    } else {
        answer_not_durable(result, submission->event_id, &refusal);
        http_respond_error(submission->request, &refusal.error);
    }
    submission_give_back(&submit->pool, submission);
}

/* ---- from request to record ---- */

static void publish_record(struct submit *submit, const struct event *event, struct submission *submission)
{
    char key[EVENT_KEY_MAX_BYTES];
    char envelope[ENVELOPE_MAX_BYTES];
    uint32_t trace_count;
    struct slice trace = http_request_header(submission->request, "traceparent", &trace_count);
    size_t key_length = event_key_write(event, key);
    size_t envelope_length = envelope_ingest_write(http_request_id(submission->request),
                                                   trace_count == 1 ? trace : SLICE(""), envelope);
    const struct publish_event record = {
        .key = slice_of(key, key_length),
        .value = buf_slice(&submission->record),
        .envelope = slice_of(envelope, envelope_length),
    };

    publish_send(submit->settings.publish, &record, &submission->publication);
}

static void take(struct submit *submit, const struct event *event, struct http_request *request)
{
    struct submission *submission = submission_take(&submit->pool);
    struct answer_refusal refusal;

    event_record_write(&submission->record, event);
    if (submission->record.length > EVENT_RECORD_MAX_BYTES) {
        answer_too_large(submission->record.length, &refusal);
        submission_give_back(&submit->pool, submission);
        http_respond_error(request, &refusal.error);
        return;
    }
    submission->publication.on_settled = on_settled;
    submission->owner = submit;
    submission->request = request;
    memcpy(submission->event_id, event->id.data, event->id.length);
    submission->event_id[event->id.length] = '\0';
    submission_hold(&submit->pool, submission, http_request_body(request).length + submission->record.length);
    publish_record(submit, event, submission);
}

static bool read_event(struct submit *submit, const struct key_identity *identity,
                       struct http_request *request, struct event *out_event)
{
    const struct event_reader reader = {submit->json, &submit->arena};
    const struct event_origin origin = {
        .tenant_id = slice_from(identity->tenant_id),
        .environment_id = slice_from(identity->environment_id),
        .now_us = clock_wall_us(),
        .bounds = submit->settings.bounds,
    };
    struct event_problem problem;
    struct answer_refusal refusal;

    arena_reset(&submit->arena);
    if (event_request_read(&reader, http_request_body(request), &origin, out_event, &problem))
        return true;
    answer_problem(&problem, &refusal);
    http_respond_error(request, &refusal.error);
    return false;
}

void submit_event(struct submit *submit, struct http_request *request)
{
    struct key_identity identity;
    struct answer_refusal refusal;
    struct event event;

    if (!api_identify(submit->settings.api, request, "event:write", &identity))
        return;
    if (submit->pool.held_bytes >= submit->settings.in_flight_max_bytes) {
        answer_full(submit->settings.in_flight_max_bytes, &refusal);
        http_respond_error(request, &refusal.error);
        return;
    }
    if (read_event(submit, &identity, request, &event))
        take(submit, &event, request);
}

/* ---- the whole ---- */

uint64_t submit_in_flight_bytes(const struct submit *submit)
{
    return submit->pool.held_bytes;
}

static void on_scrape(void *owner)
{
    const struct submit *submit = owner;

    metric_set(submit->in_flight, (double)submit->pool.held_bytes);
}

struct submit *submit_new(const struct submit_settings *settings)
{
    struct submit *submit = xcalloc(1, sizeof(*submit));

    submit->settings = *settings;
    submit->json = json_reader_new(&json_limits_default);
    submit->in_flight = metrics_gauge(settings->metrics, "millrace_in_flight_bytes", "",
                                      "Bytes of events that wait for Kafka's acknowledgement.");
    metrics_on_scrape(settings->metrics, on_scrape, submit);
    return submit;
}

void submit_free(struct submit **submit)
{
    if (*submit == NULL)
        return;
    submission_pool_done(&(*submit)->pool);
    json_reader_free(&(*submit)->json);
    arena_done(&(*submit)->arena);
    buf_done(&(*submit)->answer);
    free(*submit);
    *submit = NULL;
}
