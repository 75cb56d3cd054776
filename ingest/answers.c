#include "ingest/answers.h"

#include "common/base/bug.h"
#include "common/codec/json_write.h"

#include <inttypes.h>
#include <stdarg.h>

static void __attribute__((format(printf, 3, 4)))
refuse(struct answer_refusal *refusal, enum http_error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* cppcheck-suppress ctuuninitvar ; it is written here */
    (void)vsnprintf(refusal->message, sizeof(refusal->message), format, args);
    va_end(args);
    refusal->error = (struct http_error){.code = code, .message = refusal->message};
}

/* ---- ids ---- */

/* ["a",null,"c"]: by index in the request, null for one that could not be taken. */
static void write_ids(struct buf *out, const struct submission *submission)
{
    uint32_t size = submission_size(submission);
    const struct submission_event *event = submission->events;

    for (uint32_t index = 0; index < size; index++) {
        buf_append_byte(out, index == 0 ? '[' : ',');
        if (event < submission->events + submission->event_count && event->index == index)
            json_write_string(out, submission_id(event++));
        else
            buf_append_text(out, "null");
    }
    buf_append_byte(out, ']');
}

/* "event_id":"..." or "event_ids":[...]. */
static void write_id_members(struct buf *out, const struct submission *submission)
{
    if (!event_form_is_bulk(submission->form)) {
        json_write_member(out, "event_id", submission_id(&submission->events[0]));
        return;
    }
    json_write_raw_member(out, "event_ids", SLICE(""));
    write_ids(out, submission);
}

static void write_errors_member(struct buf *out, const struct submission_errors *errors)
{
    json_write_raw_member(out, "errors", SLICE("["));
    buf_append_slice(out, buf_slice(&errors->json));
    buf_append_byte(out, ']');
}

void answer_write_accepted(struct buf *out, const struct submission *submission)
{
    bool is_bulk = event_form_is_bulk(submission->form);

    buf_append_byte(out, '{');
    json_write_member(out, "message",
                      is_bulk ? SLICE("Events accepted for processing")
                              : SLICE("Event accepted for processing"));
    if (!is_bulk || submission->names_ids || submission->is_lenient)
        write_id_members(out, submission);
    if (submission->errors.count > 0)
        write_errors_member(out, &submission->errors);
    buf_append_byte(out, '}');
}

/* ---- what is wrong with the request ---- */

static enum http_error_code code_of(enum event_problem_kind kind)
{
    switch (kind) {
    case EVENT_PROBLEM_FORBIDDEN:
        return HTTP_ERROR_PERMISSION_DENIED;
    case EVENT_PROBLEM_TOO_LARGE:
        return HTTP_ERROR_PAYLOAD_TOO_LARGE;
    case EVENT_PROBLEM_INVALID:
        break;
    }
    return HTTP_ERROR_VALIDATION;
}

void answer_problem(const struct event_problem *problem, struct answer_refusal *out_refusal)
{
    bool has_field = problem->field[0] != '\0';

    refuse(out_refusal, code_of(problem->kind), "%s%s%s", problem->field, has_field ? " " : "",
           problem->text);
    if (has_field) {
        out_refusal->error.detail_field = problem->field;
        out_refusal->error.detail_text = problem->text;
    }
}

void answer_bad_events(const struct submission *submission, struct buf *details,
                       struct answer_refusal *out_refusal)
{
    const struct submission_errors *errors = &submission->errors;
    const struct event_problem *first = &errors->first;

    if (!event_form_is_bulk(submission->form)) {
        answer_problem(first, out_refusal);
        return;
    }
    refuse(out_refusal, errors->has_forbidden ? HTTP_ERROR_PERMISSION_DENIED : HTTP_ERROR_VALIDATION,
           "%u of %u events can't be taken, so none was stored; the first is event %u: %s%s%s", errors->count,
           submission_size(submission), errors->first_index, first->field, first->field[0] != '\0' ? " " : "",
           first->text);
    buf_append_byte(details, '{');
    write_errors_member(details, errors);
    buf_append_byte(details, '}');
    out_refusal->error.details_json = buf_slice(details);
}

void answer_no_type(struct slice topic, struct answer_refusal *out_refusal)
{
    refuse(out_refusal, HTTP_ERROR_NOT_FOUND, "%.*s is no declared event type (kafka.event_topics)",
           SLICE_ARG(topic));
}

void answer_not_allowed(const char *topic, struct answer_refusal *out_refusal)
{
    refuse(out_refusal, HTTP_ERROR_PERMISSION_DENIED, "this key may not write to the topic %s", topic);
}

/* ---- what is wrong with the system ---- */

static void refuse_rate(struct answer_refusal *refusal, const char *setting, uint64_t per_s, uint32_t retry_s)
{
    refuse(refusal, HTTP_ERROR_TOO_MANY_REQUESTS,
           "this key sends more than %s = %" PRIu64 ": nothing was stored, send it again after %u s", setting,
           per_s, retry_s);
    refusal->error.detail_field = setting;
    refusal->error.detail_text = "is the limit of each key";
}

void answer_over_quota(enum quota_answer answer, const struct quota_limits *limits, uint32_t retry_s,
                       struct answer_refusal *out_refusal)
{
    switch (answer) {
    case QUOTA_EVENTS:
        refuse_rate(out_refusal, "ingest.key_events_per_second", limits->events_per_s, retry_s);
        return;
    case QUOTA_BYTES:
        refuse_rate(out_refusal, "ingest.key_bytes_per_second", limits->bytes_per_s, retry_s);
        return;
    case QUOTA_SHARE:
        refuse(out_refusal, HTTP_ERROR_TOO_MANY_REQUESTS,
               "this key has half of the %" PRIu64
               " bytes (ingest.in_flight_max) that may wait for Kafka, and "
               "others want some: nothing was stored, send it again",
               limits->in_flight_max_bytes);
        out_refusal->error.detail_field = "ingest.in_flight_max";
        out_refusal->error.detail_text = "half of it is the limit of each key while others want some";
        return;
    case QUOTA_FULL:
        refuse(out_refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
               "events of %" PRIu64 " bytes (ingest.in_flight_max) wait for Kafka: nothing was stored, "
               "send it again",
               limits->in_flight_max_bytes);
        return;
    case QUOTA_GOOD:
    case QUOTA_ANSWER_COUNT:
        break;
    }
    BUG("answer %d", (int)answer);
}

/* Whether any of the events is stored, or nobody knows. */
static bool may_be_stored(const struct submission *submission)
{
    return submission->fate.failed_count < submission->event_count || submission->fate.unknown_count > 0;
}

/* Kafka refuses the events themselves, and none of them is stored: another try would not help. */
static bool refuse_own_fault(const struct submission *submission, struct answer_refusal *refusal)
{
    const struct submission_fate *fate = &submission->fate;
    const char *reason = fate->failure.err.text;

    if (may_be_stored(submission))
        return false;
    if (fate->failure.fault == KAFKA_FAULT_TOO_LARGE) {
        refuse(refusal, HTTP_ERROR_PAYLOAD_TOO_LARGE,
               "the event is larger than Kafka's limit (message.max.bytes): %s", reason);
        return true;
    }
    if (fate->failure.fault == KAFKA_FAULT_INVALID) {
        refuse(refusal, HTTP_ERROR_VALIDATION, "Kafka does not take this event: %s", reason);
        return true;
    }
    return false;
}

static void refuse_one(const struct submission_fate *fate, struct answer_refusal *refusal)
{
    const char *reason = fate->failure.err.text;

    if (fate->unknown_count > 0)
        refuse(refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
               "nobody knows whether the event was stored; send it again with the same event_id; %s", reason);
    else
        refuse(refusal, HTTP_ERROR_SERVICE_UNAVAILABLE, "the event was not stored; send it again; %s",
               reason);
}

static void refuse_bulk(const struct submission *submission, struct answer_refusal *refusal)
{
    const struct submission_fate *fate = &submission->fate;
    const char *reason = fate->failure.err.text;

    if (may_be_stored(submission))
        refuse(refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
               "only %u of %u events are known to be stored; send all of them again with the same event ids; "
               "%s",
               submission->event_count - fate->failed_count, submission->event_count, reason);
    else
        refuse(refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
               "none of the %u events was stored; send them again; %s", submission->event_count, reason);
}

void answer_not_durable(const struct submission *submission, struct buf *details,
                        struct answer_refusal *out_refusal)
{
    if (refuse_own_fault(submission, out_refusal))
        return;
    if (event_form_is_bulk(submission->form))
        refuse_bulk(submission, out_refusal);
    else
        refuse_one(&submission->fate, out_refusal);
    buf_append_byte(details, '{');
    write_id_members(details, submission);
    buf_append_byte(details, '}');
    out_refusal->error.details_json = buf_slice(details);
}
