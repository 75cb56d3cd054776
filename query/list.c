#include "query/list.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/clickhouse.h"
#include "common/io/loop.h"
#include "common/service/api.h"
#include "common/service/metrics.h"
#include "query/line.h"
#include "query/list_fault.h"
#include "query/list_page.h"
#include "query/list_sql.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    LIST_WAITING_MAX = 128,
    LIST_EXPIRE_LOOK_MS = 500,
    LIST_ANSWER_MAX_BYTES = 32 * 1024 * 1024, /* 51 of the largest events */
    LIST_SETTINGS_COUNT = 9,
};

struct list {
    struct list_settings settings;
    struct line line;
    struct loop_timer expire;
    struct clickhouse_pair limits[LIST_SETTINGS_COUNT + 1];
    char *limit_texts[3];
    struct metric *seconds;
    struct log_gate gate;
};

/* One request under way. */
struct listing {
    struct line_place place; /* first */
    struct list *list;
    struct http_request *request;
    struct arena arena;
    struct list_request wanted;
    struct list_scope scope;                        /* in the arena */
    uint32_t step;                                  /* of list_window */
    struct clickhouse_call *rows_call, *count_call; /* NULL: not under way */
    struct buf rows;                                /* what ClickHouse answered */
    struct list_page page;
    bool has_page;
    uint64_t total_count;
    bool has_count;
};

static void begin_waiting(struct list *list);

/* ---- the end of a listing ---- */

static void free_listing(struct listing *listing)
{
    if (listing->rows_call != NULL)
        clickhouse_cancel(listing->rows_call);
    if (listing->count_call != NULL)
        clickhouse_cancel(listing->count_call);
    buf_done(&listing->rows);
    arena_done(&listing->arena);
    free(listing);
}

/* The listing, which was active, has been answered. */
static void finish(struct listing *listing)
{
    struct list *list = listing->list;

    metric_observe(list->seconds,
                   (double)(loop_now_ms(list->settings.loop) - listing->place.entered_ms) / 1e3);
    line_leave(&list->line, &listing->place);
    free_listing(listing);
    begin_waiting(list);
}

static void refuse(struct listing *listing, const struct http_error *error)
{
    http_respond_error(listing->request, error);
}

static void refuse_unavailable(struct listing *listing, const char *message)
{
    refuse(listing, &(struct http_error){.code = HTTP_ERROR_SERVICE_UNAVAILABLE, .message = message});
}

static void fail(struct listing *listing, const struct clickhouse_result *result)
{
    struct list *list = listing->list;
    struct list_fault fault = list_fault_of(result);
    uint32_t hidden_count;

    if (fault.is_ours && log_gate_passes(&list->gate, loop_now_ms(list->settings.loop), &hidden_count))
        log_warning("read events: %s (%u more since the last such line)", result->err.text, hidden_count);
    refuse(listing, &fault.error);
    finish(listing);
}

static void fail_unreadable(struct listing *listing)
{
    struct clickhouse_result result = {.outcome = CLICKHOUSE_NO_ANSWER};

    err_set(&result.err, ERR_RETRY, "ClickHouse's rows are not what was asked for");
    fail(listing, &result);
}

static void answer_if_complete(struct listing *listing)
{
    AUTO_BUF json = {0};

    if (!listing->has_page || (listing->wanted.wants_count && !listing->has_count))
        return;
    /* Counted beside the list, perhaps a moment before it: never less than what is shown. */
    uint64_t shown = listing->wanted.offset + listing->page.row_count;
    if (listing->has_count && listing->total_count < shown)
        listing->total_count = shown;
    list_page_write(&json, &listing->page, &listing->wanted, listing->scope.environment_id,
                    listing->has_count ? &listing->total_count : NULL);
    http_respond(listing->request, 200, "application/json", buf_slice(&json));
    finish(listing);
}

/* ---- questions ---- */

static uint32_t time_left_ms(const struct listing *listing)
{
    uint64_t spent_ms = loop_now_ms(listing->list->settings.loop) - listing->place.entered_ms;
    uint64_t whole_ms = listing->list->settings.timeout_ms;

    return spent_ms + 1 < whole_ms ? (uint32_t)(whole_ms - spent_ms) : 1;
}

static struct clickhouse_call *ask(struct listing *listing, const struct list_sql *sql,
                                   clickhouse_on_result *on_result)
{
    const struct clickhouse_query query = {
        .sql = sql->text,
        .parameters = sql->parameters,
        .settings = listing->list->limits,
        .timeout_ms = time_left_ms(listing),
        .answer_max_bytes = LIST_ANSWER_MAX_BYTES,
        .on_result = on_result,
        .owner = listing,
    };

    return clickhouse_ask(listing->list->settings.clickhouse, &query);
}

static bool ask_rows(struct listing *listing);

static void on_rows(void *owner, const struct clickhouse_result *result)
{
    struct listing *listing = owner;

    listing->rows_call = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        fail(listing, result);
        return;
    }
    buf_clear(&listing->rows);
    buf_append_slice(&listing->rows, result->body);
    if (!list_page_read(buf_slice(&listing->rows), &listing->wanted, &listing->arena, &listing->page)) {
        fail_unreadable(listing);
        return;
    }
    listing->step++;
    if (listing->page.behind == NULL && ask_rows(listing))
        return; /* the page is not full: in a wider window */
    listing->has_page = true;
    answer_if_complete(listing);
}

static void on_count(void *owner, const struct clickhouse_result *result)
{
    struct listing *listing = owner;

    listing->count_call = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        fail(listing, result);
        return;
    }
    if (!list_count_read(result->body, &listing->total_count)) {
        fail_unreadable(listing);
        return;
    }
    listing->has_count = true;
    answer_if_complete(listing);
}

/* False behind the last window. */
static bool ask_rows(struct listing *listing)
{
    struct list_window window;
    struct list_sql sql;

    if (!list_window(&listing->wanted, listing->step, &window))
        return false;
    list_sql_rows(&listing->scope, &listing->wanted, &window, &listing->arena, &sql);
    listing->rows_call = ask(listing, &sql, on_rows);
    return true;
}

static void begin(struct listing *listing)
{
    struct list_sql sql;

    (void)ask_rows(listing); /* there is always a first window */
    if (!listing->wanted.wants_count)
        return;
    list_sql_count(&listing->scope, &listing->wanted, &listing->arena, &sql);
    listing->count_call = ask(listing, &sql, on_count);
}

/* ---- the line ---- */

static void begin_waiting(struct list *list)
{
    struct line_place *place;

    while ((place = line_begin(&list->line)) != NULL)
        begin((struct listing *)place);
}

static void refuse_waiting(struct list *list, uint64_t entered_until_ms, const char *message)
{
    struct line_place *place;

    while ((place = line_expire(&list->line, entered_until_ms)) != NULL) {
        struct listing *listing = (struct listing *)place;
        refuse_unavailable(listing, message);
        free_listing(listing);
    }
}

/* Who waited for half of its time would hardly be answered in the other half. */
static void on_expire(void *owner)
{
    struct list *list = owner;
    uint64_t now_ms = loop_now_ms(list->settings.loop);
    uint64_t patience_ms = list->settings.timeout_ms / 2;

    if (now_ms > patience_ms)
        refuse_waiting(list, now_ms - patience_ms, "too many reads are under way; try again");
}

void list_drain(struct list *list)
{
    refuse_waiting(list, UINT64_MAX, "this server is stopping; try again");
}

static void refuse_request(struct http_request *request, const struct list_problem *problem)
{
    char message[LIST_PROBLEM_TEXT_BYTES + 64];

    (void)snprintf(message, sizeof(message), "%s %s", problem->parameter, problem->text);
    http_respond_error(request,
                       &(struct http_error){.code = problem->is_not_implemented ? HTTP_ERROR_NOT_IMPLEMENTED
                                                                                : HTTP_ERROR_VALIDATION,
                                            .message = message,
                                            .detail_field = problem->parameter,
                                            .detail_text = problem->text});
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, slice_of(text, strlen(text) + 1)).data;
}

static struct listing *listing_new(struct list *list, struct http_request *request,
                                   const struct key_identity *identity)
{
    struct listing *listing = xcalloc(1, sizeof(*listing));

    listing->list = list;
    listing->request = request;
    listing->scope.tenant_id = copy_text(&listing->arena, identity->tenant_id);
    listing->scope.environment_id = copy_text(&listing->arena, identity->environment_id);
    listing->place.tenant_id = listing->scope.tenant_id;
    listing->place.entered_ms = loop_now_ms(list->settings.loop);
    return listing;
}

void list_events(struct list *list, struct http_request *request)
{
    struct key_identity identity;
    struct list_problem problem;

    if (!api_identify(list->settings.api, request, "event:read", &identity))
        return;
    struct listing *listing = listing_new(list, request, &identity);
    if (!list_request_read(http_request_query(request), clock_wall_us(), &listing->arena, &listing->wanted,
                           &problem)) {
        refuse_request(request, &problem);
        free_listing(listing);
        return;
    }
    if (!line_enter(&list->line, &listing->place)) {
        refuse_unavailable(listing, "too many reads wait already; try again");
        free_listing(listing);
        return;
    }
    begin_waiting(list);
}

/* ---- the whole ---- */

static void set_limits(struct list *list)
{
    const struct list_settings *settings = &list->settings;

    list->limit_texts[0] = xasprintf("%" PRIu64, (settings->timeout_ms + 999) / 1000);
    list->limit_texts[1] = xasprintf("%" PRIu64, settings->memory_max_bytes);
    list->limit_texts[2] = xasprintf("%" PRIu64, settings->rows_read_max);
    const struct clickhouse_pair limits[LIST_SETTINGS_COUNT + 1] = {
        {"max_threads", "4"},
        {"max_execution_time", list->limit_texts[0]},
        {"max_memory_usage", list->limit_texts[1]},
        {"max_rows_to_read", list->limit_texts[2]},
        {"read_overflow_mode", "throw"},
        /* A month is a partition, and the time that makes it is part of the key: no copy is in another. */
        {"do_not_merge_across_partitions_select_final", "1"},
        {"use_skip_indexes_if_final", "1"},
        {"use_skip_indexes_if_final_exact_mode", "1"},
        {"cancel_http_readonly_queries_on_client_close", "1"},
        {NULL, NULL},
    };
    memcpy(list->limits, limits, sizeof(limits));
}

struct list *list_new(const struct list_settings *settings)
{
    struct list *list = xcalloc(1, sizeof(*list));

    list->settings = *settings;
    line_init(&list->line, LIST_ACTIVE_MAX, LIST_WAITING_MAX);
    set_limits(list);
    list->seconds = metrics_histogram(settings->metrics, "millrace_list_seconds", "",
                                      "From a request for a list to its answer.", 0.001, 16);
    loop_timer_init(&list->expire, settings->loop, on_expire, list);
    loop_timer_start_every(&list->expire, LIST_EXPIRE_LOOK_MS);
    return list;
}

void list_write_status(const struct list *list, char *text, size_t size)
{
    (void)snprintf(text, size, "%" PRIu64 " reads answered, %u under way, %u waiting",
                   metric_count(list->seconds), list->line.active_count, list->line.waiting_count);
}

static void refuse_active(struct list *list)
{
    struct line_place *place;

    while ((place = TAILQ_FIRST(&list->line.active)) != NULL) {
        struct listing *listing = (struct listing *)place;
        line_leave(&list->line, place);
        refuse_unavailable(listing, "this server is stopping; try again");
        free_listing(listing);
    }
}

void list_free(struct list **list)
{
    if (*list == NULL)
        return;
    loop_timer_stop(&(*list)->expire);
    list_drain(*list);
    refuse_active(*list);
    for (size_t i = 0; i < sizeof((*list)->limit_texts) / sizeof((*list)->limit_texts[0]); i++)
        free_string(&(*list)->limit_texts[i]);
    free(*list);
    *list = NULL;
}
