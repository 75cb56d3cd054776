/*
 * http_message.h - a request as it was read: its head in one buffer, its body in another, and, when it is
 * bad, why. For the files of the HTTP server only. Pure.
 */
#ifndef MILLRACE_HTTP_MESSAGE_H
#define MILLRACE_HTTP_MESSAGE_H

#include "common/base/buf.h"
#include "common/io/http_error.h"

struct gunzip;

/* A part of http_message.head; by index, because the buffer moves while it grows. */
struct http_text {
    uint32_t at;
    uint32_t length;
};

struct http_field {
    struct http_text name;  /* in lower case */
    struct http_text value; /* trimmed */
};

struct http_refusal {
    bool is_set;
    bool closes; /* the connection can't go on: what follows on it is not known to be a request */
    enum http_error_code code;
    char text[160];
    const char *detail_field; /* NULL: none; the two: keeps */
    const char *detail_text;
};

/* Zero-initialised is ready. */
struct http_message {
    struct buf head; /* method, target, version digits, then names and values */
    struct http_text method, target, version;
    struct http_text path, query; /* parts of the target; set by http_check_head */
    struct http_field *fields;
    uint32_t field_count, field_capacity;
    struct buf body;         /* decoded */
    struct gunzip *gunzip;   /* while a body with Content-Encoding: gzip is being decoded */
    uint64_t body_length;    /* read so far, as it was sent, kept or not */
    uint64_t content_length; /* as announced; 0 when chunked */
    uint64_t decoded_bytes;  /* of a gzip body, so far, kept or not */
    bool is_chunked;
    bool is_gzip;     /* the body is to be decoded */
    bool keeps_alive; /* the client lets the connection go on */
    bool expects_continue;
    bool discards_body; /* the body is read, for the sake of what follows it, and forgotten */
    struct http_refusal refusal;
};

void http_message_done(struct http_message *message);

/* Frees head, fields and body, keeps the rest; and the body alone. */
void http_message_forget(struct http_message *message);
void http_message_forget_body(struct http_message *message);

struct slice http_message_text(const struct http_message *message, struct http_text text);

/* The first value of the header (name in lower case), data NULL when absent; out_count may be NULL. */
struct slice http_message_header(const struct http_message *message, const char *name, uint32_t *out_count);

bool http_message_has_body(const struct http_message *message);

/* HTTP/1.0, which knows neither chunks nor 100 Continue. */
bool http_message_is_1_0(const struct http_message *message);

/* Memory that the message takes. */
size_t http_message_bytes(const struct http_message *message);

/* Notes why the request is refused; the first reason stays. refuse: the connection closes after the answer;
 * decline: it goes on with the next request. Both give false. */
bool http_message_refuse(struct http_message *message, enum http_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool http_message_decline(struct http_message *message, enum http_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
