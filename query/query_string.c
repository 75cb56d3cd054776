#include "query/query_string.h"

#include "common/base/number.h"
#include "common/codec/utf8.h"

bool query_string_next(struct slice *rest, struct slice *out_name, struct slice *out_value)
{
    struct slice pair = {NULL, 0};

    while (slice_is_empty(pair) && !slice_is_empty(*rest))
        (void)slice_cut(rest, '&', &pair);
    if (slice_is_empty(pair))
        return false;
    (void)slice_cut(&pair, '=', out_name);
    *out_value = pair;
    return true;
}

/* The character at raw.data[*at], which then stands behind it. */
static bool decode_one(struct slice raw, size_t *at, char *out_byte)
{
    char byte = raw.data[(*at)++];
    uint64_t value;

    if (byte == '%') {
        if (raw.length - *at < 2 || !number_hex64(slice_of(raw.data + *at, 2), &value))
            return false;
        *at += 2;
        *out_byte = (char)value;
        return true;
    }
    *out_byte = byte == '+' ? ' ' : byte;
    return true;
}

bool query_string_decode(struct arena *arena, struct slice raw, struct slice *out_text)
{
    char *text = arena_take(arena, raw.length + 1);
    size_t length = 0;
    size_t at = 0;

    while (at < raw.length) {
        if (!decode_one(raw, &at, &text[length]) || text[length] == '\0')
            return false;
        length++;
    }
    text[length] = '\0';
    if (utf8_valid_length(slice_of(text, length)) != length)
        return false;
    *out_text = slice_of(text, length);
    return true;
}
