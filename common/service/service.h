/*
 * service.h - the life of a worker: options, configuration, log, loop, admin listener, start, readiness,
 * watchdog, drain and stop. A stage hands in a description of itself and is called back.
 *
 *     int main(int argc, char **argv) { return service_run(&consumer_primary, argc, argv); }
 *
 * Options: --config FILE, --instance N, --check-config, --print-config-sample, --help, --version.
 * A malformed --instance (it must be 1 to 9999) exits with 78 too: systemd gives it from the unit's name.
 * Exit codes: 0 stopped as asked, 1 failed (the supervisor restarts), 2 unusable arguments,
 * 78 (EX_CONFIG) a configuration that no restart can mend.
 *
 * SIGTERM and SIGINT drain: drain, then, when drained or after drain_timeout_ms, stop. A second signal
 * stops at once; that is safe at any instant. A stop that hangs is cut after 4 s, or half of WatchdogSec when
 * that is less. SIGHUP reads again what the stage can (RELOADING=1, then READY=1). With systemd: READY=1,
 * STATUS=, WATCHDOG=1 from the loop's turns, STOPPING=1 and EXTEND_TIMEOUT_USEC in a long drain.
 */
#ifndef MILLRACE_SERVICE_H
#define MILLRACE_SERVICE_H

#include "common/base/err.h"
#include "common/service/config.h"

#include <stdbool.h>

struct loop;
struct metrics;
struct health;
struct service;

/* What a stage is; all members but reload are needed. All callbacks run on the loop's thread; `stage` is what
 * start gave. */
struct service_description {
    const char *name;    /* "consumer-primary": the program is millrace-<name> */
    const char *summary; /* for --help: what it reads, writes and promises */

    /* Builds and starts the parts. False with ERR_FATAL ends the program (kind ERR_REJECT: exit 78).
     * A dependency that is away is no failure: the parts wait for it and health says so. */
    bool (*start)(struct service *service, void **out_stage, struct err *err);

    /* Take nothing new, finish what is under way; call service_drained when done. */
    void (*drain)(void *stage);

    /* Ends and frees the parts. Waits for nothing but calls that can't be cut short; when those take too long
     * the process ends in the middle of them. */
    void (*stop)(void *stage);

    /* SIGHUP: reads again what can change under a running program, and logs what came of it; what is bad
     * changes nothing. NULL: there is nothing of that kind. Not called while draining. */
    void (*reload)(void *stage);

    /* One line for `systemctl status`, such as "1,204 events/s, lag 12". Called about once a second. */
    void (*write_status)(void *stage, char *text, size_t size);
};

int service_run(const struct service_description *description, int argc, char **argv);

/* ---- for the parts of a stage ---- */

const struct config *service_config(const struct service *service);
struct loop *service_loop(const struct service *service);
struct metrics *service_metrics(const struct service *service);
struct health *service_health(const struct service *service);

/* The drain is complete; stop follows. Only after drain was called (BUG). */
void service_drained(struct service *service);

/* Something that only a restart mends: logs err, drains nothing, stops with exit code 1 (ERR_REJECT: 78). */
void service_fail(struct service *service, const struct err *err);

#endif
