#include "query/cursor.h"

#include "common/base/number.h"
#include "common/event/event.h"

bool cursor_read(struct slice text, struct cursor *out_cursor)
{
    struct slice digits;
    uint64_t ns;

    if (!slice_cut(&text, ':', &digits) || text.length < 2 || text.data[0] != ':' ||
        text.length > EVENT_ID_MAX_BYTES + 1)
        return false;
    if (!number_u64(digits, &ns) || ns > INT64_MAX)
        return false;
    *out_cursor = (struct cursor){(int64_t)(ns / 1000), slice_from_index(text, 1)};
    if (ns % 1000 != 0) /* no event has it: all of this microsecond are before it, all of the next behind */
        *out_cursor = (struct cursor){(int64_t)(ns / 1000) + 1, SLICE("")};
    return true;
}

void cursor_write(struct buf *out, const struct cursor *cursor)
{
    buf_printf(out, "%lld000::", (long long)cursor->us);
    buf_append_slice(out, cursor->id);
}
