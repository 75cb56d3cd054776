/*
 * health.h - what a worker says of itself: a list of checks, each owned by the part that knows. Ready
 * means making progress; what is not known is said as unknown, never as fine. Loop thread only.
 *
 * Served by the admin listener: /health/live (the loop turns), /health/ready (200 when no check is
 * DOWN or UNKNOWN), and /actuator/health/kafka, which ingest serves on its public port too:
 *
 *     {"status":"DEGRADED","details":{"circuitBreakerState":null,"pendingEvents":null,...,
 *      "missingTopics":["events_post_processing"],"checks":{"clickhouse":{"state":"UP","since":"..."},
 *      "keys":{"state":"DEGRADED","since":"...","reason":"..."}}}}
 *
 * What stands before missingTopics is added by the stage that knows it (health_add_detail). "stopping":true
 * stands there while the process drains.
 */
#ifndef MILLRACE_HEALTH_H
#define MILLRACE_HEALTH_H

#include "common/base/buf.h"

#include <stdint.h>

enum health_state {
    HEALTH_UNKNOWN, /* not asked yet; not ready */
    HEALTH_UP,
    HEALTH_DEGRADED, /* works, but something waits for a repair; still ready */
    HEALTH_DOWN,     /* makes no progress; not ready */
};

struct health;
struct health_check;

struct health *health_new(void);
void health_free(struct health **health);

/* A new check, HEALTH_UNKNOWN. name: letters, digits, '.', '_' and '-' (as topics have), unique (BUG
 * otherwise); copied. */
struct health_check *health_check_new(struct health *health, const char *name);

/* The check's state, and why (copied; NULL or "" for UP). A change of state is logged once, both ways; a
 * new reason for the same state every 30 s at most. Says what to do: "topic events_post_processing is
 * missing: run `millrace topics init`". */
void health_set(struct health_check *check, enum health_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Names a topic that is missing, or no longer missing; shown in missingTopics. */
void health_set_missing_topic(struct health *health, const char *topic, bool is_missing);

/* One more member of details: finished JSON from `write` (a number, an object, null). name: keeps. */
void health_add_detail(struct health *health, const char *name, void (*write)(void *owner, struct buf *out),
                       void *owner);

/* The worst of all checks; UNKNOWN ranks between DEGRADED and DOWN. A missing topic is DEGRADED at least. */
enum health_state health_worst(const struct health *health);
bool health_is_ready(const struct health *health);

/* From now on never ready: the process stops. The checks keep saying what they know. */
void health_set_stopping(struct health *health);

/* "UP", "DEGRADED", "DOWN" or "UNKNOWN". */
const char *health_state_name(enum health_state state);

/* Appends the JSON above. */
void health_write(const struct health *health, struct buf *out);

#endif
