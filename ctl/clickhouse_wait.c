#include "ctl/clickhouse_wait.h"

#include "common/base/alloc.h"
#include "common/io/loop.h"

enum { ANSWER_MAX_BYTES = 16 << 20 };

struct clickhouse_wait {
    struct loop *loop;
    struct clickhouse *clickhouse;
    uint32_t timeout_ms;

    /* The last answer. */
    bool is_done;
    int code;
    struct err err;
    struct buf *body; /* where it goes; NULL: nowhere */
};

struct clickhouse_wait *clickhouse_wait_new(const struct clickhouse_config *config, const char *database)
{
    struct clickhouse_wait *wait = xcalloc(1, sizeof(*wait));
    struct clickhouse_settings settings = {
        .url = config->url,
        .ca_file = config->ca_file,
        .user = config->user,
        .password = config->password.text != NULL ? config->password.text : "",
        .database = database,
        .connect_timeout_ms = (uint32_t)config->connect_timeout_ms,
        .connections = 1,
    };

    wait->loop = loop_new();
    wait->clickhouse = clickhouse_new(wait->loop, &settings);
    wait->timeout_ms = (uint32_t)config->query_timeout_ms;
    return wait;
}

void clickhouse_wait_free(struct clickhouse_wait **wait)
{
    if (*wait == NULL)
        return;
    clickhouse_free(&(*wait)->clickhouse);
    loop_free(&(*wait)->loop);
    free(*wait);
    *wait = NULL;
}

struct clickhouse *clickhouse_wait_client(const struct clickhouse_wait *wait)
{
    return wait->clickhouse;
}

void clickhouse_wait_on_result(void *owner, const struct clickhouse_result *result)
{
    struct clickhouse_wait *wait = owner;

    wait->is_done = result->outcome == CLICKHOUSE_DONE;
    wait->code = result->outcome == CLICKHOUSE_REFUSED ? result->code : 0;
    if (!wait->is_done)
        wait->err = result->err;
    else if (wait->body != NULL)
        buf_append_slice(wait->body, result->body);
    loop_stop(wait->loop);
}

bool clickhouse_wait_ask(struct clickhouse_wait *wait, const char *sql,
                         const struct clickhouse_pair *parameters, struct buf *out_body, struct err *err)
{
    struct clickhouse_query query = {
        .sql = sql,
        .parameters = parameters,
        .timeout_ms = wait->timeout_ms,
        .answer_max_bytes = ANSWER_MAX_BYTES,
        .on_result = clickhouse_wait_on_result,
        .owner = wait,
    };

    (void)clickhouse_ask(wait->clickhouse, &query);
    return clickhouse_wait_answer(wait, out_body, err);
}

bool clickhouse_wait_answer(struct clickhouse_wait *wait, struct buf *out_body, struct err *err)
{
    wait->body = out_body;
    loop_run(wait->loop);
    if (!wait->is_done) {
        *err = wait->err;
        err->kind = ERR_RETRY;
    }
    return wait->is_done;
}

int clickhouse_wait_code(const struct clickhouse_wait *wait)
{
    return wait->code;
}
