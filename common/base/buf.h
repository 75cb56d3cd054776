/*
 * buf.h - a growing run of bytes: append at the end. Zero-initialised is empty and ready. Growth doubles, so
 * appending is linear; the owner bounds what a client can make it hold.
 */
#ifndef MILLRACE_BUF_H
#define MILLRACE_BUF_H

#include "common/base/slice.h"

#include <stdint.h>

struct buf {
    char *data;
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
};

void buf_done(struct buf *buf);

#define AUTO_BUF __attribute__((cleanup(buf_done))) struct buf

/* Forgets the bytes, keeps the memory. */
static inline void buf_clear(struct buf *buf)
{
    buf->length = 0;
}

/* Room for `count` more bytes at data + length; the caller writes there and adds to length itself. */
char *buf_reserve(struct buf *buf, size_t count) __attribute__((returns_nonnull));

static inline void buf_append(struct buf *buf, const void *data, size_t length)
{
    if (length > 0)
        memcpy(buf_reserve(buf, length), data, length);
    buf->length += length;
}

static inline void buf_append_slice(struct buf *buf, struct slice slice)
{
    buf_append(buf, slice.data, slice.length);
}

static inline void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

static inline void buf_append_byte(struct buf *buf, char byte)
{
    *buf_reserve(buf, 1) = byte;
    buf->length++;
}

void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Borrows: valid until the buffer changes. */
static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->data, buf->length);
}

/* The bytes as NUL-terminated text (the NUL is not counted in length). Borrows. */
const char *buf_text(struct buf *buf) __attribute__((returns_nonnull));

#endif
