/*
 * metrics.h - counters, gauges and histograms of a worker, written in Prometheus' text form. Labels are
 * fixed when a metric is made, and never come from client text. Text format 0.0.4. Loop thread only.
 */
#ifndef MILLRACE_METRICS_H
#define MILLRACE_METRICS_H

#include "common/base/buf.h"

#include <stdint.h>

struct metrics;

/* One time series. Valid as long as its metrics. */
struct metric;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **metrics);

/* Appends `name="value"` to the text of labels, with a comma in front unless it is empty, and the value
 * escaped. */
void metrics_label(struct buf *labels, const char *name, const char *value);

/* name: Prometheus' rules (BUG otherwise), keeps; labels: finished text such as
 * `topic="events",partition="3"`, or "" (copied; values from outside by metrics_label). The same name and
 * labels give the same metric; the same name with another type is a BUG. help: one sentence, keeps. A gauge
 * is unknown until it is set. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *labels,
                               const char *help);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *labels, const char *help);

/* Buckets double from `first` (seconds, bytes or records as the name says), `count` of them, 1 to 32. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *labels,
                                 const char *help, double first, int count);

void metric_add(struct metric *counter, uint64_t more);
void metric_set(struct metric *gauge, double value);

/* Unknown: the series is left out until it is set again, so that nobody takes a guess for a figure. */
void metric_set_unknown(struct metric *gauge);
void metric_observe(struct metric *histogram, double value);

/* What a counter counted, or how many values a histogram took. */
uint64_t metric_count(const struct metric *counter);

/* Forgets the series of a metric that no longer applies (a revoked partition). The pointer is dead. */
void metrics_remove(struct metrics *metrics, struct metric *metric);

/* Called before each scrape, to refresh gauges. At most 8. */
void metrics_on_scrape(struct metrics *metrics, void (*refresh)(void *owner), void *owner);

/* Appends the whole page. */
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
