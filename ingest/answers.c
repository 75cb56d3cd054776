#include "ingest/answers.h"

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

void answer_write_accepted(struct buf *out, struct slice event_id)
{
    buf_append_byte(out, '{');
    json_write_member(out, "message", SLICE("Event accepted for processing"));
    json_write_member(out, "event_id", event_id);
    buf_append_byte(out, '}');
}

void answer_problem(const struct event_problem *problem, struct answer_refusal *out_refusal)
{
    bool has_field = problem->field[0] != '\0';

    refuse(out_refusal, problem->is_forbidden ? HTTP_ERROR_PERMISSION_DENIED : HTTP_ERROR_VALIDATION,
           "%s%s%s", problem->field, has_field ? " " : "", problem->text);
    if (has_field) {
        out_refusal->error.detail_field = problem->field;
        out_refusal->error.detail_text = problem->text;
    }
}

void answer_too_large(size_t record_bytes, struct answer_refusal *out_refusal)
{
    refuse(out_refusal, HTTP_ERROR_PAYLOAD_TOO_LARGE,
           "the event takes %zu bytes, more than the limit of %d: shorten its properties", record_bytes,
           EVENT_RECORD_MAX_BYTES);
}

void answer_full(uint64_t in_flight_max_bytes, struct answer_refusal *out_refusal)
{
    refuse(out_refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
           "events of %" PRIu64 " bytes (ingest.in_flight_max) wait for Kafka: nothing was stored, "
           "send it again",
           in_flight_max_bytes);
}

void answer_not_durable(const struct publish_result *result, const char *event_id,
                        struct answer_refusal *out_refusal)
{
    switch (result->fault) {
    case KAFKA_FAULT_TOO_LARGE:
        refuse(out_refusal, HTTP_ERROR_PAYLOAD_TOO_LARGE,
               "the event is larger than Kafka's limit (message.max.bytes): %s", result->err.text);
        return;
    case KAFKA_FAULT_INVALID:
        refuse(out_refusal, HTTP_ERROR_VALIDATION, "Kafka does not take this event: %s", result->err.text);
        return;
    default:
        break;
    }
    if (result->may_be_durable)
        refuse(out_refusal, HTTP_ERROR_SERVICE_UNAVAILABLE,
               "nobody knows whether the event was stored; send it again with the same event_id; "
               "%s",
               result->err.text);
    else
        refuse(out_refusal, HTTP_ERROR_SERVICE_UNAVAILABLE, "the event was not stored; send it again; %s",
               result->err.text);
    out_refusal->error.detail_field = "event_id";
    out_refusal->error.detail_text = event_id;
}
