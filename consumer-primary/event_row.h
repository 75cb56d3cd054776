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

/* Reads records: one parser and one arena for all of them. */
struct event_rows {
    struct json_reader *json;
    struct arena arena;
};

void event_rows_init(struct event_rows *rows);
void event_rows_done(struct event_rows *rows);

/* The two functions of a batch stage (batch_stage.h); owner is a struct event_rows. */
bool event_rows_decide(void *owner, const struct batch_record *record, struct buf *rows, struct err *err);
bool event_rows_identify(void *owner, const struct batch_record *record, struct buf *out_id);

#endif
