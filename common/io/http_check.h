/*
 * http_check.h - the strict checks of a request's head that llhttp leaves to its user. Each notes the
 * reason in message->refusal and gives false. Pure.
 */
#ifndef MILLRACE_HTTP_CHECK_H
#define MILLRACE_HTTP_CHECK_H

#include "common/io/http_message.h"

struct http_limits;

/* Version, method, target, Host, framing of the body, Expect. Sets path, query, content_length, is_chunked
 * and expects_continue. */
bool http_check_head(struct http_message *message, const struct http_limits *limits);

/* Content-Length and Transfer-Encoding: one way to know where the body ends, beyond doubt. Part of
 * http_check_head; alone for when llhttp stops in the middle of the headers because of them. */
bool http_check_framing(struct http_message *message);

/* Content-Type is one of media_types (NULL-terminated), charset utf-8 or not named; Content-Encoding is gzip,
 * once, or says nothing. Sets is_gzip. */
bool http_check_media_type(struct http_message *message, const char *const *media_types, uint32_t *out_index);

/* 1 to max_bytes of [A-Za-z0-9._-]: an x-request-id that is taken over, a part of a path. */
bool http_check_name(struct slice name, size_t max_bytes);

#endif
