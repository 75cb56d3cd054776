/*
 * loop.h - the event loop of a process (libev). One thread runs it; every callback runs on that thread
 * and must never block. Watchers are embedded in their owners, so starting one can't fail.
 */
#ifndef MILLRACE_LOOP_H
#define MILLRACE_LOOP_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop **loop);

/* Runs callbacks until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* The monotonic time in ms, for deadlines and ages. */
uint64_t loop_now_ms(const struct loop *loop);

/* How often the loop has waited for something to happen. */
uint32_t loop_turn_number(const struct loop *loop);

/* ---- timers ---- */

struct loop_timer {
    ev_timer watcher;
    struct loop *loop; /* keeps */
    void (*on_due)(void *owner);
    void *owner; /* keeps */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_due)(void *owner), void *owner);

/* Due once after delay_ms from now; a running timer is set anew. */
void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms);

/* Due every interval_ms (1 or more), first after one interval. */
void loop_timer_start_every(struct loop_timer *timer, uint64_t interval_ms);

/* Not due any more; fine when it was not running. */
void loop_timer_stop(struct loop_timer *timer);

bool loop_timer_is_running(const struct loop_timer *timer);

/* ---- file descriptors ---- */

enum { LOOP_READABLE = EV_READ, LOOP_WRITABLE = EV_WRITE };

struct loop_io {
    ev_io watcher;
    struct loop *loop;
    void (*on_ready)(void *owner, int events); /* LOOP_READABLE | LOOP_WRITABLE */
    void *owner;
};

void loop_io_init(struct loop_io *io, struct loop *loop, void (*on_ready)(void *owner, int events),
                  void *owner);

/* Watches fd for `events` instead of what it watched before; events 0 stops. The fd stays the owner's. */
void loop_io_set(struct loop_io *io, int fd, int events);
void loop_io_stop(struct loop_io *io);

/* ---- wake-ups from other threads ---- */

/* An eventfd: whoever writes 8 bytes to `fd` wakes the loop, which calls on_wakeup once for any number
 * of writes. This is how librdkafka's threads reach the loop. */
struct loop_wakeup {
    struct loop_io io;
    int fd;
    void (*on_wakeup)(void *owner);
    void *owner;
};

/* The 8 bytes to write: a uint64_t 1. */
extern const uint64_t loop_wakeup_payload;

void loop_wakeup_init(struct loop_wakeup *wakeup, struct loop *loop, void (*on_wakeup)(void *owner),
                      void *owner);
void loop_wakeup_done(struct loop_wakeup *wakeup);

/* Wakes the loop. Any thread. */
void loop_wakeup_send(struct loop_wakeup *wakeup);

/* ---- signals ---- */

struct loop_signal {
    ev_signal watcher;
    struct loop *loop;
    void (*on_signal)(void *owner, int signal_number);
    void *owner;
};

void loop_signal_start(struct loop_signal *signal, struct loop *loop, int signal_number,
                       void (*on_signal)(void *owner, int signal_number), void *owner);
void loop_signal_stop(struct loop_signal *signal);

/* Calls on_turn once in every turn of the loop, before it waits: work that is due now but must not
 * recurse (a batch step, a queue of answers). */
struct loop_turn {
    ev_prepare watcher;
    ev_idle keep_awake;
    struct loop *loop;
    void (*on_turn)(void *owner);
    void *owner;
};

void loop_turn_init(struct loop_turn *turn, struct loop *loop, void (*on_turn)(void *owner), void *owner);

/* Asks for one call of on_turn before the loop waits next. Asking twice is asking once. */
void loop_turn_ask(struct loop_turn *turn);
void loop_turn_done(struct loop_turn *turn);

#endif
