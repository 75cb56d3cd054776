#include "query/cursor.h"

#include "common/base/number.h"
#include "common/event/event.h"

#include <inttypes.h>

enum { TIE_DIGITS = 16 };

bool cursor_read(struct slice text, struct cursor *out_cursor)
{
    struct slice digits, tie;
    struct cursor cursor = {0};
    uint64_t ns;

    if (!slice_cut(&text, ':', &digits) || !slice_cut(&text, ':', &tie))
        return false;
    if (!number_u64(digits, &ns) || ns > INT64_MAX)
        return false;
    cursor.has_tie = !slice_is_empty(tie);
    if (cursor.has_tie && (tie.length != TIE_DIGITS || !number_hex64(tie, &cursor.tie)))
        return false;
    if (slice_is_empty(text) || text.length > EVENT_ID_MAX_BYTES)
        return false;
    cursor.us = (int64_t)(ns / 1000);
    cursor.id = text;
    if (ns % 1000 != 0) /* no event has it: all of this microsecond are before it, all of the next behind */
        cursor = (struct cursor){.us = cursor.us + 1, .id = SLICE("")};
    *out_cursor = cursor;
    return true;
}

void cursor_write(struct buf *out, const struct cursor *cursor)
{
    buf_printf(out, "%" PRId64 "000:", cursor->us);
    if (cursor->has_tie)
        buf_printf(out, "%016" PRIx64, cursor->tie);
    buf_append_byte(out, ':');
    buf_append_slice(out, cursor->id);
}
