/*
 * monitoring.h - GET /v1/events/monitoring: how many events a span of time has, and how far the stages are
 * behind.
 *
 *     {"total_count":7,"consumption_lag":0,"consumption_lag_seconds":0.000,"post_processing_lag":null,
 *      "post_processing_lag_seconds":null,"post_processing_lag_reason":"...",
 *      "points":[{"timestamp":"2026-11-24T15:00:00Z","event_count":7}]}
 *
 * start_time (24 h before the end) up to, but without, end_time (now). With window_size the count is split by
 * windows of UTC (weeks from Monday); those without events are left out, and points when there is none. The
 * lag is that of the whole system, in records and in seconds since Kafka took the oldest of them. What is not
 * known is null, with a reason, and never an error of the whole.
 */
#ifndef MILLRACE_MONITORING_H
#define MILLRACE_MONITORING_H

struct http_request;
struct lags;
struct reads;

/* lags: keeps. */
void monitoring_answer(struct reads *reads, struct lags *lags, struct http_request *request);

#endif
