#include "query/reads.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/clickhouse.h"
#include "common/io/http_server.h"
#include "common/io/loop.h"
#include "common/service/api.h"
#include "common/service/metrics.h"
#include "query/read_fault.h"

#include <inttypes.h>
#include <stdlib.h>

enum { READS_WAITING_MAX = 128, READS_EXPIRE_LOOK_MS = 500, READS_SETTINGS_COUNT = 9 };

struct reads {
    struct reads_settings settings;
    struct line line;
    struct loop_timer expire;
    struct json_reader *json;
    struct clickhouse_pair limits[READS_SETTINGS_COUNT + 1];
    char *limit_texts[3];
    struct metric *seconds;
    struct log_gate gate;
};

static void begin_waiting(struct reads *reads);

/* ---- the end of a read ---- */

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < READ_CALLS_MAX; i++)
        if (reading->calls[i].call != NULL)
            clickhouse_cancel(reading->calls[i].call);
    if (reading->kind->done != NULL)
        reading->kind->done(reading);
    arena_done(&reading->arena);
    free(reading);
}

/* The read, which was active, has been answered. */
static void finish(struct reading *reading)
{
    struct reads *reads = reading->reads;

    metric_observe(reads->seconds, (double)(reads_now_ms(reads) - reading->place.entered_ms) / 1e3);
    line_leave(&reads->line, &reading->place);
    reading_free(reading);
    begin_waiting(reads);
}

void reads_answer(struct reading *reading, struct slice json)
{
    http_respond(reading->request, 200, "application/json", json);
    finish(reading);
}

void reads_refuse(struct reading *reading, const struct http_error *error)
{
    http_respond_error(reading->request, error);
    finish(reading);
}

static void fail(struct reading *reading, const struct clickhouse_result *result)
{
    struct reads *reads = reading->reads;
    struct read_fault fault = read_fault_of(result);
    uint32_t hidden_count;

    if (fault.is_ours && log_gate_passes(&reads->gate, reads_now_ms(reads), &hidden_count))
        log_warning("read events: %s (%u more since the last such line)", result->err.text, hidden_count);
    reads_refuse(reading, &fault.error);
}

void reads_refuse_unreadable(struct reading *reading)
{
    struct clickhouse_result result = {.outcome = CLICKHOUSE_NO_ANSWER};

    err_set(&result.err, ERR_RETRY, "ClickHouse's rows are not what was asked for");
    fail(reading, &result);
}

/* ---- questions ---- */

static void on_result(void *owner, const struct clickhouse_result *result)
{
    struct read_call *call = owner;

    call->call = NULL;
    if (result->outcome == CLICKHOUSE_DONE)
        call->on_rows(call->reading, result->body);
    else
        fail(call->reading, result);
}

static uint32_t time_left_ms(const struct reading *reading)
{
    uint64_t spent_ms = reads_now_ms(reading->reads) - reading->place.entered_ms;
    uint64_t whole_ms = reading->reads->settings.timeout_ms;

    return spent_ms + 1 < whole_ms ? (uint32_t)(whole_ms - spent_ms) : 1;
}

static struct read_call *free_call(struct reading *reading)
{
    for (size_t i = 0; i < READ_CALLS_MAX; i++)
        if (reading->calls[i].call == NULL)
            return &reading->calls[i];
    BUG("a read asks more than %d questions at a time", (int)READ_CALLS_MAX);
}

void reads_ask(struct reading *reading, const struct question *question, uint32_t answer_max_bytes,
               read_on_rows *on_rows)
{
    struct read_call *call = free_call(reading);
    const struct clickhouse_query query = {
        .sql = question->text,
        .parameters = question->parameters,
        .settings = reading->reads->limits,
        .timeout_ms = time_left_ms(reading),
        .answer_max_bytes = answer_max_bytes,
        .on_result = on_result,
        .owner = call,
    };

    *call = (struct read_call){.reading = reading, .on_rows = on_rows};
    call->call = clickhouse_ask(reading->reads->settings.clickhouse, &query);
}

/* ---- the line ---- */

static void begin_waiting(struct reads *reads)
{
    struct line_place *place;

    while ((place = line_begin(&reads->line)) != NULL) {
        struct reading *reading = (struct reading *)place;
        reading->kind->ask(reading);
    }
}

static void refuse_unavailable(struct reading *reading, const char *message)
{
    const struct http_error error = {.code = HTTP_ERROR_SERVICE_UNAVAILABLE, .message = message};

    http_respond_error(reading->request, &error);
}

static void refuse_waiting(struct reads *reads, uint64_t entered_until_ms, const char *message)
{
    struct line_place *place;

    while ((place = line_expire(&reads->line, entered_until_ms)) != NULL) {
        struct reading *reading = (struct reading *)place;
        refuse_unavailable(reading, message);
        reading_free(reading);
    }
}

/* Who waited for half of its time would hardly be answered in the other half. */
static void on_expire(void *owner)
{
    struct reads *reads = owner;
    uint64_t now_ms = reads_now_ms(reads);
    uint64_t patience_ms = reads->settings.timeout_ms / 2;

    if (now_ms > patience_ms)
        refuse_waiting(reads, now_ms - patience_ms, "too many reads are under way; try again");
}

void reads_drain(struct reads *reads)
{
    refuse_waiting(reads, UINT64_MAX, "this server is stopping; try again");
}

/* ---- the beginning of a read ---- */

static void refuse_problem(struct reading *reading, const struct parameter_problem *problem)
{
    bool is_body = problem->parameter[0] == '\0';
    AUTO_STRING message = xasprintf("%s %s", is_body ? "the body:" : problem->parameter, problem->text);

    http_respond_error(reading->request,
                       &(struct http_error){.code = HTTP_ERROR_VALIDATION,
                                            .message = message,
                                            .detail_field = is_body ? NULL : problem->parameter,
                                            .detail_text = problem->text});
}

static struct reading *reading_new(struct reads *reads, const struct read_kind *kind,
                                   struct http_request *request, const struct key_identity *identity)
{
    struct reading *reading = xcalloc(1, kind->size_bytes);
    struct arena *arena = &reading->arena;

    reading->reads = reads;
    reading->kind = kind;
    reading->request = request;
    reading->scope.tenant_id = arena_text(arena, slice_from(identity->tenant_id)).data;
    reading->scope.environment_id = arena_text(arena, slice_from(identity->environment_id)).data;
    reading->place.tenant_id = reading->scope.tenant_id;
    reading->place.entered_ms = reads_now_ms(reads);
    return reading;
}

void reads_begin(struct reads *reads, const struct read_kind *kind, struct http_request *request, void *owner)
{
    struct key_identity identity;
    struct parameter_problem problem;

    if (!api_identify(reads->settings.api, request, "event:read", &identity))
        return;
    struct reading *reading = reading_new(reads, kind, request, &identity);
    reading->owner = owner;
    if (!kind->read(reading, &problem)) {
        refuse_problem(reading, &problem);
        reading_free(reading);
        return;
    }
    if (!line_enter(&reads->line, &reading->place)) {
        refuse_unavailable(reading, "too many reads wait already; try again");
        reading_free(reading);
        return;
    }
    begin_waiting(reads);
}

/* ---- the whole ---- */

static void set_limits(struct reads *reads)
{
    const struct reads_settings *settings = &reads->settings;

    reads->limit_texts[0] = xasprintf("%" PRIu64, (settings->timeout_ms + 999) / 1000);
    reads->limit_texts[1] = xasprintf("%" PRIu64, settings->memory_max_bytes);
    reads->limit_texts[2] = xasprintf("%" PRIu64, settings->rows_read_max);
    const struct clickhouse_pair limits[READS_SETTINGS_COUNT + 1] = {
        {"max_threads", "4"},
        {"max_execution_time", reads->limit_texts[0]},
        {"max_memory_usage", reads->limit_texts[1]},
        {"max_rows_to_read", reads->limit_texts[2]},
        {"read_overflow_mode", "throw"},
        /* A month is a partition, and the time that makes it is part of the key: no copy is in another. */
        {"do_not_merge_across_partitions_select_final", "1"},
        {"use_skip_indexes_if_final", "1"},
        {"use_skip_indexes_if_final_exact_mode", "1"},
        {"cancel_http_readonly_queries_on_client_close", "1"},
        {NULL, NULL},
    };
    memcpy(reads->limits, limits, sizeof(limits));
}

struct reads *reads_new(const struct reads_settings *settings)
{
    struct reads *reads = xcalloc(1, sizeof(*reads));

    reads->settings = *settings;
    line_init(&reads->line, READS_ACTIVE_MAX, READS_WAITING_MAX);
    set_limits(reads);
    reads->json = json_reader_new(&json_limits_default);
    reads->seconds = metrics_histogram(settings->metrics, "millrace_read_seconds", "",
                                       "From a request that reads events to its answer.", 0.001, 16);
    loop_timer_init(&reads->expire, settings->loop, on_expire, reads);
    loop_timer_start_every(&reads->expire, READS_EXPIRE_LOOK_MS);
    return reads;
}

uint64_t reads_now_ms(const struct reads *reads)
{
    return loop_now_ms(reads->settings.loop);
}

struct json_reader *reads_json(const struct reads *reads)
{
    return reads->json;
}

void reads_write_status(const struct reads *reads, char *text, size_t size)
{
    (void)snprintf(text, size, "%" PRIu64 " reads answered, %u under way, %u waiting",
                   metric_count(reads->seconds), reads->line.active_count, reads->line.waiting_count);
}

static void refuse_active(struct reads *reads)
{
    struct line_place *place;

    while ((place = TAILQ_FIRST(&reads->line.active)) != NULL) {
        struct reading *reading = (struct reading *)place;
        line_leave(&reads->line, place);
        refuse_unavailable(reading, "this server is stopping; try again");
        reading_free(reading);
    }
}

void reads_free(struct reads **reads)
{
    if (*reads == NULL)
        return;
    loop_timer_stop(&(*reads)->expire);
    reads_drain(*reads);
    refuse_active(*reads);
    for (size_t i = 0; i < sizeof((*reads)->limit_texts) / sizeof((*reads)->limit_texts[0]); i++)
        free_string(&(*reads)->limit_texts[i]);
    json_reader_free(&(*reads)->json);
    free(*reads);
    *reads = NULL;
}
