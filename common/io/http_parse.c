#include "common/io/http_parse.h"

#include "common/base/alloc.h"
#include "common/codec/gunzip.h"
#include "common/io/http_check.h"
#include "common/io/http_limits.h"

#include <llhttp.h>
#include <stdlib.h>

enum {
    CHUNK_EXTENSION_MAX_BYTES = 256,
    TRAILERS_MAX_COUNT = 16,
    FIRST_BODY_RESERVE_BYTES = 65536,
    FIRST_HEAD_RESERVE_BYTES = 1024,
};

/* What follows the target in every request line: " HTTP/1.1". */
enum { VERSION_BYTES = 9, VERSION_DIGITS_AT = 6 };

struct http_parser {
    llhttp_t llhttp;
    const struct http_limits *limits;
    struct http_message *message;
    const char *chunk; /* the bytes that llhttp is reading */
    const char *chunk_end;
    int64_t chunk_position; /* of chunk[0], counted from the first byte of the method; may be below 0 */
    uint32_t line_bytes;    /* request line without its end; 0 while it is being read */
    uint32_t trailer_count, trailer_bytes, extension_bytes;
    bool is_inside, is_in_body;
    bool is_in_name; /* the last header byte belonged to a name */
    enum http_parse_event paused_by;
};

static int64_t position_of(const struct http_parser *parser, const char *at)
{
    return parser->chunk_position + (at - parser->chunk);
}

static void extend(struct http_parser *parser, struct http_text *text, const char *at, size_t length)
{
    struct buf *head = &parser->message->head;

    if (text->length == 0)
        text->at = (uint32_t)head->length;
    buf_append(head, at, length);
    text->length += (uint32_t)length;
}

/* ---- the request line ---- */

static int on_method(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;

    if (!parser->is_inside) {
        parser->is_inside = true;
        parser->chunk_position = -(at - parser->chunk);
        (void)buf_reserve(&parser->message->head, FIRST_HEAD_RESERVE_BYTES);
    }
    extend(parser, &parser->message->method, at, length);
    return HPE_OK;
}

/* llhttp lets through more than one space, and a line without version. */
static bool check_target_place(struct http_parser *parser, const char *at, const char *end)
{
    struct http_message *message = parser->message;
    int64_t target_at = message->method.length + 1;

    if (message->target.length == 0 && position_of(parser, at) != target_at)
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "more than one space in the request line");
    if (end < parser->chunk_end && *end != ' ')
        return http_message_refuse(message, HTTP_ERROR_VALIDATION, "the request line names no HTTP version");
    if (position_of(parser, end) + VERSION_BYTES > parser->limits->request_line_bytes)
        return http_message_refuse(message, HTTP_ERROR_URI_TOO_LONG, "the request line is over %u bytes",
                                   parser->limits->request_line_bytes);
    return true;
}

static int on_target(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;

    if (!check_target_place(parser, at, at + length))
        return HPE_USER;
    extend(parser, &parser->message->target, at, length);
    return HPE_OK;
}

static int on_version(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;
    struct http_message *message = parser->message;
    int64_t digits_at = message->method.length + 1 + message->target.length + VERSION_DIGITS_AT;

    if (message->version.length == 0 && position_of(parser, at) != digits_at) {
        (void)http_message_refuse(message, HTTP_ERROR_VALIDATION, "more than one space in the request line");
        return HPE_USER;
    }
    extend(parser, &message->version, at, length);
    parser->line_bytes = (uint32_t)position_of(parser, at + length);
    return HPE_OK;
}

/* ---- headers and trailers ---- */

static void begin_field(struct http_message *message)
{
    if (message->field_count == message->field_capacity) {
        message->field_capacity = message->field_capacity == 0 ? 16 : message->field_capacity * 2;
        message->fields = xrealloc(message->fields, message->field_capacity * sizeof(*message->fields));
    }
    message->fields[message->field_count++] = (struct http_field){0};
}

static bool check_block(struct http_parser *parser, int64_t position)
{
    uint32_t max = parser->limits->header_bytes;

    if (position - parser->line_bytes <= max)
        return true;
    return http_message_refuse(parser->message, HTTP_ERROR_HEADERS_TOO_LARGE,
                               "the headers are over %u bytes together", max);
}

/* Trailers are read over: nothing that we serve needs them. */
static int skip_trailer(struct http_parser *parser, size_t length)
{
    parser->trailer_bytes += (uint32_t)length;
    if (parser->trailer_count <= TRAILERS_MAX_COUNT && parser->trailer_bytes <= parser->limits->header_bytes)
        return HPE_OK;
    (void)http_message_refuse(parser->message, HTTP_ERROR_HEADERS_TOO_LARGE, "over %d trailers, or %u bytes",
                              TRAILERS_MAX_COUNT, parser->limits->header_bytes);
    return HPE_USER;
}

static int check_field(struct http_parser *parser, const char *end)
{
    struct http_message *message = parser->message;
    const struct http_field *field = &message->fields[message->field_count - 1];

    if (!check_block(parser, position_of(parser, end)))
        return HPE_USER;
    if (message->field_count <= parser->limits->header_count &&
        field->name.length + field->value.length <= parser->limits->header_one_bytes)
        return HPE_OK;
    (void)http_message_refuse(message, HTTP_ERROR_HEADERS_TOO_LARGE, "over %u headers, or one over %u bytes",
                              parser->limits->header_count, parser->limits->header_one_bytes);
    return HPE_USER;
}

static void lower_case(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;
    struct http_message *message = parser->message;
    bool is_new = !parser->is_in_name;

    parser->is_in_name = true;
    if (parser->is_in_body) {
        parser->trailer_count += is_new ? 1 : 0;
        return skip_trailer(parser, length);
    }
    if (is_new)
        begin_field(message);
    extend(parser, &message->fields[message->field_count - 1].name, at, length);
    lower_case(message->head.data + message->head.length - length, length);
    return check_field(parser, at + length);
}

/* To llhttp a trailer named Connection, Content-Length or Transfer-Encoding is a header: it would close the
 * connection or refuse the request. */
static int on_header_field_complete(llhttp_t *llhttp)
{
    enum { HEADER_STATE_GENERAL = 0 };
    const struct http_parser *parser = llhttp->data;

    if (parser->is_in_body)
        llhttp->header_state = HEADER_STATE_GENERAL;
    return HPE_OK;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;

    parser->is_in_name = false;
    if (parser->is_in_body)
        return skip_trailer(parser, length);
    extend(parser, &parser->message->fields[parser->message->field_count - 1].value, at, length);
    return check_field(parser, at + length);
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    struct http_message *message = parser->message;

    parser->is_in_name = false;
    if (parser->is_in_body)
        return HPE_OK;
    struct http_text *value = &message->fields[message->field_count - 1].value;
    struct slice trimmed = slice_trim(http_message_text(message, *value));
    value->length = (uint32_t)trimmed.length;
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    /* Upgrade is a wish that we don't follow. */
    llhttp->upgrade = 0;
    if (!http_check_head(parser->message, parser->limits) && parser->message->refusal.closes)
        return -1;
    parser->message->keeps_alive = llhttp_should_keep_alive(llhttp) != 0;
    parser->is_in_body = true;
    parser->paused_by = HTTP_PARSE_HEAD;
    return HPE_PAUSED;
}

/* ---- the body ---- */

/* What is wrong with the encoding is no reason to close: where the body ends is known. */
static void decode(struct http_message *message, struct slice bytes, const struct http_limits *limits)
{
    if (message->gunzip == NULL)
        message->gunzip = gunzip_new(limits->body_bytes);
    enum gunzip_result result = gunzip_feed(message->gunzip, bytes, &message->body);
    message->decoded_bytes = message->body.length;
    switch (result) {
    case GUNZIP_MORE:
    case GUNZIP_END:
        return;
    case GUNZIP_BROKEN:
        (void)http_message_decline(message, HTTP_ERROR_VALIDATION,
                                   "the body is not gzip, damaged, or goes on behind its end");
        break;
    case GUNZIP_TOO_LARGE:
        (void)http_message_decline(message, HTTP_ERROR_PAYLOAD_TOO_LARGE,
                                   "the body is over %u bytes when decoded", limits->body_bytes);
        break;
    case GUNZIP_BOMB:
        (void)http_message_decline(message, HTTP_ERROR_PAYLOAD_TOO_LARGE,
                                   "the body decodes to more than %d times its size", GUNZIP_RATIO_MAX);
        break;
    }
    http_message_forget_body(message);
}

static void end_decoding(struct http_message *message)
{
    if (!message->is_gzip || message->discards_body)
        return;
    if (message->gunzip == NULL || !gunzip_is_at_end(message->gunzip))
        (void)http_message_decline(message, HTTP_ERROR_VALIDATION, "the gzip body is cut off");
    gunzip_free(&message->gunzip);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = llhttp->data;
    struct http_message *message = parser->message;

    message->body_length += length;
    if (message->body_length > parser->limits->body_bytes) {
        (void)http_message_refuse(message, HTTP_ERROR_PAYLOAD_TOO_LARGE, "the body is over %u bytes",
                                  parser->limits->body_bytes);
        return HPE_USER;
    }
    if (message->discards_body)
        return HPE_OK;
    if (message->is_gzip) {
        decode(message, slice_of(at, length), parser->limits);
        return HPE_OK;
    }
    /* Who sends a good part at once sends the rest soon; who drips gets room for what is there. */
    if (message->body.capacity == 0 && message->content_length <= FIRST_BODY_RESERVE_BYTES &&
        length >= message->content_length / 4)
        (void)buf_reserve(&message->body, (size_t)message->content_length);
    buf_append(&message->body, at, length);
    return HPE_OK;
}

static int take_chunk_extension(struct http_parser *parser, size_t length, bool is_plain)
{
    parser->extension_bytes += (uint32_t)length;
    if (is_plain && parser->extension_bytes <= CHUNK_EXTENSION_MAX_BYTES)
        return HPE_OK;
    (void)http_message_refuse(parser->message, HTTP_ERROR_VALIDATION,
                              "a chunk extension over %d bytes or with control bytes",
                              CHUNK_EXTENSION_MAX_BYTES);
    return HPE_USER;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t length)
{
    bool is_plain = true;

    for (size_t i = 0; i < length; i++)
        is_plain = is_plain && (unsigned char)at[i] >= 0x20 && at[i] != 0x7f;
    return take_chunk_extension(llhttp->data, length, is_plain);
}

/* The ';' or '=' that goes with each name and value counts too. */
static int on_chunk_extension_end(llhttp_t *llhttp)
{
    return take_chunk_extension(llhttp->data, 1, true);
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    parser->extension_bytes = 0;
    return HPE_OK;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    parser->is_inside = parser->is_in_body = false;
    end_decoding(parser->message);
    parser->paused_by = HTTP_PARSE_DONE;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_method = on_method,
    .on_url = on_target,
    .on_version = on_version,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_chunk_extension_name_complete = on_chunk_extension_end,
    .on_chunk_extension_value_complete = on_chunk_extension_end,
    .on_chunk_header = on_chunk_header,
    .on_message_complete = on_message_complete,
};

/* ---- llhttp's own refusals ---- */

static bool is_in_token(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~ ", byte) != NULL);
}

static void refuse_method(struct http_message *message, char byte)
{
    if (is_in_token(byte))
        (void)http_message_refuse(message, HTTP_ERROR_NOT_IMPLEMENTED, "this method is not served");
    else
        (void)http_message_refuse(message, HTTP_ERROR_VALIDATION, "this is not HTTP");
}

static void refuse_version(struct http_message *message)
{
    struct slice version = http_message_text(message, message->version);

    if (slice_equals(version, SLICE("1.1")) || slice_equals(version, SLICE("1.0")))
        (void)http_message_refuse(message, HTTP_ERROR_VALIDATION, "the request line must end with CR LF");
    else
        (void)http_message_refuse(message, HTTP_ERROR_VERSION_NOT_SUPPORTED,
                                  "only HTTP/1.1 and HTTP/1.0 are served");
}

/* Says in our words what llhttp stopped at, unless a check of ours did. */
static void refuse(struct http_parser *parser, llhttp_errno_t code)
{
    struct http_message *message = parser->message;

    switch (code) {
    case HPE_INVALID_METHOD:
        refuse_method(message, *llhttp_get_error_pos(&parser->llhttp));
        break;
    case HPE_INVALID_CONSTANT:
        /* A method of another protocol, or no "HTTP/". */
        (void)http_message_refuse(message, HTTP_ERROR_VALIDATION, "the request line names no HTTP version");
        break;
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        refuse_version(message);
        break;
    case HPE_INVALID_TRANSFER_ENCODING:
        if (http_check_framing(message))
            (void)http_message_refuse(message, HTTP_ERROR_NOT_IMPLEMENTED,
                                      "the only Transfer-Encoding served is chunked, once");
        break;
    default:
        break;
    }
    (void)http_message_refuse(message, HTTP_ERROR_VALIDATION, "malformed HTTP: %s",
                              llhttp_get_error_reason(&parser->llhttp));
}

/* ---- the parser ---- */

struct http_parser *http_parser_new(const struct http_limits *limits)
{
    struct http_parser *parser = xcalloc(1, sizeof(*parser));

    llhttp_init(&parser->llhttp, HTTP_REQUEST, &callbacks);
    parser->llhttp.data = parser;
    parser->limits = limits;
    return parser;
}

void http_parser_free(struct http_parser **parser)
{
    free(*parser);
    *parser = NULL;
}

void http_parser_begin(struct http_parser *parser, struct http_message *message)
{
    parser->message = message;
    parser->line_bytes = 0;
    parser->trailer_count = parser->trailer_bytes = parser->extension_bytes = 0;
    parser->is_in_name = false;
}

/* The bytes that no callback has seen, such as spaces, count too. */
static bool check_unfinished_head(struct http_parser *parser)
{
    if (!parser->is_inside || parser->is_in_body)
        return true;
    int64_t position = position_of(parser, parser->chunk_end);
    parser->chunk_position = position;
    if (parser->line_bytes > 0)
        return check_block(parser, position);
    if (position <= parser->limits->request_line_bytes)
        return true;
    return http_message_refuse(parser->message, HTTP_ERROR_URI_TOO_LONG, "the request line is over %u bytes",
                               parser->limits->request_line_bytes);
}

enum http_parse_event http_parse(struct http_parser *parser, struct slice *bytes)
{
    parser->chunk = bytes->data;
    parser->chunk_end = bytes->data + bytes->length;
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes->data, bytes->length);
    if (code == HPE_OK) {
        *bytes = slice_of(parser->chunk_end, 0);
        return check_unfinished_head(parser) ? HTTP_PARSE_MORE : HTTP_PARSE_REFUSED;
    }
    if (code != HPE_PAUSED) {
        refuse(parser, code);
        return HTTP_PARSE_REFUSED;
    }
    const char *at = llhttp_get_error_pos(&parser->llhttp);
    *bytes = slice_from_index(*bytes, (size_t)(at - bytes->data));
    llhttp_resume(&parser->llhttp);
    /* Only here it is known where the head ends. */
    if (parser->paused_by == HTTP_PARSE_HEAD && !check_block(parser, position_of(parser, at)))
        return HTTP_PARSE_REFUSED;
    return parser->paused_by;
}

bool http_parser_is_inside(const struct http_parser *parser)
{
    return parser->is_inside;
}

bool http_parser_is_in_body(const struct http_parser *parser)
{
    return parser->is_in_body;
}
