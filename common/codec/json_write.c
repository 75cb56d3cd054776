#include "common/codec/json_write.h"

#include "common/codec/rfc3339.h"

/* The letter behind the backslash, 'u' for \u00XX, 0 for a byte that stands for itself. */
static char escape_of(unsigned char byte)
{
    static const char control[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (byte == '"' || byte == '\\')
        return (char)byte;
    if (byte >= 0x20)
        return 0;
    return control[byte] != 0 ? control[byte] : 'u';
}

static void write_escape(struct buf *out, unsigned char byte, char escape)
{
    static const char digits[] = "0123456789abcdef";
    const char text[] = {'\\', escape, '0', '0', digits[byte >> 4], digits[byte & 0xf]};

    buf_append(out, text, escape == 'u' ? sizeof(text) : 2);
}

/* Which bytes of the word need an escape, each as its highest bit: below 0x20, '"' and '\\'. The lowest bit
 * that is set is right; those above it may be set without need (Hacker's Delight, 6-1). */
static uint64_t escapes_in(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    uint64_t below = (word - ones * 0x20) & ~word;
    uint64_t equal = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);

    return (below | equal) & ones * 0x80;
}

/* How many bytes at the front stand for themselves: nearly always all. A word at a time. */
static size_t plain_length(struct slice text)
{
    size_t i = 0;

    for (uint64_t word; i + sizeof(word) <= text.length; i += sizeof(word)) {
        memcpy(&word, text.data + i, sizeof(word));
        if (escapes_in(word) != 0)
            break;
    }
    while (i < text.length && escape_of((unsigned char)text.data[i]) == 0)
        i++;
    return i;
}

void json_write_string(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    while (text.length > 0) {
        size_t plain = plain_length(text);
        buf_append(out, text.data, plain);
        if (plain == text.length)
            break;
        unsigned char byte = (unsigned char)text.data[plain];
        write_escape(out, byte, escape_of(byte));
        text = slice_from_index(text, plain + 1);
    }
    buf_append_byte(out, '"');
}

/* `"name":`, with a comma in front unless the last byte is '{'. */
static void write_name(struct buf *out, const char *name)
{
    struct slice text = slice_from(name);
    char *end = buf_reserve(out, text.length + 4);
    char *begin = end;

    if (out->length > 0 && end[-1] != '{')
        *end++ = ',';
    *end++ = '"';
    memcpy(end, text.data, text.length);
    end += text.length;
    *end++ = '"';
    *end++ = ':';
    out->length += (size_t)(end - begin);
}

void json_write_member(struct buf *out, const char *name, struct slice text)
{
    write_name(out, name);
    json_write_string(out, text);
}

void json_write_raw_member(struct buf *out, const char *name, struct slice raw)
{
    write_name(out, name);
    buf_append_slice(out, raw);
}

void json_write_i64_member(struct buf *out, const char *name, int64_t value)
{
    write_name(out, name);
    buf_printf(out, "%lld", (long long)value);
}

void json_write_time_member(struct buf *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX_BYTES];

    json_write_member(out, name, slice_of(text, rfc3339_write(us, text)));
}
