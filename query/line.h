/*
 * line.h - who may ask ClickHouse now, and who waits: a bounded number at a time, the others in line, and
 * no tenant more than half of either, so that one slow reader does not hold up the rest. Pure.
 */
#ifndef MILLRACE_LINE_H
#define MILLRACE_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Embedded in what waits. */
struct line_place {
    TAILQ_ENTRY(line_place) place;
    const char *tenant_id; /* keeps */
    uint64_t entered_ms;
};

TAILQ_HEAD(line_queue, line_place);

struct line {
    struct line_queue active, waiting;
    uint32_t active_count, waiting_count;
    uint32_t active_max, waiting_max;
};

void line_init(struct line *line, uint32_t active_max, uint32_t waiting_max);

/* Enters it as waiting; false when the line is full, or half of it is this tenant's. */
bool line_enter(struct line *line, struct line_place *place);

/* The first that may begin now; it is active from then on. NULL: none. */
struct line_place *line_begin(struct line *line);

/* The first that waits and entered at or before this time; it is out. NULL: none. */
struct line_place *line_expire(struct line *line, uint64_t entered_until_ms);

/* An active one is done. */
void line_leave(struct line *line, struct line_place *place);

#endif
