/*
 * journal.h - log lines with their fields in the systemd journal. Main thread, and librdkafka's log
 * callback.
 */
#ifndef MILLRACE_JOURNAL_H
#define MILLRACE_JOURNAL_H

#include "common/base/log.h"

/* The writer for log_open: journal_write when standard error is connected to the journal, so that lines go
 * where a redirected standard error would not; else NULL, which is log.h's own. */
log_writer *journal_writer(void);

/* Sends a line as the stage of log_stage. When the journal does not take it, to standard error. Blocks as
 * long as writing to a socket of this machine does. */
void journal_write(enum log_level level, const struct log_fields *fields, const char *text);

#endif
