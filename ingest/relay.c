#include "ingest/relay.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/io/http_client.h"
#include "common/io/loop.h"
#include "common/service/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
    RELAY_CONNECT_TIMEOUT_MS = 1000,
    RELAY_OPEN_MAX = 64,
    RELAY_ANSWER_MAX_BYTES = 40 * 1024 * 1024, /* a page of the largest events */
};

struct relayed {
    LIST_ENTRY(relayed) open;
    struct relay *relay;
    struct http_request *request;
    char *tenant_id;
};

struct relay {
    struct relay_settings settings;
    struct http_client *client;
    LIST_HEAD(relayed_list, relayed) open;
    uint32_t open_count;
    struct log_gate gate;
};

void relay_write_url(struct buf *out, const char *base, struct slice path, struct slice query)
{
    buf_append_text(out, base);
    buf_append_slice(out, path);
    if (!slice_is_empty(query))
        buf_append_byte(out, '?');
    for (size_t i = 0; i < query.length; i++) {
        unsigned char byte = (unsigned char)query.data[i];
        if (byte > 0x20 && byte < 0x7f && byte != '#')
            buf_append_byte(out, (char)byte);
        else
            buf_printf(out, "%%%02X", byte);
    }
}

/* ---- what comes back ---- */

static struct http_request *finish(struct relayed *relayed)
{
    struct http_request *request = relayed->request;

    LIST_REMOVE(relayed, open);
    relayed->relay->open_count--;
    free(relayed->tenant_id);
    free(relayed);
    return request;
}

static void refuse(struct http_request *request, const char *message)
{
    const struct http_error error = {.code = HTTP_ERROR_SERVICE_UNAVAILABLE, .message = message};

    http_respond_error(request, &error);
}

static void log_failure(struct relay *relay, const struct err *err)
{
    uint32_t hidden_count;

    if (log_gate_passes(&relay->gate, loop_now_ms(relay->settings.loop), &hidden_count))
        log_warning("relay a read to millrace-query: %s (%u more since the last such line)", err->text,
                    hidden_count);
}

static void pass_retry_after(struct http_request *request, const struct http_answer *answer)
{
    char seconds[16];
    uint64_t value;

    if (!number_u64(answer->retry_after, &value) || value > UINT32_MAX)
        return;
    (void)snprintf(seconds, sizeof(seconds), "%" PRIu64, value);
    http_answer_header(request, "Retry-After", seconds);
}

static void on_answer(void *owner, const struct http_answer *answer)
{
    struct relayed *relayed = owner;
    struct relay *relay = relayed->relay;
    struct http_request *request = finish(relayed);

    if (!answer->has_answer) {
        log_failure(relay, &answer->err);
        refuse(request, "reads are not served now: millrace-query did not answer; try again");
        return;
    }
    pass_retry_after(request, answer);
    AUTO_STRING content_type = slice_dup(answer->content_type); /* ours: always there */
    http_respond(request, answer->status, content_type, answer->body);
}

/* ---- what is handed on ---- */

static void call(struct relay *relay, struct http_request *request, const char *tenant_id)
{
    struct slice key = http_request_header(request, "x-api-key", NULL);
    struct relayed *relayed = xcalloc(1, sizeof(*relayed));
    AUTO_BUF url = {0};
    AUTO_STRING id_header = xasprintf("x-request-id: %.*s", SLICE_ARG(http_request_id(request)));
    AUTO_STRING key_header = xasprintf("x-api-key: %.*s", SLICE_ARG(key));
    bool has_body = http_request_method(request) == HTTP_POST;
    const char *const headers[] = {id_header, key_header, has_body ? "Content-Type: application/json" : NULL,
                                   NULL};

    relayed->relay = relay;
    relayed->request = request;
    relayed->tenant_id = xstrdup(tenant_id);
    LIST_INSERT_HEAD(&relay->open, relayed, open);
    relay->open_count++;
    relay_write_url(&url, relay->settings.query_url, http_request_path(request), http_request_query(request));
    const struct http_call_settings settings = {
        .method = has_body ? "POST" : "GET",
        .url = buf_text(&url),
        .headers = headers,
        .body = http_request_body(request),
        .timeout_ms = relay->settings.timeout_ms,
        .answer_max_bytes = RELAY_ANSWER_MAX_BYTES,
        .on_answer = on_answer,
        .owner = relayed,
    };
    (void)http_client_call(relay->client, &settings);
}

/* No tenant has more than half of the places. */
static bool has_place(const struct relay *relay, const char *tenant_id)
{
    const struct relayed *relayed;
    uint32_t own_count = 0;

    LIST_FOREACH(relayed, &relay->open, open)
    {
        own_count += strcmp(relayed->tenant_id, tenant_id) == 0 ? 1 : 0;
    }
    return relay->open_count < RELAY_OPEN_MAX && own_count < RELAY_OPEN_MAX / 2;
}

void relay_admit(struct relay *relay, struct http_request *request)
{
    struct key_identity identity;

    (void)api_admit(relay->settings.api, request, "event:read", &identity);
}

void relay_read(struct relay *relay, struct http_request *request)
{
    struct key_identity identity;

    if (!api_identify(relay->settings.api, request, "event:read", &identity))
        return;
    if (has_place(relay, identity.tenant_id))
        call(relay, request, identity.tenant_id);
    else
        refuse(request, "too many reads are under way; try again");
}

struct relay *relay_new(const struct relay_settings *settings)
{
    const struct http_client_settings client = {.connect_timeout_ms = RELAY_CONNECT_TIMEOUT_MS,
                                                .connections = RELAY_OPEN_MAX};
    struct relay *relay = xcalloc(1, sizeof(*relay));

    relay->settings = *settings;
    relay->client = http_client_new(settings->loop, &client);
    LIST_INIT(&relay->open);
    return relay;
}

void relay_free(struct relay **relay)
{
    if (*relay == NULL)
        return;
    http_client_free(&(*relay)->client);
    while (!LIST_EMPTY(&(*relay)->open))
        refuse(finish(LIST_FIRST(&(*relay)->open)), "this server is stopping; try again");
    free(*relay);
    *relay = NULL;
}
