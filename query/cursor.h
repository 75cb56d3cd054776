/*
 * cursor.h - a place in a list of events: `<unix nanoseconds>::<event id>`. Pure.
 *
 * Customers may share time and id, since an event is known by its customer too. Where a page ends or begins
 * among such events, the key also says which of them it was: `<unix nanoseconds>:<16 hex digits>:<event id>`.
 * The digits stand before the id because an id may hold any printable character, so that nothing behind it
 * could be told from it; what is not printable would not survive people and their tools.
 */
#ifndef MILLRACE_CURSOR_H
#define MILLRACE_CURSOR_H

#include "common/base/buf.h"
#include "common/event/event.h"

#include <stdint.h>

enum { CURSOR_MAX_BYTES = 20 + 18 + EVENT_ID_MAX_BYTES }; /* nanoseconds, digits with colons, id */

/* Events before it have a lower (us, id, tie), events behind it a higher one. */
struct cursor {
    int64_t us;
    struct slice id; /* "": before all events of that microsecond */
    bool has_tie;    /* else all events of this time and id are one place */
    uint64_t tie;    /* as list_sql.h makes it from an event */
};

/* False when the text is none. A fraction of a microsecond stands between two microseconds. Borrows. */
bool cursor_read(struct slice text, struct cursor *out_cursor);

void cursor_write(struct buf *out, const struct cursor *cursor);

#endif
