#include "tests/lib/gzip.h"

#include "common/base/bug.h"

#include <zlib.h>

void gzip_write(struct buf *out, struct slice bytes)
{
    z_stream stream = {0};

    BUG_ON(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) !=
           Z_OK);
    size_t room = deflateBound(&stream, bytes.length);
    stream.next_in = (z_const Bytef *)bytes.data;
    stream.avail_in = (uInt)bytes.length;
    stream.next_out = (Bytef *)buf_reserve(out, room);
    stream.avail_out = (uInt)room;
    BUG_ON(deflate(&stream, Z_FINISH) != Z_STREAM_END);
    out->length += stream.total_out;
    BUG_ON(deflateEnd(&stream) != Z_OK);
}
