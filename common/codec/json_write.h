/*
 * json_write.h - JSON text appended to a buffer. The caller writes the structure (braces, commas); these
 * write what needs care. Pure.
 */
#ifndef MILLRACE_JSON_WRITE_H
#define MILLRACE_JSON_WRITE_H

#include "common/base/buf.h"

/* text (UTF-8) in quotes, with the escapes that JSON demands and no others. */
void json_write_string(struct buf *out, struct slice text);

/* `"name":"text"`, with a comma in front unless the last byte is '{'. name needs no escapes. */
void json_write_member(struct buf *out, const char *name, struct slice text);

/* `"name":raw`, the same; raw is finished JSON. */
void json_write_raw_member(struct buf *out, const char *name, struct slice raw);

/* `"name":123`. */
void json_write_i64_member(struct buf *out, const char *name, int64_t value);

/* `"name":"2026-11-21T00:00:00.123456Z"`: microseconds since 1970, as rfc3339_write takes them. */
void json_write_time_member(struct buf *out, const char *name, int64_t us);

#endif
