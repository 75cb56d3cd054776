#include "common/io/http_message.h"

#include "common/codec/gunzip.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void http_message_forget_body(struct http_message *message)
{
    buf_done(&message->body);
    gunzip_free(&message->gunzip);
}

void http_message_forget(struct http_message *message)
{
    buf_done(&message->head);
    http_message_forget_body(message);
    free(message->fields);
    message->fields = NULL;
    message->field_count = message->field_capacity = 0;
}

void http_message_done(struct http_message *message)
{
    http_message_forget(message);
    *message = (struct http_message){0};
}

struct slice http_message_text(const struct http_message *message, struct http_text text)
{
    return slice_of(message->head.data + text.at, text.length);
}

struct slice http_message_header(const struct http_message *message, const char *name, uint32_t *out_count)
{
    struct slice wanted = slice_from(name);
    struct slice first = {NULL, 0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < message->field_count; i++) {
        if (!slice_equals(http_message_text(message, message->fields[i].name), wanted))
            continue;
        if (count++ == 0)
            first = http_message_text(message, message->fields[i].value);
        if (out_count == NULL)
            break;
    }
    if (out_count != NULL)
        *out_count = count;
    return first;
}

bool http_message_has_body(const struct http_message *message)
{
    return message->is_chunked || message->content_length > 0;
}

bool http_message_is_1_0(const struct http_message *message)
{
    return slice_equals(http_message_text(message, message->version), SLICE("1.0"));
}

size_t http_message_bytes(const struct http_message *message)
{
    size_t decoder_bytes = message->gunzip != NULL ? gunzip_bytes(message->gunzip) : 0;

    return message->head.capacity + message->field_capacity * sizeof(*message->fields) +
           message->body.length + decoder_bytes;
}

static bool __attribute__((format(printf, 3, 0)))
note(struct http_message *message, enum http_error_code code, const char *format, va_list args)
{
    struct http_refusal *refusal = &message->refusal;

    if (!refusal->is_set) {
        refusal->is_set = true;
        refusal->code = code;
        (void)vsnprintf(refusal->text, sizeof(refusal->text), format, args);
    }
    message->discards_body = true;
    return false;
}

bool http_message_refuse(struct http_message *message, enum http_error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)note(message, code, format, args);
    va_end(args);
    message->refusal.closes = true;
    return false;
}

bool http_message_decline(struct http_message *message, enum http_error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)note(message, code, format, args);
    va_end(args);
    return false;
}
