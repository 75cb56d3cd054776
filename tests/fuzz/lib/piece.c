#include "tests/fuzz/lib/piece.h"

#include "common/base/alloc.h"

struct slice piece_take(struct slice *rest, size_t max_bytes)
{
    size_t length = rest->length < max_bytes ? rest->length : max_bytes;
    char *copy = xmalloc(length);

    memcpy(copy, rest->data, length);
    *rest = slice_from_index(*rest, length);
    return slice_of(copy, length);
}
