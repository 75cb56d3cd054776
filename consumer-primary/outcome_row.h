/*
 * outcome_row.h - why a record of `events` has no row in the table `events`, as a row of `event_outcomes`:
 * for the lookup of an event and for the books. Pure.
 */
#ifndef MILLRACE_OUTCOME_ROW_H
#define MILLRACE_OUTCOME_ROW_H

#include "common/event/event.h"
#include "common/service/batch/batch.h"
#include "consumer-primary/resends.h"

struct outcome_row {
    const struct event *event; /* NULL: the record could not be read */
    const char *outcome;       /* "duplicate", "conflict", "dead_letter" */
    const char *reason;        /* for people */
    const char *topic;
    struct event_place first; /* of a duplicate or conflict: the event that it repeats */
};

extern const char outcome_row_columns[];

void outcome_row_write(struct buf *rows, const struct outcome_row *row, const struct batch_record *record);

#endif
