/*
 * log.h - one line an event of interest. Fields that the journal indexes travel beside the text, and
 * stand in it as key=value for those who read standard error. Never a key's text, never a payload.
 *
 * Main thread, and librdkafka's log callback. One destination for the process, set at start.
 */
#ifndef MILLRACE_LOG_H
#define MILLRACE_LOG_H

#include "common/base/slice.h"

#include <stdarg.h>
#include <stdint.h>

/* syslog's own numbers. */
enum log_level {
    LOG_LEVEL_CRITICAL = 2,
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/* What the line is about; NULL and, for partition, a NULL topic mean that it does not apply. */
struct log_fields {
    const char *topic;      /* TOPIC */
    int32_t partition;      /* PARTITION, with a topic */
    const char *event_id;   /* EVENT_ID */
    const char *message_id; /* MESSAGE_ID: 32 hex digits that name the kind of line for good */
};

/* Writes a finished line. text is NUL-terminated, without line feed; borrows both. */
typedef void log_writer(enum log_level level, const struct log_fields *fields, const char *text);

/* Who speaks, from which level on, and where to. writer NULL: standard error with "<level>" in front,
 * as journald reads it, or with the time in front on a terminal. stage: keeps. */
void log_open(const char *stage, enum log_level lowest, log_writer *writer);

const char *log_stage(void);

bool log_is_on(enum log_level level);

void log_with(enum log_level level, const struct log_fields *fields, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_critical(...) log_with(LOG_LEVEL_CRITICAL, NULL, __VA_ARGS__)
#define log_error(...) log_with(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_with(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_with(LOG_LEVEL_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_with(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_with(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

/* The same about one partition of a topic. */
#define log_partition(level, topic_name, number, ...)                                                        \
    log_with((level), &(struct log_fields){.topic = (topic_name), .partition = (number)}, __VA_ARGS__)

/* Lets a line that repeats through at once and then every 30 s with the count of those left out.
 * Zero-initialised, one per kind of line and object. */
struct log_gate {
    uint64_t last_ms; /* monotonic; 0: never */
    uint32_t hidden_count;
};

/* Whether the line is due; out_hidden is how many were left out before it. */
bool log_gate_passes(struct log_gate *gate, uint64_t now_ms, uint32_t *out_hidden_count);

/* Control bytes, quotes and backslashes of client text made harmless, at most `max` bytes of it. */
const char *log_escape(struct slice text, char *buffer, size_t max);

#endif
