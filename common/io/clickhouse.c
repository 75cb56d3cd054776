#include "common/io/clickhouse.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/codec/digest.h"
#include "common/io/clickhouse_text.h"
#include "common/io/http_client.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <sys/random.h>

enum { BOUNDARY_BYTES = 16 };

const struct clickhouse_pair clickhouse_settings_consistent[] = {{"select_sequential_consistency", "1"},
                                                                 {NULL, NULL}};

LIST_HEAD(clickhouse_call_list, clickhouse_call);

struct clickhouse {
    struct http_client *client;
    const char *url;
    const char *database;
    char *user_header;
    char *password_header; /* NULL: none */
    struct clickhouse_call_list calls;
};

struct clickhouse_call {
    struct clickhouse *clickhouse;
    LIST_ENTRY(clickhouse_call) all;
    struct http_call *http;
    struct buf body; /* unless it is the data of an INSERT: the SQL, or a form with a table */
    clickhouse_on_piece *on_piece;
    clickhouse_on_result *on_result;
    void *owner;
};

struct clickhouse *clickhouse_new(struct loop *loop, const struct clickhouse_settings *settings)
{
    const struct http_client_settings client_settings = {
        .connect_timeout_ms = settings->connect_timeout_ms,
        .connections = settings->connections,
        .ca_file = settings->ca_file,
    };
    struct clickhouse *clickhouse = xcalloc(1, sizeof(*clickhouse));

    clickhouse->client = http_client_new(loop, &client_settings);
    clickhouse->url = settings->url;
    clickhouse->database = settings->database;
    clickhouse->user_header = xasprintf("X-ClickHouse-User: %s", settings->user);
    if (settings->password[0] != '\0')
        clickhouse->password_header = xasprintf("X-ClickHouse-Key: %s", settings->password);
    LIST_INIT(&clickhouse->calls);
    return clickhouse;
}

static void free_call(struct clickhouse_call *call)
{
    LIST_REMOVE(call, all);
    buf_done(&call->body);
    free(call);
}

void clickhouse_free(struct clickhouse **clickhouse)
{
    if (*clickhouse == NULL)
        return;
    http_client_free(&(*clickhouse)->client);
    while (!LIST_EMPTY(&(*clickhouse)->calls))
        free_call(LIST_FIRST(&(*clickhouse)->calls));
    free((*clickhouse)->user_header);
    free((*clickhouse)->password_header);
    free(*clickhouse);
    *clickhouse = NULL;
}

static void on_answer(void *owner, const struct http_answer *answer)
{
    struct clickhouse_call *call = owner;
    struct clickhouse_result result;

    clickhouse_read_answer(answer, &result);
    call->on_result(call->owner, &result);
    free_call(call);
}

static void on_piece(void *owner, struct slice piece)
{
    struct clickhouse_call *call = owner;

    call->on_piece(call->owner, piece);
}

/* Bits that nobody who sends events can guess. */
static void make_boundary(char out[2 * BOUNDARY_BYTES + 1])
{
    unsigned char bits[BOUNDARY_BYTES];

    if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        BUG("getrandom");
    digest_to_hex(slice_of(bits, sizeof(bits)), out);
}

/* What the query is sent with; the type of that goes into content_type. */
static void write_body(struct buf *body, const struct clickhouse_query *query, struct buf *content_type)
{
    char boundary[2 * BOUNDARY_BYTES + 1];

    if (query->external.name != NULL) {
        make_boundary(boundary);
        buf_printf(content_type, "Content-Type: multipart/form-data; boundary=%s", boundary);
        clickhouse_write_form(body, &query->external, boundary);
        return;
    }
    buf_append_text(content_type, "Content-Type: application/octet-stream");
    if (query->data.length == 0)
        buf_append_text(body, query->sql);
}

struct clickhouse_call *clickhouse_ask(struct clickhouse *clickhouse, const struct clickhouse_query *query)
{
    struct clickhouse_call *call = xcalloc(1, sizeof(*call));
    AUTO_BUF url = {0};
    AUTO_BUF content_type = {0};

    BUG_ON(query->external.name != NULL && query->data.length > 0);
    call->clickhouse = clickhouse;
    call->on_piece = query->on_piece;
    call->on_result = query->on_result;
    call->owner = query->owner;
    LIST_INSERT_HEAD(&clickhouse->calls, call, all);
    write_body(&call->body, query, &content_type);
    const char *const headers[] = {clickhouse->user_header, buf_text(&content_type),
                                   clickhouse->password_header, NULL};
    clickhouse_write_url(&url, clickhouse->url, clickhouse->database, query);
    const struct http_call_settings settings = {
        .method = "POST",
        .url = buf_text(&url),
        .headers = headers,
        .body = query->data.length > 0 ? query->data : buf_slice(&call->body),
        .timeout_ms = query->timeout_ms,
        .answer_max_bytes = query->answer_max_bytes,
        .on_piece = query->on_piece != NULL ? on_piece : NULL,
        .on_answer = on_answer,
        .owner = call,
    };
    call->http = http_client_call(clickhouse->client, &settings);
    return call;
}

void clickhouse_cancel(struct clickhouse_call *call)
{
    http_call_cancel(call->http);
    free_call(call);
}
