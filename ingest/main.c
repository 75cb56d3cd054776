/*
 * millrace-ingest: the door. An event that is answered 202 is durable.
 *
 * Serves  POST /v1/events, /v1/events/bulk and /v1/topics/{topic}/events; the reads of millrace-query, handed
 *         on; its health
 * Writes  topic events, keyed tenant:environment:customer, so that a customer's events stay in order; the
 *         topics of declared event types, keyed by user
 *
 * Promises
 *   - 202 only when all events of the request are on all in-sync replicas of Kafka. 4xx: none was stored.
 *     5xx or no answer: unknown; send them again with the same event_id.
 *   - A key writes and reads its own tenant and environment, whatever the body says.
 *   - Bounded: bodies, records, connections, what a key sends a second and what waits for Kafka have limits;
 *     above them 413, 429 or 503 at once. No key takes the room of another.
 *
 * Bad input   400 naming the field, 401, 403 or 413; nothing of it is stored.
 * Kafka away or slow, the topic missing: 503 with Retry-After after ingest.message_timeout at the latest,
 *             health says DOWN and names the topic; it goes on by itself.
 * The topic of a declared event type missing: the same for its events alone, and health says DEGRADED.
 * PostgreSQL away: the keys read last, by this run or the one before, go on working for auth.cache_max_age.
 * Query away: reads are answered 503; writes don't notice.
 * On SIGHUP   the certificate and its key are read again; open connections keep the one they have.
 * On stop     no new requests, those under way are answered, within drain_timeout.
 */
#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/api.h"
#include "common/service/service.h"
#include "ingest/certificate.h"
#include "ingest/description.h"
#include "ingest/destinations.h"
#include "ingest/publish.h"
#include "ingest/relay.h"
#include "ingest/submit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

/* What query may need beyond the time that it gives ClickHouse. */
enum { RELAY_MARGIN_MS = 3000 };

/* Open files that connections of clients must leave for all else. */
enum { OWN_FILES = 128 };

struct ingest {
    struct service *service;
    struct api *api;
    struct certificate *certificate; /* NULL: plain HTTP */
    struct offload *offload;
    struct publish *publish;
    struct destinations *destinations;
    struct submit *submit;
    struct relay *relay;
    bool has_failed; /* draining because of `failure` */
    struct err failure;
    uint64_t shown_count, shown_ms; /* of the status line before */
};

/* ---- routes ---- */

static const char *const json_only[] = {"application/json", NULL};
static const char *const event_types[] = {"application/json", "application/cloudevents+json", NULL};
static const char *const bulk_types[] = {"application/json", "application/cloudevents-batch+json", NULL};

static void post(struct ingest *ingest, struct http_request *request, enum event_form form)
{
    const struct submit_kind kind = {form, destinations_events(ingest->destinations)};

    submit_request(ingest->submit, request, &kind);
}

static void post_event(void *context, struct http_request *request)
{
    static const enum event_form forms[] = {EVENT_FORM_ONE, EVENT_FORM_CLOUD}; /* as event_types */

    post(context, request, forms[http_request_media_type(request)]);
}

static void post_bulk(void *context, struct http_request *request)
{
    static const enum event_form forms[] = {EVENT_FORM_BULK, EVENT_FORM_CLOUD_BULK}; /* as bulk_types */

    post(context, request, forms[http_request_media_type(request)]);
}

static void post_declared(void *context, struct http_request *request)
{
    struct ingest *ingest = context;
    const struct submit_kind kind = {EVENT_FORM_DECLARED,
                                     destinations_find(ingest->destinations, http_request_segment(request))};

    submit_request(ingest->submit, request, &kind);
}

static void admit_events(void *context, struct http_request *request)
{
    submit_admit(((struct ingest *)context)->submit, request);
}

static void on_wasted(void *context, const struct key_identity *identity, uint64_t decoded_bytes)
{
    submit_charge_wasted(((struct ingest *)context)->submit, identity, decoded_bytes);
}

static void read_events(void *context, struct http_request *request)
{
    relay_read(((struct ingest *)context)->relay, request);
}

static void admit_read(void *context, struct http_request *request)
{
    relay_admit(((struct ingest *)context)->relay, request);
}

static void get_description(void *context, struct http_request *request)
{
    (void)context;
    description_answer(request);
}

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_POST, "/v1/events", post_event, event_types, admit_events},
    {HTTP_POST, "/v1/events/bulk", post_bulk, bulk_types, admit_events},
    {HTTP_POST, "/v1/topics/{topic}/events", post_declared, json_only, admit_events},
    {HTTP_GET, "/v1/events", read_events, NULL, NULL},
    {HTTP_POST, "/v1/events/query", read_events, json_only, admit_read},
    {HTTP_GET, "/v1/events/monitoring", read_events, NULL, NULL},
    {HTTP_GET, "/v1/events/lookup", read_events, NULL, NULL},
    {HTTP_GET, "/v1/openapi.yaml", get_description, NULL, NULL},
    {.path = NULL},
};
/* clang-format on */

/* ---- the end ---- */

/* Every event under way belongs to an open request, so nothing waits for Kafka either. */
static void on_quiet(void *owner)
{
    struct ingest *ingest = owner;

    if (ingest->has_failed)
        service_fail(ingest->service, &ingest->failure);
    else
        service_drained(ingest->service);
}

static void drain(void *stage)
{
    struct ingest *ingest = stage;

    api_drain(ingest->api, on_quiet, ingest);
}

static void on_fatal(void *owner, const struct err *err)
{
    struct ingest *ingest = owner;

    if (!ingest->has_failed)
        ingest->failure = *err;
    ingest->has_failed = true;
    drain(ingest);
}

/* What is still open is refused on the way: Kafka's reports and the relay answer it. */
static void stop(void *stage)
{
    struct ingest *ingest = stage;

    relay_free(&ingest->relay);
    if (ingest->offload != NULL)
        offload_stop(&ingest->offload);
    publish_stop(&ingest->publish);
    api_stop(&ingest->api);
    certificate_free(&ingest->certificate);
    submit_free(&ingest->submit);
    destinations_free(&ingest->destinations);
    free(ingest);
}

/* ---- the start ---- */

static uint32_t at_most_u32(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Connections must leave open files for Kafka, PostgreSQL, query, the admin listener and the log. */
static uint32_t connections_max(const struct ingest_config *config)
{
    struct rlimit files;
    uint32_t wanted = at_most_u32(config->connections_max);

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= (rlim_t)wanted + OWN_FILES)
        return wanted;
    rlim_t own = OWN_FILES;
    uint32_t possible = (uint32_t)(files.rlim_cur > own + own ? files.rlim_cur - own : own);
    log_warning(
        "ingest.connections_max: %u connections, as the limit of open files is %llu: raise LimitNOFILE",
        possible, (unsigned long long)files.rlim_cur);
    return possible;
}

static struct http_limits limits_of(const struct ingest_config *config)
{
    struct http_limits limits = http_limits_default;

    limits.body_bytes = at_most_u32(config->body_max_bytes);
    limits.held_bytes = at_most_u32(limits.held_bytes + config->in_flight_max_bytes);
    limits.connections = connections_max(config);
    limits.connections_per_address = at_most_u32(config->connections_per_address_max);
    return limits;
}

static bool start_api(struct ingest *ingest, struct err *err)
{
    const struct config *config = service_config(ingest->service);
    const struct api_settings api = {
        .listen = config->ingest.listen,
        .listen_key = "ingest.listen",
        .shares_port = config->ingest.reuse_port,
        .local_only = config->ingest.allow_plaintext
                          ? NULL
                          : "set ingest.tls_certificate_file, or ingest.allow_plaintext if that is fine",
        .tls = ingest->certificate != NULL ? certificate_context(ingest->certificate) : NULL,
        .takes_sockets = true,
        .routes = routes,
        .context = ingest,
        .limits = limits_of(&config->ingest),
        .on_wasted = on_wasted,
    };

    return api_start(ingest->service, &api, &ingest->api, err);
}

static bool start_parts(struct ingest *ingest, struct err *err)
{
    const struct config *config = service_config(ingest->service);

    ingest->offload = offload_start(service_loop(ingest->service));
    if (!certificate_start(ingest->service, &ingest->certificate, err) ||
        !publish_start(ingest->service, ingest->offload, on_fatal, ingest, &ingest->publish, err) ||
        !start_api(ingest, err))
        return false;
    ingest->destinations = destinations_new(ingest->publish, config);
    ingest->submit = submit_new(&(struct submit_settings){
        .loop = service_loop(ingest->service),
        .api = ingest->api,
        .metrics = service_metrics(ingest->service),
        .bounds = {.future_ms = config->events.future_ms, .past_ms = config->events.past_ms},
        .limits = {.events_per_s = config->ingest.key_events_per_s,
                   .bytes_per_s = config->ingest.key_bytes_per_s,
                   .burst_ms = config->ingest.key_burst_ms,
                   .in_flight_max_bytes = config->ingest.in_flight_max_bytes},
    });
    ingest->relay = relay_new(&(struct relay_settings){
        .loop = service_loop(ingest->service),
        .api = ingest->api,
        .query_url = config->ingest.query_url,
        .timeout_ms = at_most_u32(config->clickhouse.query_timeout_ms + RELAY_MARGIN_MS),
    });
    return true;
}

static bool start(struct service *service, void **out_stage, struct err *err)
{
    struct ingest *ingest = xcalloc(1, sizeof(*ingest));

    ingest->service = service;
    if (!start_parts(ingest, err)) {
        stop(ingest);
        return false;
    }
    *out_stage = ingest;
    return true;
}

static void reload(void *stage)
{
    struct ingest *ingest = stage;

    if (ingest->certificate != NULL)
        certificate_reload(ingest->certificate);
}

static void write_status(void *stage, char *text, size_t size)
{
    struct ingest *ingest = stage;
    uint64_t now_ms = loop_now_ms(service_loop(ingest->service));
    uint64_t count = publish_durable_count(ingest->publish);
    uint64_t since_ms = now_ms - ingest->shown_ms;
    uint64_t per_s = since_ms > 0 ? (count - ingest->shown_count) * 1000 / since_ms : 0;

    ingest->shown_count = count;
    ingest->shown_ms = now_ms;
    (void)snprintf(text, size, "%" PRIu64 " events/s, %" PRIu64 " bytes in flight", per_s,
                   submit_in_flight_bytes(ingest->submit));
}

static const struct service_description ingest = {
    .name = "ingest",
    .summary = "Takes events over HTTP and answers 202 when Kafka has them on all in-sync replicas;\n"
               "hands reads on to millrace-query.",
    .start = start,
    .drain = drain,
    .stop = stop,
    .reload = reload,
    .write_status = write_status,
};

int main(int argc, char **argv)
{
    return service_run(&ingest, argc, argv);
}
