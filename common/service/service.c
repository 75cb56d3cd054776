#include "common/service/service.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/version.h"
#include "common/io/loop.h"
#include "common/service/admin.h"
#include "common/service/health.h"
#include "common/service/journal.h"
#include "common/service/metrics.h"
#include "common/service/service_options.h"
#include "common/service/stop_guard.h"
#include "common/service/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_STOPPED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_CONFIG = 78, /* EX_CONFIG of sysexits.h */
    TICK_INTERVAL_MS = 1000,
    EXTENSION_MS = 5000, /* asked for every tick of a drain: a few ticks may be late */
    STOP_MAX_MS = 4000,  /* less than the extension that is asked for before */
    STATUS_MAX_BYTES = 256,
};

struct service {
    const struct service_description *description;
    struct config config;
    struct loop *loop;
    struct metrics *metrics;
    struct health *health;
    struct admin *admin;
    void *stage;
    bool is_draining;
    bool is_over; /* the loop has ended, or is not to begin */
    int exit_code;
    struct loop_signal terminate, interrupt, hang_up;
    struct loop_timer tick, feed, drain_deadline;
};

const struct config *service_config(const struct service *service)
{
    return &service->config;
}

struct loop *service_loop(const struct service *service)
{
    return service->loop;
}

struct metrics *service_metrics(const struct service *service)
{
    return service->metrics;
}

struct health *service_health(const struct service *service)
{
    return service->health;
}

/* ---- ending ---- */

static void end(struct service *service)
{
    service->is_over = true;
    loop_stop(service->loop);
}

static int exit_code_for(const struct err *err)
{
    return err->kind == ERR_REJECT ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

void service_drained(struct service *service)
{
    BUG_ON(!service->is_draining);
    if (service->is_over)
        return; /* the deadline was first */
    log_info("drained");
    end(service);
}

void service_fail(struct service *service, const struct err *err)
{
    if (service->exit_code != EXIT_STOPPED)
        return; /* what failed first is the reason */
    log_error("failed: %s", err->text);
    service->exit_code = exit_code_for(err);
    end(service);
}

static void on_drain_deadline(void *owner)
{
    struct service *service = owner;

    log_warning("not drained within %" PRIu64 " ms: stopping; what was under way is done again after a start",
                service->config.drain_timeout_ms);
    end(service);
}

static void on_stop_signal(void *owner, int signal_number)
{
    struct service *service = owner;

    if (service->is_draining) {
        log_warning("SIG%s again: stopping at once", sigabbrev_np(signal_number));
        end(service);
        return;
    }
    log_notice("SIG%s: draining, for %" PRIu64 " ms at most", sigabbrev_np(signal_number),
               service->config.drain_timeout_ms);
    service->is_draining = true;
    health_set_stopping(service->health);
    supervisor_stopping();
    loop_timer_start(&service->drain_deadline, service->config.drain_timeout_ms);
    loop_timer_start_every(&service->tick, TICK_INTERVAL_MS);
    service->description->drain(service->stage);
}

static void on_reload_signal(void *owner, int signal_number)
{
    struct service *service = owner;

    (void)signal_number;
    if (service->is_draining)
        return;
    if (service->description->reload == NULL) {
        log_notice("SIGHUP: there is nothing that is read while running: the configuration needs a restart");
        return;
    }
    supervisor_reloading();
    service->description->reload(service->stage);
    supervisor_ready();
}

/* ---- running ---- */

static void tell_status(const struct service *service)
{
    char line[STATUS_MAX_BYTES] = "";
    char text[STATUS_MAX_BYTES + 64];
    enum health_state worst = health_worst(service->health);

    service->description->write_status(service->stage, line, sizeof(line));
    (void)snprintf(text, sizeof(text), "%s%s%s%s", service->is_draining ? "draining; " : "",
                   worst == HEALTH_UP ? "" : health_state_name(worst), worst == HEALTH_UP ? "" : "; ", line);
    supervisor_status(text);
}

static void on_tick(void *owner)
{
    const struct service *service = owner;

    if (service->is_draining)
        supervisor_extend(EXTENSION_MS);
    tell_status(service);
}

/* From the loop: a loop that hangs stops it, and systemd restarts the process. */
static void on_feed(void *owner)
{
    (void)owner;
    supervisor_feed();
}

static void start_timers(struct service *service)
{
    uint64_t feed_interval_ms = supervisor_feed_interval_ms();

    loop_timer_init(&service->drain_deadline, service->loop, on_drain_deadline, service);
    loop_timer_init(&service->tick, service->loop, on_tick, service);
    loop_timer_start_every(&service->tick, TICK_INTERVAL_MS);
    loop_timer_init(&service->feed, service->loop, on_feed, service);
    if (feed_interval_ms > 0)
        loop_timer_start_every(&service->feed, feed_interval_ms);
}

static void publish_build(const struct service *service)
{
    AUTO_BUF labels = {0};

    metrics_label(&labels, "stage", service->description->name);
    metrics_label(&labels, "version", MILLRACE_VERSION);
    metric_set(metrics_gauge(service->metrics, "millrace_build_info", buf_text(&labels),
                             "Which program this is; always 1."),
               1);
}

static bool start(struct service *service, struct err *err)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that has gone is an error of the write */
    service->loop = loop_new();
    service->metrics = metrics_new();
    service->health = health_new();
    loop_signal_start(&service->terminate, service->loop, SIGTERM, on_stop_signal, service);
    loop_signal_start(&service->interrupt, service->loop, SIGINT, on_stop_signal, service);
    loop_signal_start(&service->hang_up, service->loop, SIGHUP, on_reload_signal, service);
    start_timers(service);
    publish_build(service);
    if (!admin_start(service->loop, service->config.admin.listen, service->metrics, service->health,
                     &service->admin, err))
        return false;
    return service->description->start(service, &service->stage, err);
}

/* Within what the supervisor was told: the loop that feeds its watchdog turns no more. */
static uint64_t stop_max_ms(void)
{
    uint64_t feed_interval_ms = supervisor_feed_interval_ms();

    return feed_interval_ms > 0 && feed_interval_ms < STOP_MAX_MS ? feed_interval_ms : STOP_MAX_MS;
}

static void stop(struct service *service, int exit_code, bool has_stage)
{
    struct stop_guard guard;

    supervisor_feed();
    supervisor_extend(EXTENSION_MS);
    stop_guard_start(&guard, stop_max_ms(), exit_code);
    if (has_stage)
        service->description->stop(service->stage);
    admin_stop(&service->admin);
    loop_timer_stop(&service->drain_deadline);
    loop_timer_stop(&service->feed);
    loop_timer_stop(&service->tick);
    loop_signal_stop(&service->hang_up);
    loop_signal_stop(&service->interrupt);
    loop_signal_stop(&service->terminate);
    health_free(&service->health);
    metrics_free(&service->metrics);
    loop_free(&service->loop);
    stop_guard_done(&guard);
}

static void announce(const struct service *service)
{
    if (service->admin != NULL)
        log_info("started; version %s, instance %s, metrics and health on %s (port %u)", MILLRACE_VERSION,
                 service->config.instance, service->config.admin.listen, admin_port(service->admin));
    else
        log_info("started; version %s, instance %s", MILLRACE_VERSION, service->config.instance);
    supervisor_ready();
    tell_status(service);
}

/* As many open files as we may have: the soft limit is made for programs that use select(2). */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("the limit of open files stays as it is: errno %d", errno);
}

static int run(struct service *service)
{
    struct err err;

    log_open(service->description->name, (enum log_level)service->config.log.level, journal_writer());
    raise_file_limit();
    if (!start(service, &err)) {
        log_error("can't start: %s", err.text);
        stop(service, exit_code_for(&err), false);
        return exit_code_for(&err);
    }
    if (!service->is_over) {
        announce(service);
        loop_run(service->loop);
    }
    stop(service, service->exit_code, true);
    log_info("stopped");
    return service->exit_code;
}

/* ---- before ---- */

/* systemd makes an instance of whatever stands behind the '@', "{1..3}" too. */
static bool check_instance(const char *text, struct buf *problems)
{
    uint64_t number;

    if (number_u64(slice_from(text), &number) && number >= 1 && number <= 9999 && text[0] != '0')
        return true;
    buf_printf(problems,
               "--instance: \"%.60s\" is not a number from 1 to 9999: for several, let the shell expand "
               "name@{1..3} without quotes\n",
               text);
    return false;
}

static bool load(const struct service_options *options, struct config *out_config, struct buf *problems)
{
    const char *path = config_find_path(options->config_path, environ);
    bool is_good_instance = check_instance(options->instance, problems);
    struct config config;

    if (!config_load_all(path, environ, &config, problems))
        return false;
    if (!is_good_instance) {
        config_done(&config);
        return false;
    }
    free_string(&config.instance);
    config.instance = xstrdup(options->instance);
    *out_config = config;
    return true;
}

static void log_problems(struct slice problems)
{
    struct slice line;

    while (slice_cut(&problems, '\n', &line))
        log_error("%.*s", SLICE_ARG(line));
}

static int run_with_config(const struct service_description *description,
                           const struct service_options *options)
{
    AUTO_BUF problems = {0};
    struct service service = {.description = description};
    bool is_check = options->action == SERVICE_CHECK_CONFIG;
    int exit_code = EXIT_STOPPED;

    log_open(description->name, LOG_LEVEL_INFO, journal_writer());
    if (!load(options, &service.config, &problems)) {
        if (is_check)
            (void)fputs(buf_text(&problems), stderr);
        else
            log_problems(buf_slice(&problems));
        return EXIT_BAD_CONFIG;
    }
    if (is_check)
        (void)puts("configuration is good");
    else
        exit_code = run(&service);
    config_done(&service.config);
    return exit_code;
}

int service_run(const struct service_description *description, int argc, char **argv)
{
    AUTO_BUF sample = {0};
    struct service_options options;

    if (!service_options_parse(argc, argv, &options))
        return EXIT_USAGE;
    switch (options.action) {
    case SERVICE_HELP:
        service_options_print_help(description);
        return EXIT_STOPPED;
    case SERVICE_VERSION:
        (void)printf("millrace-%s %s\n", description->name, MILLRACE_VERSION);
        return EXIT_STOPPED;
    case SERVICE_PRINT_SAMPLE:
        settings_write_sample(&config_schema, &sample);
        (void)fputs(buf_text(&sample), stdout);
        return EXIT_STOPPED;
    default:
        return run_with_config(description, &options);
    }
}
