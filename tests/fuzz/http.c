/*
 * Requests as they come from the network. Whatever the bytes, reading them in one piece, one by one or in
 * pieces of a few must come to the same requests, the same ones refused, and end at the same place: a server
 * that depends on how TCP cuts its input can be made to see other requests than the proxy in front of it.
 * Only which of several faults of a request is named may differ.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lib/piece.h"

#include "common/io/http_check.h"
#include "common/io/http_limits.h"
#include "common/io/http_parse.h"

#include <inttypes.h>
#include <stdlib.h>

/* Small, so that inputs of a few hundred bytes reach them. */
static const struct http_limits limits = {
    .request_line_bytes = 128,
    .header_bytes = 512,
    .header_one_bytes = 128,
    .header_count = 8,
    .body_bytes = 1024,
};

static const char *const media_types[] = {"application/json", NULL};

static void describe_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, " %s=<", name);
    buf_append_slice(out, text);
    buf_append_byte(out, '>');
}

static void describe_request(struct buf *out, const struct http_message *message)
{
    buf_append_text(out, "\nrequest");
    describe_text(out, "method", http_message_text(message, message->method));
    describe_text(out, "target", http_message_text(message, message->target));
    describe_text(out, "version", http_message_text(message, message->version));
    describe_text(out, "path", http_message_text(message, message->path));
    describe_text(out, "query", http_message_text(message, message->query));
    for (uint32_t i = 0; i < message->field_count; i++) {
        describe_text(out, "name", http_message_text(message, message->fields[i].name));
        describe_text(out, "value", http_message_text(message, message->fields[i].value));
    }
    describe_text(out, "body", buf_slice(&message->body));
    buf_printf(out, " length=%" PRIu64 " of %" PRIu64 " chunked=%d gzip=%d keeps_alive=%d",
               message->body_length, message->content_length, message->is_chunked, message->is_gzip,
               message->keeps_alive);
    buf_printf(out, " refused=%d", message->refusal.is_set);
}

static void check_request(const struct http_message *message)
{
    uint32_t lengths, encodings;

    EXPECT(message->body_length <= limits.body_bytes);
    if (message->refusal.is_set)
        return;
    (void)http_message_header(message, "content-length", &lengths);
    (void)http_message_header(message, "transfer-encoding", &encodings);
    EXPECT(lengths + encodings <= 1);
    EXPECT(message->is_chunked == (encodings == 1));
    EXPECT(message->is_chunked || message->body_length == message->content_length);
    EXPECT(message->discards_body || message->is_gzip || message->body.length == message->body_length);
}

struct reading {
    struct http_parser *parser;
    struct http_message message;
    struct buf found;
    bool is_over; /* as the server would have closed the connection */
};

static void on_head(struct http_message *message)
{
    if (!message->refusal.is_set && slice_equals_text(http_message_text(message, message->method), "POST"))
        (void)http_check_media_type(message, media_types, &(uint32_t){0});
}

static void on_done(struct reading *reading)
{
    check_request(&reading->message);
    describe_request(&reading->found, &reading->message);
    reading->is_over = !reading->message.keeps_alive;
    http_message_done(&reading->message);
    reading->message = (struct http_message){0};
    http_parser_begin(reading->parser, &reading->message);
}

static void take_piece(struct reading *reading, struct slice piece)
{
    enum http_parse_event event;

    do {
        event = http_parse(reading->parser, &piece);
        if (event == HTTP_PARSE_HEAD)
            on_head(&reading->message);
        if (event == HTTP_PARSE_REFUSED || reading->message.refusal.closes) {
            EXPECT(reading->message.refusal.is_set);
            buf_append_text(&reading->found, "\nrefused and closed");
            reading->is_over = true;
        } else if (event == HTTP_PARSE_DONE)
            on_done(reading);
    } while (!reading->is_over && (event == HTTP_PARSE_HEAD || piece.length > 0));
}

/* What the input comes to, read in pieces of piece_bytes. */
static struct buf read_in_pieces(struct slice input, size_t piece_bytes)
{
    struct reading reading = {.parser = http_parser_new(&limits)};

    http_parser_begin(reading.parser, &reading.message);
    while (input.length > 0 && !reading.is_over) {
        struct slice piece = piece_take(&input, piece_bytes);
        take_piece(&reading, piece);
        free((void *)piece.data);
    }
    if (!reading.is_over)
        buf_printf(&reading.found, "\nunfinished inside=%d body=%d", http_parser_is_inside(reading.parser),
                   http_parser_is_in_body(reading.parser));
    http_message_done(&reading.message);
    http_parser_free(&reading.parser);
    return reading.found;
}

static void expect_same(struct buf *whole, struct buf *pieces)
{
    if (!slice_equals(buf_slice(whole), buf_slice(pieces)))
        BUG("in one piece:%s\nin several:%s", buf_text(whole), buf_text(pieces));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    AUTO_BUF whole = read_in_pieces(input, size);
    AUTO_BUF single = read_in_pieces(input, 1);
    AUTO_BUF few = read_in_pieces(input, size % 61 + 2);

    expect_same(&whole, &single);
    expect_same(&whole, &few);
    return 0;
}
