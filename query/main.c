/*
 * millrace-query: the read side.
 *
 * Serves  GET /v1/events and POST /v1/events/query: events by customer, name, id, source, time, properties;
 *         GET /v1/events/monitoring: how many there are, and how far the stages are behind;
 *         GET /v1/events/lookup: where an event is; its health
 * Reads   ClickHouse tables events and event_outcomes; of Kafka positions of groups and ends of logs
 *
 * Promises
 *   - A key sees its own tenant and environment, nothing else: both stand in every question.
 *   - An event is shown once, however often it was stored. Walking by iter_last_key (or iter_first_key)
 *     neither skips nor repeats one, also where events share a time. Properties come back byte for byte.
 *   - No text of a request becomes SQL text.
 *   - Bounded: a question has limits of time, memory and rows; so many at a time, the others wait in line,
 *     and no tenant has more than half of the places, so that one slow reader does not hold up the rest.
 *
 * Bad input   400 naming the parameter, 401 or 403.
 * Kafka away  lags are null with the reason; all else is answered.
 * ClickHouse away or slow: 503 with Retry-After, health says so; it goes on by itself.
 * PostgreSQL away: the keys read last, by this run or the one before, go on working for auth.cache_max_age.
 * On stop     no new requests, those under way are answered, within drain_timeout.
 */
#include "common/base/alloc.h"
#include "common/io/clickhouse.h"
#include "common/service/api.h"
#include "common/service/metrics.h"
#include "common/service/service.h"
#include "query/lags.h"
#include "query/list.h"
#include "query/lookup.h"
#include "query/monitoring.h"
#include "query/reads.h"
#include "query/store_watch.h"

#include <stdlib.h>

struct query {
    struct service *service;
    struct api *api;
    struct clickhouse *clickhouse;
    struct store_watch *watch;
    struct lags *lags;
    struct reads *reads;
};

static void list_them(void *context, struct http_request *request)
{
    list_events(((struct query *)context)->reads, request);
}

static void admit_list(void *context, struct http_request *request)
{
    struct key_identity identity;

    (void)api_admit(((struct query *)context)->api, request, "event:read", &identity);
}

static void get_monitoring(void *context, struct http_request *request)
{
    struct query *query = context;

    monitoring_answer(query->reads, query->lags, request);
}

static void get_lookup(void *context, struct http_request *request)
{
    struct query *query = context;

    lookup_answer(query->reads, query->lags, request);
}

static const char *const json_only[] = {"application/json", NULL};

static const struct http_route routes[] = {
    {HTTP_GET, "/v1/events", list_them, NULL, NULL},
    {HTTP_POST, "/v1/events/query", list_them, json_only, admit_list},
    {HTTP_GET, "/v1/events/monitoring", get_monitoring, NULL, NULL},
    {HTTP_GET, "/v1/events/lookup", get_lookup, NULL, NULL},
    {.path = NULL},
};

static void on_quiet(void *owner)
{
    service_drained(((struct query *)owner)->service);
}

static void drain(void *stage)
{
    struct query *query = stage;

    api_drain(query->api, on_quiet, query);
    reads_drain(query->reads);
}

/* What is still open is refused on the way. */
static void stop(void *stage)
{
    struct query *query = stage;

    reads_free(&query->reads);
    lags_stop(&query->lags);
    store_watch_stop(&query->watch);
    clickhouse_free(&query->clickhouse);
    api_stop(&query->api);
    free(query);
}

static void start_reading(struct query *query)
{
    const struct config *config = service_config(query->service);
    const char *password = config->clickhouse.password.text;
    const struct clickhouse_settings clickhouse = {
        .url = config->clickhouse.url,
        .ca_file = config->clickhouse.ca_file,
        .user = config->clickhouse.user,
        .password = password != NULL ? password : "",
        .database = config->clickhouse.database,
        .connect_timeout_ms = (uint32_t)config->clickhouse.connect_timeout_ms,
        .connections = READ_CALLS_MAX * READS_ACTIVE_MAX + 1, /* and the watch */
    };

    query->clickhouse = clickhouse_new(service_loop(query->service), &clickhouse);
    query->watch =
        store_watch_start(service_loop(query->service), query->clickhouse, service_health(query->service));
    query->reads = reads_new(&(struct reads_settings){
        .loop = service_loop(query->service),
        .api = query->api,
        .clickhouse = query->clickhouse,
        .metrics = service_metrics(query->service),
        .rows_read_max = config->query.rows_read_max,
        .memory_max_bytes = config->query.memory_max_bytes,
        .timeout_ms = config->clickhouse.query_timeout_ms,
    });
}

static bool start(struct service *service, void **out_stage, struct err *err)
{
    struct query *query = xcalloc(1, sizeof(*query));
    const struct query_config *config = &service_config(service)->query;
    const struct api_settings api = {
        .listen = config->listen,
        .listen_key = "query.listen",
        .local_only = config->allow_plaintext ? NULL : "set query.allow_plaintext if that is fine",
        .routes = routes,
        .context = query,
        .limits = http_limits_default,
    };

    query->service = service;
    if (!lags_start(service_loop(service), service_config(service), &query->lags, err) ||
        !api_start(service, &api, &query->api, err)) {
        stop(query);
        return false;
    }
    start_reading(query);
    *out_stage = query;
    return true;
}

static void write_status(void *stage, char *text, size_t size)
{
    struct query *query = stage;

    reads_write_status(query->reads, text, size);
}

static const struct service_description query = {
    .name = "query",
    .summary =
        "Answers lists of events, counts and lookups from ClickHouse, each key those of its tenant and\n"
        "environment, and how far the stages are behind in Kafka.",
    .start = start,
    .drain = drain,
    .stop = stop,
    .write_status = write_status,
};

int main(int argc, char **argv)
{
    return service_run(&query, argc, argv);
}
