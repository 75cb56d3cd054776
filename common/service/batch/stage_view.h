/*
 * stage_view.h - what a batch stage shows of itself: metrics a partition and for the worker, health, and
 * the line for `systemctl status`. Unknown is said as unknown. Loop thread.
 */
#ifndef MILLRACE_STAGE_VIEW_H
#define MILLRACE_STAGE_VIEW_H

#include <stddef.h>

struct batch_context;
struct health;
struct metrics;
struct partition;
struct stage_view;

/* Makes the worker's metrics and puts them into the context; the three: keeps. */
struct stage_view *stage_view_new(struct batch_context *context, struct metrics *metrics,
                                  struct health *health);
void stage_view_free(struct stage_view **view);

/* The assignment as it is now: NULL and 0 while there is none. Keeps the array until the next call. */
void stage_view_set_partitions(struct stage_view *view, struct partition **partitions, size_t count);

/* Once a second. */
void stage_view_refresh(struct stage_view *view);

void stage_view_write_status(const struct stage_view *view, char *text, size_t size);

#endif
