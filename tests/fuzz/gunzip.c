/*
 * Compressed bodies. However the bytes arrive, they decode to the same, and never to more than allowed.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lib/piece.h"

#include "common/codec/gunzip.h"

#include <stdlib.h>

enum { MAX_BYTES = GUNZIP_HARMLESS_BYTES + 256 * 1024 };

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

static bool is_refused(enum gunzip_result result)
{
    return result != GUNZIP_MORE && result != GUNZIP_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF whole = {0};
    AUTO_BUF single = {0};
    enum gunzip_result result = decode_in_pieces(slice_of(data, size), size, &whole);
    enum gunzip_result result_again = decode_in_pieces(slice_of(data, size), 1, &single);

    /* When a bomb is told depends on how far zlib has read ahead. */
    if (result == GUNZIP_BOMB || result_again == GUNZIP_BOMB)
        return 0;
    EXPECT(is_refused(result) ? is_refused(result_again) : result == result_again);
    EXPECT(is_refused(result) || slice_equals(buf_slice(&whole), buf_slice(&single)));
    return 0;
}
