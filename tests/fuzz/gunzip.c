/*
 * Compressed bodies. However the bytes arrive, they decode to the same, and never to more than allowed.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lib/piece.h"

#include "common/codec/gunzip.h"

#include <stdlib.h>

enum { MAX_BYTES = 256 * 1024 };

static enum gunzip_result decode_in_pieces(struct slice input, size_t piece_bytes, struct buf *out)
{
    struct gunzip *gunzip = gunzip_new(MAX_BYTES);
    enum gunzip_result result = GUNZIP_MORE;

    while (input.length > 0 && (result == GUNZIP_MORE || result == GUNZIP_END)) {
        struct slice piece = piece_take(&input, piece_bytes);
        result = gunzip_feed(gunzip, piece, out);
        free((void *)piece.data);
        EXPECT(gunzip_is_at_end(gunzip) || result != GUNZIP_END);
    }
    EXPECT(out->length <= MAX_BYTES || result == GUNZIP_TOO_LARGE);
    gunzip_free(&gunzip);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF whole = {0};
    AUTO_BUF single = {0};
    enum gunzip_result result = decode_in_pieces(slice_of(data, size), size, &whole);

    EXPECT(decode_in_pieces(slice_of(data, size), 1, &single) == result);
    EXPECT(result != GUNZIP_END || slice_equals(buf_slice(&whole), buf_slice(&single)));
    return 0;
}
