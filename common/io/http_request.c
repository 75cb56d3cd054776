#include "common/io/http_request.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/http_check.h"
#include "common/io/http_connection.h"
#include "common/io/http_pool.h"

#include <inttypes.h>
#include <stdlib.h>

struct http_request *http_request_new(struct http_pool *pool, struct http_connection *connection,
                                      const char *peer)
{
    struct http_request *request = xcalloc(1, sizeof(*request));

    request->pool = pool;
    request->connection = connection;
    (void)snprintf(request->peer, sizeof(request->peer), "%s", peer);
    return request;
}

void http_request_free(struct http_request **request)
{
    if (*request == NULL)
        return;
    http_message_done(&(*request)->message);
    buf_done(&(*request)->headers);
    buf_done(&(*request)->answer);
    http_request_account(*request);
    free(*request);
    *request = NULL;
}

void http_request_account(struct http_request *request)
{
    size_t held = http_message_bytes(&request->message);
    size_t unsent = request->answer.length;

    if (request->pool != NULL) {
        request->pool->held_bytes += held - request->held_bytes;
        request->pool->unsent_bytes += unsent - request->unsent_bytes;
    }
    if (request->connection != NULL)
        request->connection->unsent_bytes += unsent - request->unsent_bytes;
    request->held_bytes = held;
    request->unsent_bytes = unsent;
}

static bool method_from(struct slice text, enum http_method *out_method)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"POST", HTTP_POST},   {"GET", HTTP_GET},       {"HEAD", HTTP_HEAD},       {"PUT", HTTP_PUT},
        {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_equals_text(text, methods[i].name)) {
            *out_method = methods[i].method;
            return true;
        }
    }
    return false;
}

static void settle_id(struct http_request *request)
{
    uint32_t count;
    struct slice own = http_message_header(&request->message, "x-request-id", &count);

    if (count == 1 && http_check_name(own, HTTP_REQUEST_ID_BYTES - 1)) {
        memcpy(request->id, own.data, own.length);
        request->id[own.length] = '\0';
        return;
    }
    (void)snprintf(request->id, sizeof(request->id), "%016" PRIx64 "-%" PRIx64, request->pool->id_seed,
                   ++request->pool->id_count);
}

void http_request_settle(struct http_request *request)
{
    request->has_method =
        method_from(http_message_text(&request->message, request->message.method), &request->method);
    settle_id(request);
}

/* ---- for handlers ---- */

enum http_method http_request_method(const struct http_request *request)
{
    return request->method;
}

struct slice http_request_path(const struct http_request *request)
{
    struct slice path = http_message_text(&request->message, request->message.path);

    /* "GET http://host HTTP/1.1" */
    return slice_is_empty(path) ? SLICE("/") : path;
}

struct slice http_request_query(const struct http_request *request)
{
    return http_message_text(&request->message, request->message.query);
}

struct slice http_request_body(const struct http_request *request)
{
    return buf_slice(&request->message.body);
}

uint64_t http_request_decoded_bytes(const struct http_request *request)
{
    return request->message.decoded_bytes;
}

struct slice http_request_segment(const struct http_request *request)
{
    return request->segment;
}

uint32_t http_request_media_type(const struct http_request *request)
{
    return request->media_type;
}

struct slice http_request_header(const struct http_request *request, const char *name, uint32_t *out_count)
{
    return http_message_header(&request->message, name, out_count);
}

const char *http_request_peer(const struct http_request *request)
{
    return request->peer;
}

struct slice http_request_id(const struct http_request *request)
{
    return slice_from(request->id);
}

void http_request_decline(struct http_request *request, const struct http_error *error)
{
    struct http_refusal *refusal = &request->message.refusal;

    if (refusal->is_set)
        return;
    (void)http_message_decline(&request->message, error->code, "%s", error->message);
    refusal->detail_field = error->detail_field;
    refusal->detail_text = error->detail_text;
}

void http_request_set_user(struct http_request *request, void *user)
{
    request->user = user;
}

void *http_request_user(const struct http_request *request)
{
    return request->user;
}

/* ---- the answer ---- */

static void check_printable(const char *text)
{
    for (; *text != '\0'; text++)
        BUG_ON((unsigned char)*text < 0x20 || *text == 0x7f);
}

static void append_header(struct buf *out, const char *name, const char *value)
{
    buf_append_text(out, name);
    buf_append_text(out, ": ");
    buf_append_text(out, value);
    buf_append_text(out, "\r\n");
}

void http_answer_header(struct http_request *request, const char *name, const char *value)
{
    BUG_ON(request->is_answered);
    check_printable(name);
    check_printable(value);
    append_header(&request->headers, name, value);
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {207, "Multi-Status"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown"; /* the number is what counts */
}

static void write_answer(struct http_request *request, int status, const char *content_type,
                         struct slice body)
{
    struct buf *out = &request->answer;
    bool has_body = status != 204 && status != 304;
    bool closes = request->connection != NULL && http_connection_closes_after(request->connection, request);

    (void)buf_reserve(out, 256 + request->headers.length + body.length);
    buf_printf(out, "HTTP/1.1 %d %s\r\nx-request-id: %s\r\n", status, reason_of(status), request->id);
    if (has_body && content_type != NULL)
        append_header(out, "Content-Type", content_type);
    if (has_body)
        buf_printf(out, "Content-Length: %zu\r\n", body.length);
    if (closes)
        append_header(out, "Connection", "close");
    else if (http_message_is_1_0(&request->message))
        append_header(out, "Connection", "keep-alive");
    buf_append_slice(out, buf_slice(&request->headers));
    buf_append_text(out, "\r\n");
    if (has_body && !(request->has_method && request->method == HTTP_HEAD))
        buf_append_slice(out, body);
}

void http_respond(struct http_request *request, int status, const char *content_type, struct slice body)
{
    BUG_ON(request->is_answered || (content_type == NULL && body.length > 0));
    request->is_answered = true;
    if (request->pool != NULL)
        http_pool_on_answered(request->pool, request, status);
    if (request->connection != NULL)
        write_answer(request, status, content_type, body);
    buf_done(&request->headers);
    http_message_forget(&request->message);
    http_request_account(request);
    if (request->connection != NULL)
        http_connection_on_answered(request->connection);
    else
        http_request_free(&request);
}

void http_respond_error(struct http_request *request, const struct http_error *error)
{
    AUTO_BUF json = {0};
    bool may_come_back =
        error->code == HTTP_ERROR_SERVICE_UNAVAILABLE || error->code == HTTP_ERROR_TOO_MANY_REQUESTS;

    if (may_come_back && strcasestr(buf_text(&request->headers), "retry-after:") == NULL)
        http_answer_header(request, "Retry-After", "1");
    http_error_write(&json, error);
    http_respond(request, http_error_status(error->code), "application/json", buf_slice(&json));
}

void http_request_answer_refusal(struct http_request *request)
{
    /* http_respond forgets the message, but not the refusal. */
    const struct http_refusal *refusal = &request->message.refusal;
    const struct http_error error = {.code = refusal->code,
                                     .message = refusal->text,
                                     .detail_field = refusal->detail_field,
                                     .detail_text = refusal->detail_text};

    http_respond_error(request, &error);
}
