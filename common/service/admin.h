/*
 * admin.h - the worker's own listener: /metrics, /health/live, /health/ready, /actuator/health/kafka.
 * No key needed, no tenant's data said, nothing changed through it. Loop thread only.
 */
#ifndef MILLRACE_ADMIN_H
#define MILLRACE_ADMIN_H

#include "common/base/err.h"
#include "common/io/http_server.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;
struct loop;
struct metrics;
struct health;

/* listen: as http_server's; "" for none (out_admin becomes NULL). ERR_FATAL when the address is taken.
 * metrics and health: keeps. Adds the metric millrace_ready. */
bool admin_start(struct loop *loop, const char *listen, struct metrics *metrics, struct health *health,
                 struct admin **out_admin, struct err *err);
void admin_stop(struct admin **admin);

/* The port bound; 0 without a listener and for a Unix socket. */
uint16_t admin_port(const struct admin *admin);

/* /health/live, /health/ready and /actuator/health/kafka, for a program that serves them on its public port
 * too: more_routes of its server, with its struct health as more_context. */
extern const struct http_route admin_health_routes[];

#endif
