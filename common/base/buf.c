#include "common/base/buf.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

char *buf_reserve(struct buf *buf, size_t count)
{
    BUG_ON(count > SIZE_MAX / 4 - buf->length);
    size_t needed = buf->length + count;
    if (needed > buf->capacity || buf->data == NULL) {
        size_t capacity = buf->capacity > 0 ? buf->capacity : 64;
        while (capacity < needed)
            capacity *= 2;
        buf->data = xrealloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->length;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    BUG_ON(length < 0);
    (void)vsnprintf(buf_reserve(buf, (size_t)length + 1), (size_t)length + 1, format, again);
    buf->length += (size_t)length;
    va_end(again);
    va_end(args);
}

const char *buf_text(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}
