#include "common/codec/json_read.h"

#include "common/base/alloc.h"
#include "common/base/arena.h"
#include "common/base/bug.h"
#include "common/base/slice_set.h"
#include "common/codec/json_number.h"
#include "common/codec/utf8.h"

#include <stdlib.h>
#include <sys/random.h>
#include <yajl/yajl_parse.h>

/* The buffers that a larger document made grow are not kept. */
enum { KEEP_DOCUMENT_BYTES = 64 * 1024 };

const struct json_limits json_limits_default = {
    .depth = 32, .members = 1024, .key_bytes = 128, .string_bytes = 65536};

/* An object or array that is open. */
struct container {
    bool is_object;
    uint32_t count; /* of its keys or elements */
    struct slice_set keys;
};

struct json_reader {
    struct json_limits limits;
    uint64_t seed;
    yajl_handle yajl; /* NULL: to be made */
    struct arena key_copies;
    struct container *containers; /* limits.depth of them, outermost first */

    struct slice document;
    json_on_token *on_token;
    void *owner;
    struct err *err;
    uint32_t depth;       /* of open containers */
    uint32_t value_count; /* at depth 0 */
    size_t position;      /* the end of the token before */
    bool is_ending;       /* yajl is being told that the document ends */
};

static bool refuse(struct json_reader *reader, size_t byte, const char *what)
{
    err_set(reader->err, ERR_REJECT, "not valid JSON at byte %zu: %s", byte, what);
    return false;
}

static bool refuse_limit(struct json_reader *reader, size_t byte, const char *what, uint32_t limit)
{
    err_set(reader->err, ERR_REJECT, "%s at byte %zu, the limit is %u", what, byte, limit);
    return false;
}

/* ---- what stands between tokens ----
 *
 * What every token passes through is inline: worth 5 % of a small document. */

/* Moves behind the white space and punctuation in front of a token. yajl has checked where a comma and a
 * colon may stand, but takes white space that JSON does not know. */
static inline bool skip_gap(struct json_reader *reader)
{
    const char *data = reader->document.data;
    size_t i = reader->position;

    for (; i < reader->document.length; i++) {
        char byte = data[i];
        if (byte != ',' && byte != ':' && (unsigned char)byte > ' ')
            break;
        if ((unsigned char)byte < ' ' && byte != '\n' && byte != '\r' && byte != '\t')
            return refuse(reader, i, "white space other than space, tab, line feed and carriage return");
    }
    reader->position = i;
    return true;
}

/* A token's place. yajl stands just behind it, but for a number that ends the document. */
static inline bool place_token(struct json_reader *reader, struct json_token *token)
{
    if (!skip_gap(reader))
        return false;
    token->begin = reader->position;
    token->end = reader->is_ending ? reader->document.length : yajl_get_bytes_consumed(reader->yajl);
    reader->position = token->end;
    return true;
}

/* ---- escapes ---- */

/* The code unit of the \uXXXX whose digits begin at `digits`; yajl has seen that they are four. */
static unsigned code_unit(const char *digits)
{
    unsigned unit = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned digit = (unsigned char)digits[i];
        unit = unit << 4 | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return unit;
}

/* \uXXXX at index i: gives how many bytes belong to the character, 0 for NUL or a lone surrogate. */
static size_t unicode_escape_length(struct slice raw, size_t i)
{
    unsigned unit = code_unit(raw.data + i + 2);

    if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    if (i + 12 > raw.length || raw.data[i + 6] != '\\' || raw.data[i + 7] != 'u')
        return 0;
    unit = code_unit(raw.data + i + 8);
    return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

/* A string with escapes, quotes included, which yajl has decoded. */
static bool check_escapes(struct json_reader *reader, const struct json_token *token)
{
    struct slice raw = slice_of(reader->document.data + token->begin, token->end - token->begin);
    size_t i = 0;

    while (i < raw.length) {
        const char *found = memchr(raw.data + i, '\\', raw.length - i);
        if (found == NULL)
            break;
        i = (size_t)(found - raw.data);
        size_t length = raw.data[i + 1] == 'u' ? unicode_escape_length(raw, i) : 2;
        if (length == 0)
            return refuse(reader, token->begin + i, "\\u escape of NUL or of half a surrogate pair");
        i += length;
    }
    return true;
}

/* ---- tokens ---- */

/* Counts a value where it stands: an array's element or the document itself (keys count for objects). */
static inline bool count_value(struct json_reader *reader, size_t begin)
{
    if (reader->depth == 0) {
        reader->value_count++;
        return reader->value_count == 1 || refuse(reader, begin, "a second document");
    }
    struct container *parent = &reader->containers[reader->depth - 1];
    if (parent->is_object)
        return true;
    parent->count++;
    return parent->count <= reader->limits.members ||
           refuse_limit(reader, begin, "too many elements in an array", reader->limits.members);
}

static bool give(struct json_reader *reader, const struct json_token *token)
{
    return reader->on_token(reader->owner, token, reader->err);
}

static int on_scalar(struct json_reader *reader, enum json_kind kind)
{
    struct json_token token = {.kind = kind, .depth = reader->depth};

    return place_token(reader, &token) && count_value(reader, token.begin) && give(reader, &token);
}

static int on_null(void *context)
{
    return on_scalar(context, JSON_NULL);
}

static int on_boolean(void *context, int value)
{
    return on_scalar(context, value != 0 ? JSON_TRUE : JSON_FALSE);
}

static int on_number(void *context, const char *text, size_t length)
{
    struct json_reader *reader = context;
    struct json_token token = {.kind = JSON_NUMBER,
                               .depth = reader->depth,
                               .text = slice_of(text, length),
                               .is_copy = reader->is_ending};

    if (!place_token(reader, &token) || !count_value(reader, token.begin))
        return false;
    if (!json_number_fits(token.text))
        return refuse(reader, token.begin, "a number with over 38 digits, or beyond 10^38 or 10^-38");
    return give(reader, &token);
}

/* Fills in a key or string. An unescaped one lies in the document, between its quotes. */
static inline bool take_text(struct json_reader *reader, struct json_token *token, uint32_t limit_bytes)
{
    if (!place_token(reader, token))
        return false;
    if (token->text.length > limit_bytes)
        return refuse_limit(reader, token->begin,
                            token->kind == JSON_KEY ? "a key too long" : "a string too long", limit_bytes);
    token->is_copy = token->text.data != reader->document.data + token->begin + 1;
    return !token->is_copy || check_escapes(reader, token);
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
    struct json_reader *reader = context;
    struct json_token token = {.kind = JSON_STRING, .depth = reader->depth, .text = slice_of(text, length)};

    return take_text(reader, &token, reader->limits.string_bytes) && count_value(reader, token.begin) &&
           give(reader, &token);
}

static int on_key(void *context, const unsigned char *text, size_t length)
{
    struct json_reader *reader = context;
    struct container *object = &reader->containers[reader->depth - 1];
    struct json_token token = {.kind = JSON_KEY, .depth = reader->depth, .text = slice_of(text, length)};

    if (!take_text(reader, &token, reader->limits.key_bytes))
        return false;
    object->count++;
    if (object->count > reader->limits.members)
        return refuse_limit(reader, token.begin, "too many members in an object", reader->limits.members);
    struct slice kept = token.is_copy ? arena_copy(&reader->key_copies, token.text) : token.text;
    if (!slice_set_add(&object->keys, reader->seed, kept))
        return refuse(reader, token.begin, "a key that the object has already");
    return give(reader, &token);
}

static int on_begin(struct json_reader *reader, bool is_object)
{
    struct json_token token = {.kind = is_object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN,
                               .depth = reader->depth};

    if (!place_token(reader, &token) || !count_value(reader, token.begin))
        return false;
    if (reader->depth == reader->limits.depth)
        return refuse_limit(reader, token.begin, "too deeply nested", reader->limits.depth);
    struct container *container = &reader->containers[reader->depth];
    container->is_object = is_object;
    container->count = 0;
    if (is_object)
        slice_set_clear(&container->keys);
    reader->depth++;
    return give(reader, &token);
}

static int on_end(struct json_reader *reader, bool is_object)
{
    struct json_token token = {.kind = is_object ? JSON_OBJECT_END : JSON_ARRAY_END};

    reader->depth--;
    token.depth = reader->depth;
    return place_token(reader, &token) && give(reader, &token);
}

static int on_object_begin(void *context)
{
    return on_begin(context, true);
}

static int on_object_end(void *context)
{
    return on_end(context, true);
}

static int on_array_begin(void *context)
{
    return on_begin(context, false);
}

static int on_array_end(void *context)
{
    return on_end(context, false);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object_begin,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array_begin,
    .yajl_end_array = on_array_end,
};

/* ---- documents ---- */

static void drop_yajl(struct json_reader *reader)
{
    if (reader->yajl != NULL)
        yajl_free(reader->yajl);
    reader->yajl = NULL;
}

/* A handle can't be reset, but one that is allowed several values reads document after document; that
 * each holds just one value is checked here. */
static void make_yajl(struct json_reader *reader)
{
    if (reader->yajl != NULL)
        return;
    reader->yajl = yajl_alloc(&callbacks, NULL, reader);
    if (reader->yajl == NULL)
        BUG("out of memory: a JSON parser");
    BUG_ON(yajl_config(reader->yajl, yajl_allow_multiple_values, 1) == 0);
    BUG_ON(yajl_config(reader->yajl, yajl_dont_validate_strings, 1) == 0); /* utf8_valid_length does */
}

struct json_reader *json_reader_new(const struct json_limits *limits)
{
    struct json_reader *reader = xcalloc(1, sizeof(*reader));

    reader->limits = *limits;
    reader->containers = xcalloc(limits->depth, sizeof(*reader->containers));
    if (getrandom(&reader->seed, sizeof(reader->seed), 0) != (ssize_t)sizeof(reader->seed))
        BUG("getrandom");
    return reader;
}

void json_reader_free(struct json_reader **reader)
{
    struct json_reader *old = *reader;

    if (old == NULL)
        return;
    drop_yajl(old);
    for (uint32_t i = 0; i < old->limits.depth; i++)
        slice_set_done(&old->containers[i].keys);
    free(old->containers);
    arena_done(&old->key_copies);
    free(old);
    *reader = NULL;
}

static bool check_bytes(struct json_reader *reader)
{
    if (slice_is_empty(reader->document))
        return refuse(reader, 0, "it is empty");
    if (slice_starts_with(reader->document, SLICE("\xef\xbb\xbf")))
        return refuse(reader, 0, "a byte order mark");
    size_t valid_length = utf8_valid_length(reader->document);
    return valid_length == reader->document.length || refuse(reader, valid_length, "not UTF-8");
}

/* yajl's own words for what it does not take, without the line feed at their end. */
static bool refuse_as_yajl(struct json_reader *reader)
{
    unsigned char *why = yajl_get_error(reader->yajl, 0, NULL, 0);
    size_t byte = reader->is_ending ? reader->document.length : yajl_get_bytes_consumed(reader->yajl);

    if (why == NULL)
        BUG("out of memory: a JSON error");
    /* cppcheck-suppress nullPointerRedundantCheck ; BUG does not return */
    why[strcspn((char *)why, "\n")] = '\0';
    refuse(reader, byte, (const char *)why);
    yajl_free_error(reader->yajl, why);
    return false;
}

/* A handle that is allowed several values is content with none, and with a token begun behind the last. */
static bool check_end(struct json_reader *reader)
{
    if (!skip_gap(reader))
        return false;
    return (reader->value_count == 1 && reader->position == reader->document.length) ||
           refuse(reader, reader->position, "it ends too early");
}

static bool parse(struct json_reader *reader)
{
    yajl_status status =
        yajl_parse(reader->yajl, (const unsigned char *)reader->document.data, reader->document.length);

    if (status == yajl_status_ok) {
        reader->is_ending = true;
        status = yajl_complete_parse(reader->yajl);
    }
    if (status == yajl_status_client_canceled)
        return false;
    if (status != yajl_status_ok)
        return refuse_as_yajl(reader);
    return check_end(reader);
}

static void tidy(struct json_reader *reader, bool is_read)
{
    bool is_large = reader->document.length > KEEP_DOCUMENT_BYTES;

    if (!is_read || is_large)
        drop_yajl(reader);
    if (is_large)
        arena_done(&reader->key_copies);
    else
        arena_reset(&reader->key_copies);
}

bool json_read(struct json_reader *reader, struct slice document, json_on_token *on_token, void *owner,
               struct err *err)
{
    reader->document = document;
    reader->on_token = on_token;
    reader->owner = owner;
    reader->err = err;
    reader->depth = 0;
    reader->value_count = 0;
    reader->position = 0;
    reader->is_ending = false;
    if (!check_bytes(reader))
        return false;
    make_yajl(reader);
    bool is_read = parse(reader);
    tidy(reader, is_read);
    return is_read;
}
