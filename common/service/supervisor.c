#include "common/service/supervisor.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

/* An answer that says it was not sent changes nothing: the watchdog and the timeouts of systemd decide. */

void supervisor_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void supervisor_status(const char *text)
{
    (void)sd_notifyf(0, "STATUS=%s", text);
}

void supervisor_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_us());
}

void supervisor_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1\nSTATUS=draining");
}

void supervisor_extend(uint64_t more_ms)
{
    (void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, more_ms * 1000);
}

uint32_t supervisor_take_sockets(int *out_fds, uint32_t max)
{
    int count = sd_listen_fds(1);

    /* Less than 0: a LISTEN_FDS that is no number was not written by a supervisor. */
    for (int i = 0; i < count && (uint32_t)i < max; i++)
        out_fds[i] = SD_LISTEN_FDS_START + i;
    return count > 0 ? (uint32_t)count : 0;
}

uint64_t supervisor_feed_interval_ms(void)
{
    uint64_t timeout_us;

    if (sd_watchdog_enabled(0, &timeout_us) <= 0)
        return 0;
    return timeout_us >= 2000 ? timeout_us / 2000 : 1;
}

void supervisor_feed(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}
