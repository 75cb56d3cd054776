/*
 * record_check.h - what holds for every event that has become a record.
 */
#ifndef MILLRACE_FUZZ_RECORD_CHECK_H
#define MILLRACE_FUZZ_RECORD_CHECK_H

#include "common/event/event_json.h"

/* The event as a record reads back as the same event, the same record again, has a key and a row. BUG if not.
 * The reader's arena grows. */
void record_check(const struct event_reader *reader, const struct event *event);

#endif
