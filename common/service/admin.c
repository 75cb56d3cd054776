#include "common/service/admin.h"

#include "common/base/alloc.h"
#include "common/service/health.h"
#include "common/service/metrics.h"

#include <stdlib.h>

struct admin {
    struct http_server *server;
    struct metrics *metrics;
    struct health *health;
    struct metric *ready;
};

/* ---- answers ---- */

static void answer_state(const struct health *health, struct http_request *request, bool is_good)
{
    AUTO_BUF body = {0};

    health_write(health, &body);
    http_respond(request, is_good ? 200 : 503, "application/json", buf_slice(&body));
}

static void answer_health(void *health, struct http_request *request)
{
    enum health_state worst = health_worst(health);

    answer_state(health, request, worst == HEALTH_UP || worst == HEALTH_DEGRADED);
}

/* That it answers is the answer. */
static void answer_live(void *health, struct http_request *request)
{
    (void)health;
    http_respond(request, 200, "application/json", SLICE("{\"status\":\"UP\"}"));
}

static void answer_ready(void *health, struct http_request *request)
{
    answer_state(health, request, health_is_ready(health));
}

const struct http_route admin_health_routes[] = {
    {HTTP_GET, "/health/live", answer_live, NULL, NULL},
    {HTTP_GET, "/health/ready", answer_ready, NULL, NULL},
    {HTTP_GET, "/actuator/health/kafka", answer_health, NULL, NULL},
    {.path = NULL},
};

static void on_metrics(void *context, struct http_request *request)
{
    const struct admin *admin = context;
    AUTO_BUF body = {0};

    metrics_write(admin->metrics, &body);
    http_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&body));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/metrics", on_metrics, NULL, NULL},
    {.path = NULL},
};

/* ---- the listener ---- */

static void on_scrape(void *owner)
{
    struct admin *admin = owner;

    metric_set(admin->ready, health_is_ready(admin->health) ? 1 : 0);
}

bool admin_start(struct loop *loop, const char *listen, struct metrics *metrics, struct health *health,
                 struct admin **out_admin, struct err *err)
{
    struct admin *admin = NULL;

    if (listen[0] != '\0') {
        admin = xcalloc(1, sizeof(*admin));
        struct http_server_settings settings = {.listen = listen,
                                                .routes = routes,
                                                .context = admin,
                                                .more_routes = admin_health_routes,
                                                .more_context = health,
                                                .limits = http_limits_default};
        settings.limits.connections = 64;
        settings.limits.connections_per_address = 64;
        settings.limits.body_bytes = 1024;
        if (!http_server_start(loop, &settings, &admin->server, err)) {
            err_prefix(err, "admin.listen");
            free(admin);
            return false;
        }
        admin->metrics = metrics;
        admin->health = health;
        admin->ready = metrics_gauge(metrics, "millrace_ready", "",
                                     "Whether the process makes progress: 1 as /health/ready says 200.");
        metrics_on_scrape(metrics, on_scrape, admin);
    }
    *out_admin = admin;
    return true;
}

void admin_stop(struct admin **admin)
{
    if (*admin == NULL)
        return;
    http_server_stop(&(*admin)->server);
    free(*admin);
    *admin = NULL;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin != NULL ? http_server_port(admin->server) : 0;
}
