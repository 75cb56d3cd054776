/*
 * cursor.h - a place in a list of events: `<unix nanoseconds>::<event id>`. Pure.
 */
#ifndef MILLRACE_CURSOR_H
#define MILLRACE_CURSOR_H

#include "common/base/buf.h"

#include <stdint.h>

/* Events before it have a lower (us, id), events behind it a higher one. */
struct cursor {
    int64_t us;
    struct slice id; /* "": before all events of that microsecond */
};

/* False when the text is none. A fraction of a microsecond stands between two microseconds. Borrows. */
bool cursor_read(struct slice text, struct cursor *out_cursor);

void cursor_write(struct buf *out, const struct cursor *cursor);

#endif
