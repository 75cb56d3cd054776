#include "common/codec/gunzip.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <stdlib.h>
#include <zlib.h>

/* The largest window, and a gzip header asked for. */
enum { WINDOW_BITS = MAX_WBITS + 16 };

struct gunzip {
    z_stream stream;
    uint64_t max_bytes;
    uint64_t taken_bytes, made_bytes; /* so far */
    size_t held_bytes;
    bool is_at_end;
};

static void *allocate(void *owner, unsigned int count, unsigned int size_bytes)
{
    struct gunzip *gunzip = owner;

    gunzip->held_bytes += (size_t)count * size_bytes;
    return xcalloc(count, size_bytes);
}

static void release(void *owner, void *memory)
{
    (void)owner; /* zlib keeps all it has to the end */
    free(memory);
}

struct gunzip *gunzip_new(uint64_t max_bytes)
{
    struct gunzip *gunzip = xcalloc(1, sizeof(*gunzip));

    gunzip->held_bytes = sizeof(*gunzip);
    gunzip->max_bytes = max_bytes;
    gunzip->stream.zalloc = allocate;
    gunzip->stream.zfree = release;
    gunzip->stream.opaque = gunzip;
    if (inflateInit2(&gunzip->stream, WINDOW_BITS) != Z_OK)
        BUG("zlib: %s", gunzip->stream.msg != NULL ? gunzip->stream.msg : "inflateInit2");
    return gunzip;
}

void gunzip_free(struct gunzip **gunzip)
{
    if (*gunzip == NULL)
        return;
    (void)inflateEnd(&(*gunzip)->stream);
    free(*gunzip);
    *gunzip = NULL;
}

/* Up to the next look at the ratio; one byte more than allowed tells that it is too much. */
static size_t room_of(const struct gunzip *gunzip)
{
    uint64_t to_limit = gunzip->max_bytes - gunzip->made_bytes + 1;
    uint64_t to_step = GUNZIP_STEP_BYTES - gunzip->made_bytes % GUNZIP_STEP_BYTES;

    return (size_t)(to_limit < to_step ? to_limit : to_step);
}

/* Decodes until the room is full or the bytes are used up. Gives zlib's word for it. */
static int inflate_some(struct gunzip *gunzip, struct slice *bytes, struct buf *out)
{
    z_stream *stream = &gunzip->stream;
    size_t room = room_of(gunzip);

    stream->next_in = (z_const Bytef *)bytes->data;
    stream->avail_in = (uInt)bytes->length;
    stream->next_out = (Bytef *)buf_reserve(out, room);
    stream->avail_out = (uInt)room;
    int code = inflate(stream, Z_NO_FLUSH);
    gunzip->taken_bytes += bytes->length - stream->avail_in;
    gunzip->made_bytes += room - stream->avail_out;
    out->length += room - stream->avail_out;
    *bytes = slice_from_index(*bytes, bytes->length - stream->avail_in);
    return code;
}

/* Of what has been decoded; GUNZIP_MORE: nothing is wrong with it. */
static enum gunzip_result judge(const struct gunzip *gunzip, bool is_at_step)
{
    if (gunzip->made_bytes > gunzip->max_bytes)
        return GUNZIP_TOO_LARGE;
    if (is_at_step && gunzip->made_bytes > GUNZIP_HARMLESS_BYTES &&
        gunzip->made_bytes > gunzip->taken_bytes * GUNZIP_RATIO_MAX)
        return GUNZIP_BOMB;
    return GUNZIP_MORE;
}

enum gunzip_result gunzip_feed(struct gunzip *gunzip, struct slice bytes, struct buf *out)
{
    enum gunzip_result result = GUNZIP_MORE;

    BUG_ON(bytes.length > UINT32_MAX);
    if (gunzip->is_at_end)
        return bytes.length > 0 ? GUNZIP_BROKEN : GUNZIP_END;
    do {
        int code = inflate_some(gunzip, &bytes, out);
        gunzip->is_at_end = code == Z_STREAM_END;
        /* Z_BUF_ERROR: all bytes had been taken already. */
        if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
            return GUNZIP_BROKEN;
        result = judge(gunzip, gunzip->is_at_end || gunzip->stream.avail_out == 0);
    } while (result == GUNZIP_MORE && !gunzip->is_at_end && gunzip->stream.avail_out == 0);
    if (result != GUNZIP_MORE || !gunzip->is_at_end)
        return result;
    return bytes.length > 0 ? GUNZIP_BROKEN : GUNZIP_END;
}

bool gunzip_is_at_end(const struct gunzip *gunzip)
{
    return gunzip->is_at_end;
}

size_t gunzip_bytes(const struct gunzip *gunzip)
{
    return gunzip->held_bytes;
}
