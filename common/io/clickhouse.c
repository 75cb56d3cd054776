#include "common/io/clickhouse.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/clickhouse_text.h"
#include "common/io/http_client.h"

#include <stdlib.h>
#include <sys/queue.h>

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
    char *sql; /* sent as the body */
    clickhouse_on_result *on_result;
    void *owner;
};

struct clickhouse *clickhouse_new(struct loop *loop, const struct clickhouse_settings *settings)
{
    const struct http_client_settings client_settings = {
        .connect_timeout_ms = settings->connect_timeout_ms,
        .connections = settings->connections,
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
    free(call->sql);
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

struct clickhouse_call *clickhouse_ask(struct clickhouse *clickhouse, const struct clickhouse_query *query)
{
    struct clickhouse_call *call = xcalloc(1, sizeof(*call));
    AUTO_BUF url = {0};
    bool has_data = query->data.length > 0;
    const char *const headers[] = {clickhouse->user_header, "Content-Type: application/octet-stream",
                                   clickhouse->password_header, NULL};

    call->clickhouse = clickhouse;
    call->on_result = query->on_result;
    call->owner = query->owner;
    call->sql = xstrdup(query->sql);
    LIST_INSERT_HEAD(&clickhouse->calls, call, all);
    clickhouse_write_url(&url, clickhouse->url, clickhouse->database, query);
    const struct http_call_settings settings = {
        .method = "POST",
        .url = buf_text(&url),
        .headers = headers,
        .body = has_data ? query->data : slice_from(call->sql),
        .timeout_ms = query->timeout_ms,
        .answer_max_bytes = query->answer_max_bytes,
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
