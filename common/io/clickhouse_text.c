#include "common/io/clickhouse_text.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/io/http_client.h"

bool clickhouse_is_data_fault(int code)
{
    static const int codes[] = {27, 53, 69, 117, 131, 407, 469};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* ---- the query ---- */

void clickhouse_write_escaped(struct buf *out, struct slice value)
{
    static const char plain[] = "\\\t\n\r\b\f";
    static const char letter[] = "\\tnrbf";

    for (size_t i = 0; i < value.length; i++) {
        const char *found = value.data[i] == '\0' ? NULL : strchr(plain, value.data[i]);
        if (found == NULL) {
            buf_append_byte(out, value.data[i]);
            continue;
        }
        buf_append_byte(out, '\\');
        buf_append_byte(out, letter[found - plain]);
    }
}

bool clickhouse_takes_literal(const char *sql, const char *name)
{
    static const char *const types[] = {"Array(", "Map(", "Tuple("};
    AUTO_STRING declaration = xasprintf("{%s:", name);
    const char *type = strstr(sql, declaration);

    if (type == NULL)
        return false;
    type += strlen(declaration);
    type += strspn(type, " ");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strncmp(type, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

static void write_percent(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~", byte) != NULL);
        if (is_plain) {
            buf_append_byte(out, (char)byte);
            continue;
        }
        const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
        buf_append(out, escape, sizeof(escape));
    }
}

static void write_argument(struct buf *out, const char *prefix, const char *name, struct slice value)
{
    buf_append_byte(out, '&');
    buf_append_text(out, prefix);
    write_percent(out, slice_from(name));
    buf_append_byte(out, '=');
    write_percent(out, value);
}

static void write_parameters(struct buf *out, const struct clickhouse_query *query)
{
    AUTO_BUF value = {0};

    for (const struct clickhouse_pair *pair = query->parameters; pair != NULL && pair->name != NULL; pair++) {
        buf_clear(&value);
        if (clickhouse_takes_literal(query->sql, pair->name))
            buf_append_text(&value, pair->value);
        else
            clickhouse_write_escaped(&value, slice_from(pair->value));
        write_argument(out, "param_", pair->name, buf_slice(&value));
    }
}

static void write_external(struct buf *out, const struct clickhouse_query *query)
{
    AUTO_STRING structure = xasprintf("%s_structure", query->external.name);
    AUTO_STRING format = xasprintf("%s_format", query->external.name);

    write_argument(out, "", structure, slice_from(query->external.structure));
    write_argument(out, "", format, SLICE("RowBinary"));
    write_argument(out, "", "query", slice_from(query->sql));
}

void clickhouse_write_url(struct buf *out, const char *base, const char *database,
                          const struct clickhouse_query *query)
{
    buf_append_text(out, base);
    /* An exception must break the answer off, not pass for rows. */
    buf_append_text(out, "/?http_write_exception_in_output_format=0");
    write_argument(out, "", "database", slice_from(database));
    if (query->query_id != NULL)
        write_argument(out, "", "query_id", slice_from(query->query_id));
    for (const struct clickhouse_pair *pair = query->settings; pair != NULL && pair->name != NULL; pair++)
        write_argument(out, "", pair->name, slice_from(pair->value));
    write_parameters(out, query);
    if (query->external.name != NULL)
        write_external(out, query);
    if (query->data.length == 0)
        return;
    /* 200 only when the rows are stored. */
    write_argument(out, "", "wait_end_of_query", SLICE("1"));
    write_argument(out, "", "query", slice_from(query->sql));
}

void clickhouse_write_form(struct buf *out, const struct clickhouse_external *external, const char *boundary)
{
    buf_printf(out,
               "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
               "Content-Type: application/octet-stream\r\n\r\n",
               boundary, external->name, external->name);
    buf_append_slice(out, external->rows);
    buf_printf(out, "\r\n--%s--\r\n", boundary);
}

/* ---- the answer ---- */

/* "Code: 60. DB::Exception: ..." */
static int code_in_body(struct slice body)
{
    static const struct slice mark = {"Code: ", 6};
    struct slice digits;
    uint64_t code;

    if (!slice_starts_with(body, mark))
        return 0;
    body = slice_from_index(body, mark.length);
    (void)slice_cut(&body, '.', &digits);
    return number_u64(digits, &code) && code < 1000000 ? (int)code : 0;
}

static int code_of(const struct http_answer *answer)
{
    uint64_t code;

    if (number_u64(answer->exception_code, &code) && code > 0 && code < 1000000)
        return (int)code;
    return answer->status == 200 ? 0 : code_in_body(answer->body);
}

/* A proxy that lost the server behind it can't know whether the query was done. */
static bool is_gateway_failure(int status)
{
    return status == 502 || status == 503 || status == 504;
}

static void describe(const struct http_answer *answer, struct clickhouse_result *result)
{
    char text[320];

    (void)log_escape(slice_trim(answer->body), text, sizeof(text));
    err_set(&result->err, result->is_data_fault ? ERR_REJECT : ERR_RETRY,
            "ClickHouse answered %d, code %d: %s", answer->status, result->code, text);
}

void clickhouse_read_answer(const struct http_answer *answer, struct clickhouse_result *out_result)
{
    struct clickhouse_result result = {.duration_ms = answer->duration_ms};

    if (!answer->has_answer) {
        result.outcome = CLICKHOUSE_NO_ANSWER;
        result.err = answer->err;
        err_prefix(&result.err, "ClickHouse");
        *out_result = result;
        return;
    }
    result.code = code_of(answer);
    if (answer->status == 200 && result.code == 0) {
        result.outcome = CLICKHOUSE_DONE;
        result.body = answer->body;
        *out_result = result;
        return;
    }
    result.is_data_fault = clickhouse_is_data_fault(result.code);
    result.outcome =
        result.code == 0 && is_gateway_failure(answer->status) ? CLICKHOUSE_NO_ANSWER : CLICKHOUSE_REFUSED;
    describe(answer, &result);
    *out_result = result;
}
