/*
 * options.h - what a client asks for in the headers of a request with events. Pure.
 */
#ifndef MILLRACE_OPTIONS_H
#define MILLRACE_OPTIONS_H

#include "common/base/slice.h"

/* Whether the value of the header Prefer (RFC 7240) holds this preference, such as handling=lenient. */
bool options_prefer(struct slice prefer, const char *name, const char *value);

/* Whether the text can be an Idempotency-Key: 1 to 255 printable ASCII characters. */
bool options_is_idempotency_key(struct slice key);

#endif
