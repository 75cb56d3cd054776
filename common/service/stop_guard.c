#include "common/service/stop_guard.h"

#include "common/base/bug.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* In the middle of anything, on any thread: only what is safe in a signal handler. */
static void on_time_over(int signal_number, siginfo_t *info, void *context)
{
    const struct stop_guard *guard = info->si_value.sival_ptr;

    (void)signal_number;
    (void)context;
    if (info->si_code == SI_TIMER) {
        ssize_t written = write(STDERR_FILENO, guard->line, strlen(guard->line));
        (void)written;
        _exit(guard->exit_code);
    }
}

void stop_guard_start(struct stop_guard *guard, uint64_t within_ms, int exit_code)
{
    struct sigaction action = {.sa_sigaction = on_time_over, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_ptr = guard};
    const struct itimerspec due = {
        .it_value = {.tv_sec = (time_t)(within_ms / 1000), .tv_nsec = (long)(within_ms % 1000) * 1000000}};

    guard->exit_code = exit_code;
    (void)snprintf(guard->line, sizeof(guard->line),
                   "%s%s: the stop hangs in a call of a library: ended after %" PRIu64 " ms\n",
                   getenv("JOURNAL_STREAM") != NULL ? "<4>" : "", log_stage(), within_ms);
    BUG_ON(sigaction(SIGALRM, &action, NULL) != 0);
    BUG_ON(timer_create(CLOCK_MONOTONIC, &event, &guard->timer) != 0);
    BUG_ON(timer_settime(guard->timer, 0, &due, NULL) != 0);
}

void stop_guard_done(struct stop_guard *guard)
{
    BUG_ON(timer_delete(guard->timer) != 0);
}
