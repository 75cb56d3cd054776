/*
 * rowbinary.h - ClickHouse's RowBinary: values without names, little-endian, strings with a length in
 * front (LEB128). https://clickhouse.com/docs/interfaces/formats/RowBinary. Pure.
 */
#ifndef MILLRACE_ROWBINARY_H
#define MILLRACE_ROWBINARY_H

#include "common/base/buf.h"

void rowbinary_write_u8(struct buf *out, uint8_t value);
void rowbinary_write_u32(struct buf *out, uint32_t value);
void rowbinary_write_u64(struct buf *out, uint64_t value);
void rowbinary_write_i64(struct buf *out, int64_t value);    /* DateTime64 too: ticks since 1970 */
void rowbinary_write_count(struct buf *out, uint64_t count); /* LEB128: in front of map and array items */
void rowbinary_write_string(struct buf *out, struct slice value);
void rowbinary_write_fixed(struct buf *out, struct slice value); /* FixedString: just the bytes */

/* Takes values off the front of `rest`. False when it ends too early or a count is over 64 bits; rest is
 * then unspecified. Strings borrow from the input. */
bool rowbinary_read_u8(struct slice *rest, uint8_t *out_value);
bool rowbinary_read_u32(struct slice *rest, uint32_t *out_value);
bool rowbinary_read_u64(struct slice *rest, uint64_t *out_value);
bool rowbinary_read_i64(struct slice *rest, int64_t *out_value);
bool rowbinary_read_count(struct slice *rest, uint64_t *out_count);
bool rowbinary_read_string(struct slice *rest, struct slice *out_value);
bool rowbinary_read_fixed(struct slice *rest, void *out_bytes, size_t length);

#endif
