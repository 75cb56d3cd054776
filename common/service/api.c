#include "common/service/api.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/service/admin.h"
#include "common/service/key_guard.h"
#include "common/service/metrics.h"
#include "common/service/service.h"
#include "common/service/supervisor.h"

#include <stdlib.h>

enum { QUIET_LOOK_MS = 20, QUIET_PATIENCE_MS = 1000 };

/* What is answered; any other is counted as the last. */
static const int statuses[] = {200, 202, 400, 401, 403, 404, 405, 408, 411, 413,
                               414, 415, 417, 429, 431, 500, 501, 503, 505, 0};

enum { STATUS_COUNT = sizeof(statuses) / sizeof(statuses[0]) };

struct api {
    struct service *service;
    struct key_store *keys;
    struct key_guard *guard;
    struct http_server *server;
    struct metric *answers[STATUS_COUNT];
    struct log_gate refusals[STATUS_COUNT];
    void (*on_wasted)(void *context, const struct key_identity *identity, uint64_t decoded_bytes);
    void *context;
    struct metric *connections;
    struct loop_timer look; /* while draining */
    uint32_t answered_ms;   /* since the last request was answered */
    void (*on_quiet)(void *owner);
    void *on_quiet_owner;
};

/* ---- answers ---- */

static size_t status_index(int status)
{
    size_t i = 0;

    while (statuses[i] != 0 && statuses[i] != status)
        i++;
    return i;
}

static void tell_wasted(struct api *api, const struct http_request *request)
{
    uint64_t bytes = http_request_decoded_bytes(request);
    struct key_identity identity;

    if (api->on_wasted == NULL || bytes == 0)
        return;
    if (key_store_find(api->keys, http_request_header(request, "x-api-key", NULL), &identity) == KEY_FOUND)
        api->on_wasted(api->context, &identity, bytes);
}

static void on_answered(void *owner, const struct http_request *request, int status, const char *refusal)
{
    struct api *api = owner;
    size_t index = status_index(status);
    uint32_t hidden_count;

    metric_add(api->answers[index], 1);
    if (refusal != NULL)
        tell_wasted(api, request);
    if (refusal != NULL &&
        log_gate_passes(&api->refusals[index], loop_now_ms(service_loop(api->service)), &hidden_count))
        log_notice("refused a request of %s with %d: %s (%u more since the last such line)",
                   http_request_peer(request), status, refusal, hidden_count);
}

/* ---- keys ---- */

/* False, for the callers' `return`. */
static bool refuse(struct http_error *out_error, enum http_error_code code, const char *message)
{
    *out_error = (struct http_error){.code = code, .message = message};
    return false;
}

static bool refuse_wrong_key(struct api *api, struct http_request *request, struct http_error *out_error)
{
    uint64_t now_ms = loop_now_ms(service_loop(api->service));
    uint32_t wait_s = key_guard_on_wrong_key(api->guard, http_request_peer(request), now_ms);
    char text[16];

    if (wait_s == 0)
        return refuse(out_error, HTTP_ERROR_UNAUTHENTICATED, "this key is unknown, expired or revoked");
    (void)snprintf(text, sizeof(text), "%u", wait_s);
    http_answer_header(request, "Retry-After", text);
    return refuse(out_error, HTTP_ERROR_TOO_MANY_REQUESTS,
                  "too many unknown, expired or revoked keys came from this address");
}

/* The request's key; false: out_error says why not. Counts wrong keys. */
static bool find_key(struct api *api, struct http_request *request, struct key_identity *out_identity,
                     struct http_error *out_error)
{
    uint32_t key_count;
    struct slice key = http_request_header(request, "x-api-key", &key_count);

    if (key_count > 1)
        return refuse(out_error, HTTP_ERROR_VALIDATION, "send the header x-api-key once");
    if (slice_is_empty(key))
        return refuse(out_error, HTTP_ERROR_UNAUTHENTICATED, "send your key in the header x-api-key");
    switch (key_store_find(api->keys, key, out_identity)) {
    case KEY_FOUND:
        break;
    case KEY_NOT_FOUND:
        return refuse_wrong_key(api, request, out_error);
    case KEY_UNKNOWN:
        return refuse(out_error, HTTP_ERROR_SERVICE_UNAVAILABLE, key_store_why_unknown(api->keys));
    }
    return true;
}

/* Only who has a key makes us keep and decode a body. */
static void on_head(void *owner, struct http_request *request)
{
    struct key_identity identity;
    struct http_error error;

    if (!find_key(owner, request, &identity, &error))
        http_request_decline(request, &error);
}

/* An error and the text that it may borrow. */
struct refusal {
    struct http_error error;
    char text[96];
};

/* The request's key, which has the role; false: out_refusal says why not. */
static bool find_key_for(struct api *api, struct http_request *request, const char *role,
                         struct key_identity *out_identity, struct refusal *out_refusal)
{
    struct key_identity identity;

    if (!find_key(api, request, &identity, &out_refusal->error))
        return false;
    if ((identity.roles & key_role_bits(slice_from(role))) == 0) {
        (void)snprintf(out_refusal->text, sizeof(out_refusal->text), "this key lacks the role %s", role);
        return refuse(&out_refusal->error, HTTP_ERROR_PERMISSION_DENIED, out_refusal->text);
    }
    *out_identity = identity;
    return true;
}

bool api_identify(struct api *api, struct http_request *request, const char *role,
                  struct key_identity *out_identity)
{
    struct refusal refusal;

    if (find_key_for(api, request, role, out_identity, &refusal))
        return true;
    http_respond_error(request, &refusal.error);
    return false;
}

bool api_admit(struct api *api, struct http_request *request, const char *role,
               struct key_identity *out_identity)
{
    struct refusal refusal;

    if (find_key_for(api, request, role, out_identity, &refusal))
        return true;
    http_request_decline(request, &refusal.error);
    return false;
}

/* ---- start and stop ---- */

static void on_scrape(void *owner)
{
    const struct api *api = owner;

    metric_set(api->connections, http_server_open_connections(api->server));
}

static void make_metrics(struct api *api)
{
    struct metrics *metrics = service_metrics(api->service);
    char labels[32];

    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i] != 0)
            (void)snprintf(labels, sizeof(labels), "status=\"%d\"", statuses[i]);
        else
            (void)snprintf(labels, sizeof(labels), "status=\"other\"");
        api->answers[i] = metrics_counter(metrics, "millrace_requests_total", labels,
                                          "Requests to the API, by the status of their answer.");
    }
    api->connections = metrics_gauge(metrics, "millrace_connections", "",
                                     "Connections of clients to the API that are open.");
    metrics_on_scrape(metrics, on_scrape, api);
}

static void look(void *owner)
{
    struct api *api = owner;

    if (http_server_is_leaving(api->server) || http_server_open_requests(api->server) > 0) {
        api->answered_ms = 0;
        return;
    }
    /* A connection is open as long as it has answers to send. */
    api->answered_ms += QUIET_LOOK_MS;
    if (http_server_open_connections(api->server) > 0 && api->answered_ms < QUIET_PATIENCE_MS)
        return;
    loop_timer_stop(&api->look);
    api->on_quiet(api->on_quiet_owner);
}

/* False, with *out_count untouched, when what was passed can't be used. */
static bool take_sockets(const struct api_settings *settings, int out_fds[HTTP_SERVER_SOCKETS_MAX],
                         uint32_t *out_count, struct err *err)
{
    uint32_t count = settings->takes_sockets ? supervisor_take_sockets(out_fds, HTTP_SERVER_SOCKETS_MAX) : 0;

    if (count > HTTP_SERVER_SOCKETS_MAX) {
        err_set(err, ERR_REJECT, "%u sockets were passed to us: there can be %d", count,
                HTTP_SERVER_SOCKETS_MAX);
        return false;
    }
    if (count > 0)
        log_info("listens on %u socket%s that the supervisor has passed, not on %s", count,
                 count == 1 ? "" : "s", settings->listen_key);
    *out_count = count;
    return true;
}

static bool start_server(struct api *api, const struct api_settings *settings, struct err *err)
{
    int fds[HTTP_SERVER_SOCKETS_MAX];
    struct http_server_settings server = {
        .listen = settings->listen,
        .shares_port = settings->shares_port,
        .local_only = settings->local_only,
        .tls = settings->tls,
        .inherited_fds = fds,
        .routes = settings->routes,
        .context = settings->context,
        .more_routes = admin_health_routes,
        .more_context = service_health(api->service),
        .limits = settings->limits,
        .on_head = on_head,
        .on_answered = on_answered,
        .owner = api,
    };

    if (take_sockets(settings, fds, &server.inherited_count, err) &&
        http_server_start(service_loop(api->service), &server, &api->server, err))
        return true;
    err_prefix(err, "%s", settings->listen_key);
    return false;
}

bool api_start(struct service *service, const struct api_settings *settings, struct api **out_api,
               struct err *err)
{
    const struct config *config = service_config(service);
    struct loop *loop = service_loop(service);
    struct api *api = xcalloc(1, sizeof(*api));
    const struct key_store_settings keys = {
        .loop = loop,
        .health = service_health(service),
        .postgres = &config->postgres,
        .auth = &config->auth,
        .state_dir = config->state_dir,
        .instance = config->instance,
    };

    api->service = service;
    api->on_wasted = settings->on_wasted;
    api->context = settings->context;
    api->guard = key_guard_new();
    loop_timer_init(&api->look, loop, look, api);
    make_metrics(api);
    if (!key_store_start(&keys, &api->keys, err) || !start_server(api, settings, err)) {
        api_stop(&api);
        return false;
    }
    *out_api = api;
    return true;
}

void api_drain(struct api *api, void (*on_quiet)(void *owner), void *owner)
{
    if (api->on_quiet != NULL)
        return;
    api->on_quiet = on_quiet;
    api->on_quiet_owner = owner;
    http_server_drain(api->server);
    loop_timer_start_every(&api->look, QUIET_LOOK_MS);
}

void api_stop(struct api **api)
{
    if (*api == NULL)
        return;
    loop_timer_stop(&(*api)->look);
    http_server_stop(&(*api)->server);
    if ((*api)->keys != NULL)
        key_store_stop(&(*api)->keys);
    key_guard_free(&(*api)->guard);
    free(*api);
    *api = NULL;
}
