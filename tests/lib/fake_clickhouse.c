#include "tests/lib/fake_clickhouse.h"

#include "common/base/number.h"
#include "common/codec/rowbinary.h"
#include "common/io/clickhouse.h"
#include "tests/lib/url_argument.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const char fake_clickhouse_columns[] = "id, source_epoch, kafka_partition, kafka_offset";

/* ---- reading requests ---- */

/* The argument of the URL, decoded; "" when it is not there. */
static const char *argument(const struct http_request *request, const char *name, char out[FAKE_TEXT_BYTES])
{
    AUTO_BUF value = {0};

    (void)url_argument(http_request_query(request), name, &value);
    (void)snprintf(out, FAKE_TEXT_BYTES, "%s", buf_text(&value));
    return out;
}

static uint64_t parameter(const struct http_request *request, const char *name)
{
    char text[FAKE_TEXT_BYTES];
    uint64_t value = 0;

    if (!number_u64(slice_from(argument(request, name, text)), &value))
        fail_msg("%s is no number: \"%s\"", name, text);
    return value;
}

/* ---- inserts ---- */

void fake_clickhouse_write_row(struct buf *rows, struct slice id, uint32_t epoch, int32_t partition,
                               int64_t offset)
{
    rowbinary_write_string(rows, id);
    rowbinary_write_u32(rows, epoch);
    rowbinary_write_u32(rows, (uint32_t)partition);
    rowbinary_write_u64(rows, (uint64_t)offset);
}

static struct fake_row read_row(struct slice *rest)
{
    struct fake_row row;
    struct slice id;

    if (!rowbinary_read_string(rest, &id) || !rowbinary_read_u32(rest, &row.epoch) ||
        !rowbinary_read_u32(rest, &row.partition) || !rowbinary_read_u64(rest, &row.offset))
        fail_msg("rows that are none: %zu bytes left", rest->length);
    (void)snprintf(row.id, sizeof(row.id), "%.*s", SLICE_ARG(id));
    return row;
}

static size_t count_rows(struct slice body)
{
    size_t count = 0;

    for (; !slice_is_empty(body); count++)
        (void)read_row(&body);
    return count;
}

static bool is_poisoned(const struct fake_clickhouse *fake, struct slice body)
{
    while (fake->poison_id != NULL && !slice_is_empty(body))
        if (strcmp(read_row(&body).id, fake->poison_id) == 0)
            return true;
    return false;
}

static bool knows_token(const struct fake_clickhouse *fake, const char *token)
{
    for (size_t i = 0; i < fake->known_token_count; i++)
        if (strcmp(fake->known_tokens[i], token) == 0)
            return true;
    return false;
}

static void learn_token(struct fake_clickhouse *fake, const char *token)
{
    assert_true(fake->known_token_count < FAKE_INSERTS_MAX);
    (void)snprintf(fake->known_tokens[fake->known_token_count++], FAKE_TEXT_BYTES, "%s", token);
}

static void store(struct fake_clickhouse *fake, const struct http_request *request)
{
    char token[FAKE_TEXT_BYTES];
    struct slice rest = http_request_body(request);

    (void)argument(request, "insert_deduplication_token", token);
    if (knows_token(fake, token))
        return;
    learn_token(fake, token);
    while (!slice_is_empty(rest)) {
        assert_true(fake->row_count < FAKE_ROWS_MAX);
        fake->rows[fake->row_count++] = read_row(&rest);
    }
}

static void refuse(struct http_request *request, int status, int code)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%d", code);
    http_answer_header(request, "X-ClickHouse-Exception-Code", text);
    http_respond(request, status, "text/plain", SLICE("as the test wants it"));
}

static void answer_insert(struct fake_clickhouse *fake, struct http_request *request, enum fake_insert what,
                          int code)
{
    char token[FAKE_TEXT_BYTES];

    switch (what) {
    case FAKE_STORE:
        store(fake, request);
        http_respond(request, 200, NULL, slice_of(NULL, 0));
        return;
    case FAKE_REFUSE:
        refuse(request, 500, code);
        return;
    case FAKE_STORE_SILENTLY:
        store(fake, request);
        http_respond(request, 502, NULL, slice_of(NULL, 0));
        return;
    case FAKE_TOKEN_ONLY:
        learn_token(fake, argument(request, "insert_deduplication_token", token));
        http_respond(request, 502, NULL, slice_of(NULL, 0));
        return;
    case FAKE_HOLD:
        assert_null(fake->held);
        fake->held = request;
        return;
    }
}

static void insert(struct fake_clickhouse *fake, struct http_request *request)
{
    struct slice body = http_request_body(request);
    enum fake_insert what = FAKE_STORE;
    int code = 0;

    assert_true(fake->insert_count < FAKE_INSERTS_MAX);
    (void)argument(request, "insert_deduplication_token", fake->tokens[fake->insert_count]);
    (void)argument(request, "query_id", fake->query_ids[fake->insert_count]);
    fake->insert_rows[fake->insert_count++] = count_rows(body);
    if (is_poisoned(fake, body)) {
        refuse(request, 400, 27);
        return;
    }
    if (fake->next_at < fake->next_count) {
        what = fake->next_inserts[fake->next_at];
        code = fake->next_codes[fake->next_at++];
    }
    answer_insert(fake, request, what, code);
}

/* ---- questions ---- */

static int by_offset(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return *left < *right ? -1 : *left > *right;
}

static void answer_offsets(const struct fake_clickhouse *fake, struct http_request *request)
{
    uint64_t first = parameter(request, "param_first");
    uint64_t last = parameter(request, "param_last");
    uint64_t limit = parameter(request, "param_limit");
    uint64_t offsets[FAKE_ROWS_MAX];
    size_t count = 0;
    AUTO_BUF body = {0};

    for (size_t i = 0; i < fake->row_count; i++) {
        const struct fake_row *row = &fake->rows[i];
        if (row->epoch == parameter(request, "param_epoch") &&
            row->partition == parameter(request, "param_partition") && row->offset >= first &&
            row->offset <= last)
            offsets[count++] = row->offset;
    }
    qsort(offsets, count, sizeof(offsets[0]), by_offset);
    for (size_t i = 0; i < count && limit > 0; i++) {
        if (i > 0 && offsets[i] == offsets[i - 1])
            continue;
        rowbinary_write_u64(&body, offsets[i]);
        limit--;
    }
    http_respond(request, 200, "application/octet-stream", buf_slice(&body));
}

/* The newest of all rows of the partition, or of those of an epoch from `first` on. */
static void answer_newest(const struct fake_clickhouse *fake, struct http_request *request,
                          bool is_of_any_epoch)
{
    uint64_t epoch = is_of_any_epoch ? 0 : parameter(request, "param_epoch");
    uint64_t first = is_of_any_epoch ? 0 : parameter(request, "param_first");
    const struct fake_row *newest = NULL;
    AUTO_BUF body = {0};

    for (size_t i = 0; i < fake->row_count; i++) {
        const struct fake_row *row = &fake->rows[i];
        if (row->partition != parameter(request, "param_partition") ||
            (!is_of_any_epoch && (row->epoch != epoch || row->offset < first)))
            continue;
        if (newest == NULL || row->epoch > newest->epoch ||
            (row->epoch == newest->epoch && row->offset > newest->offset))
            newest = row;
    }
    if (newest != NULL) {
        rowbinary_write_u32(&body, newest->epoch);
        rowbinary_write_u64(&body, newest->offset);
        rowbinary_write_string(&body, slice_from(newest->id));
    }
    http_respond(request, 200, "application/octet-stream", buf_slice(&body));
}

static void on_request(void *context, struct http_request *request)
{
    struct fake_clickhouse *fake = context;
    char sql[FAKE_TEXT_BYTES];
    struct slice question = http_request_body(request);

    if (strncmp(argument(request, "query", sql), "INSERT INTO rows ", 17) == 0) {
        insert(fake, request);
        return;
    }
    fake->question_count++;
    if (fake->failing_questions > 0) {
        fake->failing_questions--;
        refuse(request, 500, 60);
    } else if (slice_starts_with(question, SLICE("SELECT DISTINCT kafka_offset FROM rows "))) {
        answer_offsets(fake, request);
    } else if (slice_starts_with(question, SLICE("SELECT source_epoch, kafka_offset, id FROM rows "))) {
        answer_newest(fake, request, memmem(question.data, question.length, "{epoch:", 7) == NULL);
    } else {
        fail_msg("a question that the fake does not know: %.*s", SLICE_ARG(question));
    }
}

static const char *const any_bytes[] = {"application/octet-stream", NULL};

static const struct http_route routes[] = {{HTTP_POST, "/", on_request, any_bytes, NULL}, {.path = NULL}};

/* ---- life ---- */

void fake_clickhouse_start(struct fake_clickhouse *fake, struct loop *loop)
{
    const struct http_server_settings settings = {
        .listen = "127.0.0.1:0", .routes = routes, .context = fake, .limits = http_limits_default};
    struct err err;

    memset(fake, 0, sizeof(*fake));
    fake->loop = loop;
    if (!http_server_start(loop, &settings, &fake->server, &err))
        fail_msg("%s", err.text);
    (void)snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%u", http_server_port(fake->server));
    fake->clickhouse = clickhouse_new(loop, &(struct clickhouse_settings){.url = fake->url,
                                                                          .user = "default",
                                                                          .password = "",
                                                                          .database = "millrace",
                                                                          .connect_timeout_ms = 2000,
                                                                          .connections = 4});
}

void fake_clickhouse_stop(struct fake_clickhouse *fake)
{
    if (fake->held != NULL)
        http_respond(fake->held, 500, NULL, slice_of(NULL, 0));
    clickhouse_free(&fake->clickhouse);
    http_server_stop(&fake->server);
}

struct stage_table fake_clickhouse_table(const struct fake_clickhouse *fake)
{
    return (struct stage_table){.clickhouse = fake->clickhouse,
                                .name = "rows",
                                .columns = fake_clickhouse_columns,
                                .insert_timeout_ms = 10000,
                                .question_timeout_ms = 10000};
}

void fake_clickhouse_plan(struct fake_clickhouse *fake, enum fake_insert what, int code)
{
    assert_true(fake->next_count < 16);
    fake->next_inserts[fake->next_count] = what;
    fake->next_codes[fake->next_count++] = code;
}

void fake_clickhouse_let_go(struct fake_clickhouse *fake)
{
    struct http_request *request = fake->held;

    assert_non_null(request);
    fake->held = NULL;
    answer_insert(fake, request, FAKE_STORE, 0);
}

void fake_clickhouse_lose(struct fake_clickhouse *fake)
{
    struct http_request *request = fake->held;

    assert_non_null(request);
    fake->held = NULL;
    http_respond(request, 502, NULL, slice_of(NULL, 0));
}

void fake_clickhouse_add(struct fake_clickhouse *fake, uint32_t epoch, int32_t partition, int64_t offset)
{
    struct fake_row *row = &fake->rows[fake->row_count++];

    *row = (struct fake_row){.epoch = epoch, .partition = (uint32_t)partition, .offset = (uint64_t)offset};
    (void)snprintf(row->id, sizeof(row->id), "%d:%lld", (int)partition, (long long)offset);
}

int fake_clickhouse_copies(const struct fake_clickhouse *fake, uint32_t epoch, int32_t partition,
                           int64_t offset)
{
    int copies = 0;

    for (size_t i = 0; i < fake->row_count; i++)
        if (fake->rows[i].epoch == epoch && fake->rows[i].partition == (uint32_t)partition &&
            fake->rows[i].offset == (uint64_t)offset)
            copies++;
    return copies;
}
