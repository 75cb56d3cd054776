/*
 * utf8.h - text as RFC 3629 allows it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
 */
#ifndef MILLRACE_UTF8_H
#define MILLRACE_UTF8_H

#include "common/base/slice.h"

/* How many bytes at the front are whole, valid characters: text.length when all are. */
size_t utf8_valid_length(struct slice text);

/* Whether valid UTF-8 holds a control character: U+0000 to U+001F, U+007F to U+009F. */
bool utf8_has_control(struct slice text);

#endif
