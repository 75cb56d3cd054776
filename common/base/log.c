#include "common/base/log.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOG_GATE_INTERVAL_MS = 30000, LOG_LINE_MAX_BYTES = 2048 };

static struct {
    const char *stage;
    enum log_level lowest;
    log_writer *writer;
} log_state = {.stage = "millrace", .lowest = LOG_LEVEL_INFO};

static void write_with_time(const char *text)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm utc;
    char time_text[32];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)fprintf(stderr, "%s.%03dZ %s: %s\n", time_text, (int)(now_us / 1000 % 1000), log_state.stage, text);
}

static void write_to_stderr(enum log_level level, const struct log_fields *fields, const char *text)
{
    char line[LOG_LINE_MAX_BYTES + 256];
    char where[200] = "";

    if (fields != NULL && fields->topic != NULL)
        (void)snprintf(where, sizeof(where), " topic=%s partition=%d", fields->topic, fields->partition);
    (void)snprintf(line, sizeof(line), "%s%s%s%s", text, where,
                   fields != NULL && fields->event_id != NULL ? " event_id=" : "",
                   fields != NULL && fields->event_id != NULL ? fields->event_id : "");
    if (getenv("JOURNAL_STREAM") != NULL)
        (void)fprintf(stderr, "<%d>%s\n", (int)level, line);
    else
        write_with_time(line);
}

void log_open(const char *stage, enum log_level lowest, log_writer *writer)
{
    log_state.stage = stage;
    log_state.lowest = lowest;
    log_state.writer = writer;
}

const char *log_stage(void)
{
    return log_state.stage;
}

bool log_is_on(enum log_level level)
{
    return level <= log_state.lowest;
}

void log_with(enum log_level level, const struct log_fields *fields, const char *format, ...)
{
    char text[LOG_LINE_MAX_BYTES];
    va_list args;

    if (!log_is_on(level))
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (log_state.writer != NULL ? log_state.writer : write_to_stderr)(level, fields, text);
}

bool log_gate_passes(struct log_gate *gate, uint64_t now_ms, uint32_t *out_hidden_count)
{
    if (gate->last_ms != 0 && now_ms - gate->last_ms < LOG_GATE_INTERVAL_MS) {
        gate->hidden_count++;
        return false;
    }
    *out_hidden_count = gate->hidden_count;
    *gate = (struct log_gate){.last_ms = now_ms};
    return true;
}

const char *log_escape(struct slice text, char *buffer, size_t max)
{
    size_t used = 0;

    for (size_t i = 0; i < text.length && used + 5 < max; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\')
            used += (size_t)snprintf(buffer + used, 5, "\\x%02x", byte);
        else
            buffer[used++] = (char)byte;
    }
    buffer[used] = '\0';
    return buffer;
}
