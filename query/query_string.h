/*
 * query_string.h - the parameters of a URL, one after the other, decoded strictly. Pure.
 */
#ifndef MILLRACE_QUERY_STRING_H
#define MILLRACE_QUERY_STRING_H

#include "common/base/arena.h"

/* Takes the next `name=value` off the front of rest ("name" alone has an empty value). False at the end.
 * Both are undecoded and borrow from rest. */
bool query_string_next(struct slice *rest, struct slice *out_name, struct slice *out_value);

/* %XX and '+' (a space) decoded, NUL-terminated in the arena. False when a '%' has no two hexadecimal digits
 * behind it, or the result is not UTF-8 or holds a NUL. */
bool query_string_decode(struct arena *arena, struct slice raw, struct slice *out_text);

#endif
