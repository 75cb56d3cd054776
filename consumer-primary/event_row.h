/*
 * event_row.h - a record of the topic `events` as a row of ClickHouse's table `events`. The same record
 * always gives the same bytes: no clock, nothing random. Pure.
 */
#ifndef MILLRACE_EVENT_ROW_H
#define MILLRACE_EVENT_ROW_H

#include "common/event/event_json.h"
#include "common/service/batch/batch.h"

/* The columns of a row, in the order in which event_row_write writes them. The table fills in the others. */
extern const char event_row_columns[];

/* Appends the row. */
void event_row_write(struct buf *rows, const struct event *event, const struct batch_record *record);

#endif
