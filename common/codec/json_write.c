#include "common/codec/json_write.h"

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

void json_write_string(struct buf *out, struct slice text)
{
    size_t plain = 0; /* where the bytes begin that are still to be copied as they are */

    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        char escape = escape_of((unsigned char)text.data[i]);
        if (escape == 0)
            continue;
        buf_append(out, text.data + plain, i - plain);
        write_escape(out, (unsigned char)text.data[i], escape);
        plain = i + 1;
    }
    if (text.length > 0)
        buf_append(out, text.data + plain, text.length - plain);
    buf_append_byte(out, '"');
}

static void write_name(struct buf *out, const char *name)
{
    if (out->length > 0 && out->data[out->length - 1] != '{')
        buf_append_byte(out, ',');
    buf_append_byte(out, '"');
    buf_append_text(out, name);
    buf_append(out, "\":", 2);
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
