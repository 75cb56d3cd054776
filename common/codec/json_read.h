/*
 * json_read.h - strict JSON: yajl's tokens with the checks that yajl leaves out. A document is refused for
 * anything that RFC 8259 does not allow or that programs read differently: overlong or surrogate UTF-8,
 * NUL (raw or \u0000), lone surrogates, duplicate keys (also through escapes), a byte order mark, a form
 * feed as white space, a second document, depth and sizes over the limits.
 *
 * Numbers are handed on as written and never pass through a double; those that no decimal of 38 digits
 * holds are refused (json_number.h). One pass; memory is bounded by the limits and the document.
 */
#ifndef MILLRACE_JSON_READ_H
#define MILLRACE_JSON_READ_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <stdint.h>

enum json_kind {
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_token {
    enum json_kind kind;
    uint32_t depth;    /* of the container it stands in: 0 for the document's own value; a BEGIN and its END
                          have the same depth */
    struct slice text; /* KEY and STRING: decoded; NUMBER: as written; else empty. Borrows: for this call, or
                          as long as the document when it is not a copy */
    bool is_copy;      /* text had escapes, or is cut from a buffer: it does not lie in the document */
    size_t begin, end; /* the token's bytes in the document, quotes included: [begin, end) */
};

/* False, with err (ERR_REJECT), ends the reading. */
typedef bool json_on_token(void *owner, const struct json_token *token, struct err *err);

struct json_limits {
    uint32_t depth;        /* containers in containers (32) */
    uint32_t members;      /* of one object, and elements of one array (1,024) */
    uint32_t key_bytes;    /* decoded (128) */
    uint32_t string_bytes; /* decoded (65,536) */
};

extern const struct json_limits json_limits_default;

/* A parser to be used for one document after the other, since making one costs as much as reading a small
 * document. One owner, any thread; not to be used from within on_token. */
struct json_reader;

/* limits: copies. */
struct json_reader *json_reader_new(const struct json_limits *limits);
void json_reader_free(struct json_reader **reader);

/* Reads one whole document. ERR_REJECT with what is wrong and at which byte. After a refusal the reader
 * is as good as new. */
bool json_read(struct json_reader *reader, struct slice document, json_on_token *on_token, void *owner,
               struct err *err);

#endif
