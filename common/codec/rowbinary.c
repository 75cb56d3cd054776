#include "common/codec/rowbinary.h"

#include <endian.h>

void rowbinary_write_u8(struct buf *out, uint8_t value)
{
    buf_append(out, &value, sizeof(value));
}

void rowbinary_write_u32(struct buf *out, uint32_t value)
{
    uint32_t little = htole32(value);

    buf_append(out, &little, sizeof(little));
}

void rowbinary_write_u64(struct buf *out, uint64_t value)
{
    uint64_t little = htole64(value);

    buf_append(out, &little, sizeof(little));
}

void rowbinary_write_i64(struct buf *out, int64_t value)
{
    rowbinary_write_u64(out, (uint64_t)value);
}

void rowbinary_write_count(struct buf *out, uint64_t count)
{
    while (count >= 0x80) {
        rowbinary_write_u8(out, (uint8_t)(count | 0x80));
        count >>= 7;
    }
    rowbinary_write_u8(out, (uint8_t)count);
}

void rowbinary_write_string(struct buf *out, struct slice value)
{
    rowbinary_write_count(out, value.length);
    buf_append_slice(out, value);
}

void rowbinary_write_fixed(struct buf *out, struct slice value)
{
    buf_append_slice(out, value);
}

static bool read_bytes(struct slice *rest, void *out, size_t count)
{
    if (rest->length < count)
        return false;
    memcpy(out, rest->data, count);
    *rest = slice_from_index(*rest, count);
    return true;
}

bool rowbinary_read_u8(struct slice *rest, uint8_t *out_value)
{
    return read_bytes(rest, out_value, sizeof(*out_value));
}

bool rowbinary_read_u32(struct slice *rest, uint32_t *out_value)
{
    uint32_t little;

    if (!read_bytes(rest, &little, sizeof(little)))
        return false;
    *out_value = le32toh(little);
    return true;
}

bool rowbinary_read_u64(struct slice *rest, uint64_t *out_value)
{
    uint64_t little;

    if (!read_bytes(rest, &little, sizeof(little)))
        return false;
    *out_value = le64toh(little);
    return true;
}

bool rowbinary_read_i64(struct slice *rest, int64_t *out_value)
{
    uint64_t value;

    if (!rowbinary_read_u64(rest, &value))
        return false;
    *out_value = (int64_t)value;
    return true;
}

bool rowbinary_read_count(struct slice *rest, uint64_t *out_count)
{
    uint64_t count = 0;
    uint8_t byte;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!rowbinary_read_u8(rest, &byte))
            return false;
        if (shift == 63 && byte > 1)
            return false;
        count |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_count = count;
            return true;
        }
    }
    return false;
}

bool rowbinary_read_string(struct slice *rest, struct slice *out_value)
{
    uint64_t length;

    if (!rowbinary_read_count(rest, &length) || length > rest->length)
        return false;
    *out_value = slice_of(rest->data, (size_t)length);
    *rest = slice_from_index(*rest, (size_t)length);
    return true;
}

bool rowbinary_read_fixed(struct slice *rest, void *out_bytes, size_t length)
{
    return read_bytes(rest, out_bytes, length);
}
