/* service: a real process of a toy stage, from its options to its exit code, with a supervisor's socket. */
#include "common/base/version.h"
#include "common/service/service.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/health.h"
#include "common/service/metrics.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, ARGUMENTS_MAX = 8 };

/* ---- the toy ---- */

enum toy_mode {
    TOY_DRAINS_AT_ONCE,
    TOY_DRAINS_LATER,
    TOY_NEVER_DRAINS,
    TOY_FAILS_TO_START,
    TOY_REFUSES_ITS_CONFIG,
    TOY_FAILS_LATER,
    TOY_FAILS_WITHIN_START,
    TOY_STOP_HANGS,
    TOY_FAILS_AND_STOP_HANGS,
};

static enum toy_mode toy_mode;

struct toy {
    struct service *service;
    struct loop_timer timer;
    struct offload *offload; /* NULL: none */
    struct offload_job job;
    sem_t has_begun; /* the job */
};

/* As a question to a broker that does not answer, but for longer than any stop may take. */
static void hang(struct offload_job *job)
{
    struct toy *toy = (struct toy *)((char *)job - offsetof(struct toy, job));

    (void)sem_post(&toy->has_begun);
    (void)sleep(600);
}

static void start_what_hangs(struct toy *toy)
{
    toy->offload = offload_start(service_loop(toy->service));
    toy->job = (struct offload_job){.work = hang};
    assert_int_equal(sem_init(&toy->has_begun, 0, 0), 0);
    offload_run(toy->offload, &toy->job);
    assert_int_equal(sem_wait(&toy->has_begun), 0); /* or the stop would drop it */
}

static void on_fail_due(void *owner)
{
    struct toy *toy = owner;
    struct err err;

    err_set(&err, ERR_FATAL, "the toy broke");
    service_fail(toy->service, &err);
}

static void on_drain_due(void *owner)
{
    struct toy *toy = owner;

    service_drained(toy->service);
}

static bool toy_start(struct service *service, void **out_stage, struct err *err)
{
    (void)raise(SIGPIPE); /* a peer that goes away must not end the process */
    if (toy_mode == TOY_FAILS_TO_START || toy_mode == TOY_REFUSES_ITS_CONFIG) {
        err_set(err, toy_mode == TOY_FAILS_TO_START ? ERR_FATAL : ERR_REJECT, "no batteries");
        return false;
    }
    struct toy *toy = xcalloc(1, sizeof(*toy));
    toy->service = service;
    loop_timer_init(&toy->timer, service_loop(service),
                    toy_mode == TOY_FAILS_LATER || toy_mode == TOY_FAILS_AND_STOP_HANGS ? on_fail_due
                                                                                        : on_drain_due,
                    toy);
    if (toy_mode == TOY_STOP_HANGS || toy_mode == TOY_FAILS_AND_STOP_HANGS)
        start_what_hangs(toy);
    if (toy_mode == TOY_FAILS_LATER || toy_mode == TOY_FAILS_AND_STOP_HANGS)
        loop_timer_start(&toy->timer, 1);
    if (toy_mode == TOY_FAILS_WITHIN_START)
        on_fail_due(toy);
    health_set(health_check_new(service_health(service), "toy"), HEALTH_UP, NULL);
    metric_add(metrics_counter(service_metrics(service), "toys_total", "", "Toys."), 1);
    log_info("brokers %s, instance %s", service_config(service)->kafka.brokers,
             service_config(service)->instance);
    *out_stage = toy;
    return true;
}

static void toy_drain(void *stage)
{
    struct toy *toy = stage;

    if (toy_mode == TOY_DRAINS_AT_ONCE || toy_mode == TOY_STOP_HANGS)
        service_drained(toy->service);
    else if (toy_mode == TOY_DRAINS_LATER)
        loop_timer_start(&toy->timer, 20);
}

static void toy_stop(void *stage)
{
    struct toy *toy = stage;

    loop_timer_stop(&toy->timer);
    offload_stop(&toy->offload);
    free(toy);
    log_info("the toy is put away");
}

static void toy_reload(void *stage)
{
    (void)stage;
    log_info("the toy is wound up again");
}

static void toy_write_status(void *stage, char *text, size_t size)
{
    (void)stage;
    (void)snprintf(text, size, "playing");
}

static const struct service_description toy_description = {
    .name = "toy",
    .summary = "plays, and promises nothing",
    .start = toy_start,
    .drain = toy_drain,
    .stop = toy_stop,
    .reload = toy_reload,
    .write_status = toy_write_status,
};

/* ---- its process ---- */

struct process {
    pid_t pid;
    int output;        /* what it wrote, standard output and error together */
    int notify_socket; /* the supervisor's end */
    char directory[64];
    char config_path[96];
    char socket_path[96];
};

static const char good_config[] = "kafka: {brokers: 'k:9092'}\nadmin: {listen: '127.0.0.1:0'}\n";

static void write_config(struct process *process, const char *yaml)
{
    int fd = open(process->config_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    assert_int_equal(close(fd), 0);
}

static int prepare(void **state)
{
    struct process *process = xcalloc(1, sizeof(*process));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(process->directory, sizeof(process->directory), "/tmp/millrace-service-XXXXXX");
    assert_non_null(mkdtemp(process->directory));
    (void)snprintf(process->config_path, sizeof(process->config_path), "%s/config.yaml", process->directory);
    (void)snprintf(process->socket_path, sizeof(process->socket_path), "%s/notify", process->directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", process->socket_path);
    process->notify_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(process->notify_socket, (struct sockaddr *)&address, sizeof(address)), 0);
    process->output = memfd_create("output", MFD_CLOEXEC);
    assert_true(process->output >= 0);
    write_config(process, good_config);
    toy_mode = TOY_DRAINS_AT_ONCE;
    *state = process;
    return 0;
}

static int clean_up(void **state)
{
    struct process *process = *state;

    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        (void)waitpid(process->pid, NULL, 0);
    }
    (void)close(process->notify_socket);
    (void)close(process->output);
    (void)unlink(process->socket_path);
    (void)unlink(process->config_path);
    (void)rmdir(process->directory);
    free(process);
    return 0;
}

/* Runs the toy with --config and what follows, up to NULL. */
static void launch(struct process *process, ...)
{
    char *argv[ARGUMENTS_MAX + 4] = {(char *)"millrace-toy", (char *)"--config", process->config_path};
    int argc = 3;
    va_list args;

    va_start(args, process);
    while (argc < ARGUMENTS_MAX && (argv[argc] = va_arg(args, char *)) != NULL)
        argc++;
    va_end(args);
    (void)fflush(NULL);
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid > 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)unsetenv("JOURNAL_STREAM");
    if (dup2(process->output, 1) < 0 || dup2(process->output, 2) < 0 ||
        setenv("NOTIFY_SOCKET", process->socket_path, 1) != 0)
        _exit(99);
    exit(service_run(&toy_description, argc, argv));
}

static int wait_for_exit(struct process *process)
{
    int status;

    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    process->pid = 0;
    if (!WIFEXITED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static char *output_of(const struct process *process)
{
    static const size_t room = 1 << 17;
    char *text = xcalloc(1, room);

    assert_true(pread(process->output, text, room - 1, 0) >= 0);
    return text;
}

static void assert_output_has(const struct process *process, const char *expected)
{
    AUTO_STRING text = output_of(process);

    if (strstr(text, expected) == NULL)
        fail_msg("\"%s\" is not in:\n%s", expected, text);
}

/* Waits for a message that has this line. */
static void await_notice(const struct process *process, const char *line)
{
    struct pollfd waiting = {process->notify_socket, POLLIN, 0};
    uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
    char message[1024];

    for (;;) {
        if (clock_monotonic_ms() > deadline_ms || poll(&waiting, 1, PATIENCE_MS) != 1)
            fail_msg("no %s", line);
        ssize_t length = recv(process->notify_socket, message, sizeof(message) - 1, 0);
        assert_true(length >= 0);
        message[length] = '\0';
        if (strstr(message, line) != NULL)
            return;
    }
}

/* ---- stopping ---- */

static void a_signal_drains_and_ends_with_0(void **state)
{
    struct process *process = *state;
    static const enum toy_mode modes[] = {TOY_DRAINS_AT_ONCE, TOY_DRAINS_LATER};
    static const int signals[] = {SIGTERM, SIGINT};

    for (size_t i = 0; i < 2; i++) {
        toy_mode = modes[i];
        launch(process, NULL);
        await_notice(process, "READY=1");
        await_notice(process, "STATUS=playing");
        assert_int_equal(kill(process->pid, signals[i]), 0);
        await_notice(process, "STOPPING=1");
        assert_int_equal(wait_for_exit(process), 0);
        assert_output_has(process, i == 0 ? "SIGTERM: draining" : "SIGINT: draining");
        assert_output_has(process, "drained");
        assert_output_has(process, "the toy is put away");
    }
}

static void a_hang_up_reads_again_and_goes_on(void **state)
{
    struct process *process = *state;

    launch(process, NULL);
    await_notice(process, "READY=1");
    assert_int_equal(kill(process->pid, SIGHUP), 0);
    await_notice(process, "RELOADING=1");
    await_notice(process, "READY=1");
    assert_output_has(process, "the toy is wound up again");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    assert_int_equal(wait_for_exit(process), 0);
}

static void a_drain_that_takes_too_long_is_cut(void **state)
{
    struct process *process = *state;

    toy_mode = TOY_NEVER_DRAINS;
    write_config(process, "kafka.brokers: k:1\nadmin.listen: ''\ndrain_timeout: 100ms\n");
    launch(process, NULL);
    await_notice(process, "READY=1");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    assert_int_equal(wait_for_exit(process), 0);
    assert_output_has(process, "not drained within 100 ms");
    assert_output_has(process, "the toy is put away");
}

static void a_second_signal_stops_at_once(void **state)
{
    struct process *process = *state;

    toy_mode = TOY_NEVER_DRAINS;
    write_config(process, "kafka.brokers: k:1\nadmin.listen: ''\ndrain_timeout: 10min\n");
    launch(process, NULL);
    await_notice(process, "READY=1");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    await_notice(process, "STOPPING=1");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    assert_int_equal(wait_for_exit(process), 0);
    assert_output_has(process, "SIGTERM again: stopping at once");
    assert_output_has(process, "the toy is put away");
}

static void a_long_drain_asks_for_more_time(void **state)
{
    struct process *process = *state;

    toy_mode = TOY_NEVER_DRAINS;
    write_config(process, "kafka.brokers: k:1\nadmin.listen: ''\ndrain_timeout: 10min\n");
    launch(process, NULL);
    await_notice(process, "READY=1");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    await_notice(process, "EXTEND_TIMEOUT_USEC=5000000");
    await_notice(process, "STATUS=draining; playing");
}

static void a_stop_that_hangs_is_cut_with_the_exit_code_that_it_would_have_had(void **state)
{
    static const struct {
        enum toy_mode mode;
        const char *watchdog_us;
        int code;
        const char *text;
        uint64_t within_ms; /* of what systemd was told */
    } rows[] = {
        {TOY_STOP_HANGS, NULL, 0, "toy: the stop hangs in a call of a library: ended after 4000 ms", 5000},
        {TOY_FAILS_AND_STOP_HANGS, "1000000", 1,
         "toy: the stop hangs in a call of a library: ended after 500 ms", 1000},
    };
    struct process *process = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        toy_mode = rows[i].mode;
        if (rows[i].watchdog_us != NULL)
            assert_int_equal(setenv("WATCHDOG_USEC", rows[i].watchdog_us, 1), 0);
        launch(process, NULL);
        assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
        await_notice(process, "READY=1");
        if (rows[i].mode == TOY_STOP_HANGS)
            assert_int_equal(kill(process->pid, SIGTERM), 0);
        await_notice(process, "EXTEND_TIMEOUT_USEC=5000000");
        uint64_t told_ms = clock_monotonic_ms();
        assert_int_equal(wait_for_exit(process), rows[i].code);
        assert_in_range(clock_monotonic_ms() - told_ms, 0, rows[i].within_ms);
        assert_output_has(process, rows[i].text);
    }
}

static void the_watchdog_is_fed_from_the_loop(void **state)
{
    struct process *process = *state;

    assert_int_equal(setenv("WATCHDOG_USEC", "100000", 1), 0);
    launch(process, NULL);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    await_notice(process, "WATCHDOG=1");
    await_notice(process, "WATCHDOG=1");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    assert_int_equal(wait_for_exit(process), 0);
}

/* ---- failing ---- */

static void what_fails_decides_the_exit_code(void **state)
{
    static const struct {
        enum toy_mode mode;
        int code;
        const char *text;
    } rows[] = {
        {TOY_FAILS_TO_START, 1, "can't start: no batteries"},
        {TOY_REFUSES_ITS_CONFIG, 78, "can't start: no batteries"},
        {TOY_FAILS_LATER, 1, "failed: the toy broke"},
        {TOY_FAILS_WITHIN_START, 1, "failed: the toy broke"},
    };
    struct process *process = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        toy_mode = rows[i].mode;
        assert_int_equal(ftruncate(process->output, 0), 0);
        assert_int_equal(lseek(process->output, 0, SEEK_SET), 0);
        launch(process, NULL);
        assert_int_equal(wait_for_exit(process), rows[i].code);
        assert_output_has(process, rows[i].text);
    }
}

static int listener_on_any_port(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static void an_address_that_is_taken_is_named(void **state)
{
    struct process *process = *state;
    uint16_t port;
    int fd = listener_on_any_port(&port);
    AUTO_STRING yaml = xasprintf("kafka.brokers: k:1\nadmin.listen: 127.0.0.1:%u\n", port);
    AUTO_STRING address = xasprintf("127.0.0.1:%u", port);

    write_config(process, yaml);
    launch(process, NULL);
    assert_int_equal(wait_for_exit(process), 1);
    assert_output_has(process, "can't start: admin.listen: ");
    assert_output_has(process, address);
    (void)close(fd);
}

/* ---- what it shows ---- */

static uint16_t admin_port_of(const struct process *process)
{
    AUTO_STRING text = output_of(process);
    const char *at = strstr(text, "(port ");

    assert_non_null(at);
    return (uint16_t)strtoul(at + strlen("(port "), NULL, 10);
}

static void ask(const struct process *process, const char *path, struct buf *out)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(admin_port_of(process)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    AUTO_STRING request = xasprintf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t got;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while ((got = read(fd, buf_reserve(out, 4096), 4096)) > 0)
        out->length += (size_t)got;
    assert_int_equal(got, 0);
    (void)close(fd);
}

static void assert_answer(const struct process *process, const char *path, const char *status,
                          const char *part)
{
    AUTO_BUF answer = {0};

    ask(process, path, &answer);
    if (strncmp(buf_text(&answer), status, strlen(status)) != 0 || strstr(buf_text(&answer), part) == NULL)
        fail_msg("%s: %s", path, buf_text(&answer));
}

static void the_admin_listener_shows_health_and_metrics(void **state)
{
    struct process *process = *state;

    toy_mode = TOY_NEVER_DRAINS;
    launch(process, "--instance", "7", NULL);
    await_notice(process, "READY=1");
    assert_output_has(process, "brokers k:9092, instance 7");
    assert_answer(process, "/health/live", "HTTP/1.1 200", "{\"status\":\"UP\"}");
    assert_answer(process, "/health/ready", "HTTP/1.1 200", "\"toy\":{\"state\":\"UP\"");
    assert_answer(process, "/actuator/health/kafka", "HTTP/1.1 200", "{\"status\":\"UP\",\"details\":{");
    assert_answer(process, "/metrics", "HTTP/1.1 200", "\ntoys_total 1\n");
    assert_answer(process, "/metrics", "HTTP/1.1 200", "text/plain; version=0.0.4; charset=utf-8");
    assert_answer(process, "/metrics", "HTTP/1.1 200", "\nmillrace_ready 1\n");
    assert_answer(process, "/metrics", "HTTP/1.1 200", "\nmillrace_build_info{stage=\"toy\",version=\"");
    assert_answer(process, "/nothing", "HTTP/1.1 404", "\"code\":\"not_found\"");
    assert_int_equal(kill(process->pid, SIGTERM), 0);
    await_notice(process, "STOPPING=1");
    assert_answer(process, "/health/ready", "HTTP/1.1 503", "\"stopping\":true");
    assert_answer(process, "/health/live", "HTTP/1.1 200", "{\"status\":\"UP\"}");
    assert_answer(process, "/metrics", "HTTP/1.1 200", "\nmillrace_ready 0\n");
}

/* ---- options ---- */

static void options_that_only_print_end_at_once(void **state)
{
    static const struct {
        const char *option;
        int code;
        const char *text;
    } rows[] = {
        {"--help", 0, "millrace-toy: plays, and promises nothing\n"},
        {"--help", 0, "\n  kafka.brokers (required) "},
        {"--help", 0, "\n  consumer_primary.held_max (64MiB) "},
        {"--version", 0, "millrace-toy " MILLRACE_VERSION "\n"},
        {"--print-config-sample", 0, "\nkafka:\n"},
        {"--check-config", 0, "configuration is good\n"},
        {"--bogus", 2, "see millrace-toy --help\n"},
        {"extra", 2, "takes no argument \"extra\""},
        {"--instance", 2, "see millrace-toy --help\n"},
    };
    struct process *process = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(ftruncate(process->output, 0), 0);
        assert_int_equal(lseek(process->output, 0, SEEK_SET), 0);
        launch(process, rows[i].option, NULL);
        assert_int_equal(wait_for_exit(process), rows[i].code);
        assert_output_has(process, rows[i].text);
    }
}

static void a_bad_configuration_ends_with_78_and_names_the_key(void **state)
{
    struct process *process = *state;
    AUTO_STRING expected =
        xasprintf("%s:2: kafka.partitons: unknown key: is kafka.partitions meant?\n", process->config_path);

    write_config(process, "kafka:\n  partitons: 3\nlog: {level: loud}\n");
    for (int i = 0; i < 2; i++) {
        launch(process, i == 0 ? "--check-config" : NULL, NULL);
        assert_int_equal(wait_for_exit(process), 78);
        assert_output_has(process, expected);
        assert_output_has(process, ":3: log.level: \"loud\" is not one of ");
        assert_output_has(process, "kafka.brokers is missing");
    }
}

static void a_missing_file_ends_with_78_and_is_named(void **state)
{
    struct process *process = *state;

    assert_int_equal(unlink(process->config_path), 0);
    launch(process, NULL);
    assert_int_equal(wait_for_exit(process), 78);
    assert_output_has(process, process->config_path);
    assert_output_has(process, "can't be opened");
}

static void an_instance_is_a_number(void **state)
{
    static const struct {
        const char *instance;
        int code;
    } rows[] = {{"1", 0},   {"9999", 0}, {"0", 78},  {"10000", 78}, {"{1..3}", 78},
                {"01", 78}, {"+1", 78},  {"1a", 78}, {"", 78},      {"../x", 78}};
    struct process *process = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING option = xasprintf("--instance=%s", rows[i].instance);
        AUTO_STRING expected = xasprintf("--instance: \"%s\" is not a number", rows[i].instance);
        launch(process, "--check-config", option, NULL);
        assert_int_equal(wait_for_exit(process), rows[i].code);
        if (rows[i].code != 0)
            assert_output_has(process, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signal_drains_and_ends_with_0, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_hang_up_reads_again_and_goes_on, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_drain_that_takes_too_long_is_cut, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_second_signal_stops_at_once, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_long_drain_asks_for_more_time, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_stop_that_hangs_is_cut_with_the_exit_code_that_it_would_have_had,
                                        prepare, clean_up),
        cmocka_unit_test_setup_teardown(the_watchdog_is_fed_from_the_loop, prepare, clean_up),
        cmocka_unit_test_setup_teardown(what_fails_decides_the_exit_code, prepare, clean_up),
        cmocka_unit_test_setup_teardown(an_address_that_is_taken_is_named, prepare, clean_up),
        cmocka_unit_test_setup_teardown(the_admin_listener_shows_health_and_metrics, prepare, clean_up),
        cmocka_unit_test_setup_teardown(options_that_only_print_end_at_once, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_bad_configuration_ends_with_78_and_names_the_key, prepare,
                                        clean_up),
        cmocka_unit_test_setup_teardown(a_missing_file_ends_with_78_and_is_named, prepare, clean_up),
        cmocka_unit_test_setup_teardown(an_instance_is_a_number, prepare, clean_up),
    };

    (void)alarm(120); /* a process that hangs must not hang the tests */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
