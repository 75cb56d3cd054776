/*
 * supervisor.h - what the process tells systemd (sd_notify). Without systemd each of them does nothing.
 * Main thread; blocks no longer than a datagram on this machine does.
 */
#ifndef MILLRACE_SUPERVISOR_H
#define MILLRACE_SUPERVISOR_H

#include <stdint.h>

void supervisor_ready(void);

/* One line for `systemctl status`. */
void supervisor_status(const char *text);

/* Until the next supervisor_ready the process reads what has changed. */
void supervisor_reloading(void);

void supervisor_stopping(void);

/* Asks not to be killed for another more_ms. */
void supervisor_extend(uint64_t more_ms);

/* The listening sockets that systemd's socket unit, or whoever started us, has passed (LISTEN_FDS): puts up
 * to max of them into out_fds and gives their number, which may be higher. The caller owns them; the second
 * call finds none. */
uint32_t supervisor_take_sockets(int *out_fds, uint32_t max);

/* How often to call supervisor_feed: half of WatchdogSec; 0: there is no watchdog. */
uint64_t supervisor_feed_interval_ms(void);
void supervisor_feed(void);

#endif
