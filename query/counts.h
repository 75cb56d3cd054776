/*
 * counts.h - how many events a span of time has, as a whole or by windows. Pure.
 */
#ifndef MILLRACE_COUNTS_H
#define MILLRACE_COUNTS_H

#include "query/parameters.h"
#include "query/question.h"

enum { COUNTS_WINDOWS_MAX = 20000 };

struct counts_request {
    int64_t start_us, end_us; /* from, and up to but without */
    uint32_t window;          /* which of counts_windows; 0: the whole span */
};

/* What window_size may be: "" (none), "MINUTE", "15MIN" and so on, ends with NULL. */
extern const char *const counts_windows[];

/* start_time, end_time and window_size of a query string. False fills out_problem. */
bool counts_request_read(struct slice query, int64_t now_us, struct arena *arena,
                         struct counts_request *out_request, struct parameter_problem *out_problem);

/* question: nothing but its arena. */
void counts_ask(const struct question_scope *scope, const struct counts_request *request,
                struct question *question);

struct count_point {
    int64_t start_us;
    uint64_t count;
};

struct counts {
    uint64_t total;
    const struct count_point *points; /* oldest first; none unless windows were asked for */
    size_t point_count;
};

/* The answer. False when the bytes are not such rows. */
bool counts_read(struct slice rows, const struct counts_request *request, struct arena *arena,
                 struct counts *out_counts);

/* Appends `,"points":[...]`, or nothing. */
void counts_write_points(struct buf *out, const struct counts *counts);

#endif
