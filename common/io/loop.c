#include "common/io/loop.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    struct ev_loop *ev;
};

const uint64_t loop_wakeup_payload = 1;

struct loop *loop_new(void)
{
    struct loop *loop = xmalloc(sizeof(*loop));

    loop->ev = ev_loop_new(EVFLAG_AUTO);
    if (loop->ev == NULL)
        BUG("libev found no way to wait for events");
    return loop;
}

void loop_free(struct loop **loop)
{
    if (*loop == NULL)
        return;
    ev_loop_destroy((*loop)->ev);
    free(*loop);
    *loop = NULL;
}

void loop_run(struct loop *loop)
{
    ev_run(loop->ev, 0);
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->ev, EVBREAK_ALL);
}

uint32_t loop_turn_number(const struct loop *loop)
{
    return ev_iteration(loop->ev);
}

uint64_t loop_now_ms(const struct loop *loop)
{
    /* libev keeps its monotonic time to itself; the clock costs one vDSO call. */
    (void)loop;
    return clock_monotonic_ms();
}

/* ---- timers ---- */

static void on_timer(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct loop_timer *timer = watcher->data;

    (void)ev;
    (void)events;
    timer->on_due(timer->owner);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_due)(void *owner), void *owner)
{
    *timer = (struct loop_timer){.loop = loop, .on_due = on_due, .owner = owner};
    ev_init(&timer->watcher, on_timer);
    timer->watcher.data = timer;
}

static void timer_set(struct loop_timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    struct ev_loop *ev = timer->loop->ev;

    ev_timer_stop(ev, &timer->watcher);
    ev_now_update(ev);
    ev_timer_set(&timer->watcher, (double)after_ms / 1000.0, (double)repeat_ms / 1000.0);
    ev_timer_start(ev, &timer->watcher);
}

void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms)
{
    timer_set(timer, delay_ms, 0);
}

void loop_timer_start_every(struct loop_timer *timer, uint64_t interval_ms)
{
    timer_set(timer, interval_ms, interval_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->loop != NULL)
        ev_timer_stop(timer->loop->ev, &timer->watcher);
}

bool loop_timer_is_running(const struct loop_timer *timer)
{
    return ev_is_active(&timer->watcher);
}

/* ---- file descriptors ---- */

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct loop_io *io = watcher->data;

    (void)ev;
    io->on_ready(io->owner, events & (EV_READ | EV_WRITE));
}

void loop_io_init(struct loop_io *io, struct loop *loop, void (*on_ready)(void *owner, int events),
                  void *owner)
{
    *io = (struct loop_io){.loop = loop, .on_ready = on_ready, .owner = owner};
    ev_init(&io->watcher, on_io);
    io->watcher.data = io;
}

void loop_io_set(struct loop_io *io, int fd, int events)
{
    if (ev_is_active(&io->watcher) && io->watcher.fd == fd &&
        (io->watcher.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(io->loop->ev, &io->watcher);
    if (events == 0)
        return;
    ev_io_set(&io->watcher, fd, events);
    ev_io_start(io->loop->ev, &io->watcher);
}

void loop_io_stop(struct loop_io *io)
{
    if (io->loop != NULL)
        ev_io_stop(io->loop->ev, &io->watcher);
}

/* ---- wake-ups ---- */

static void on_eventfd(void *owner, int events)
{
    struct loop_wakeup *wakeup = owner;
    uint64_t count;

    (void)events;
    if (read(wakeup->fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
        return; /* another turn took it already */
    wakeup->on_wakeup(wakeup->owner);
}

void loop_wakeup_init(struct loop_wakeup *wakeup, struct loop *loop, void (*on_wakeup)(void *owner),
                      void *owner)
{
    *wakeup = (struct loop_wakeup){.on_wakeup = on_wakeup, .owner = owner};
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wakeup->fd < 0)
        BUG("eventfd: errno %d (is the limit of open files, LimitNOFILE, high enough?)", errno);
    loop_io_init(&wakeup->io, loop, on_eventfd, wakeup);
    loop_io_set(&wakeup->io, wakeup->fd, LOOP_READABLE);
}

void loop_wakeup_done(struct loop_wakeup *wakeup)
{
    if (wakeup->io.loop == NULL)
        return;
    loop_io_stop(&wakeup->io);
    (void)close(wakeup->fd);
    *wakeup = (struct loop_wakeup){.fd = -1};
}

void loop_wakeup_send(struct loop_wakeup *wakeup)
{
    ssize_t written = write(wakeup->fd, &loop_wakeup_payload, sizeof(loop_wakeup_payload));

    /* EAGAIN: the counter is full, so the loop is awake already. */
    BUG_ON(written < 0 && errno != EAGAIN);
}

/* ---- signals ---- */

static void on_signal_event(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct loop_signal *signal = watcher->data;

    (void)ev;
    (void)events;
    signal->on_signal(signal->owner, watcher->signum);
}

void loop_signal_start(struct loop_signal *signal, struct loop *loop, int signal_number,
                       void (*on_signal)(void *owner, int signal_number), void *owner)
{
    *signal = (struct loop_signal){.loop = loop, .on_signal = on_signal, .owner = owner};
    ev_signal_init(&signal->watcher, on_signal_event, signal_number);
    signal->watcher.data = signal;
    ev_signal_start(loop->ev, &signal->watcher);
}

void loop_signal_stop(struct loop_signal *signal)
{
    if (signal->loop != NULL)
        ev_signal_stop(signal->loop->ev, &signal->watcher);
}

/* ---- once a turn ---- */

static void on_prepare(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop_turn *turn = watcher->data;

    (void)events;
    ev_prepare_stop(ev, &turn->watcher);
    ev_idle_stop(ev, &turn->keep_awake);
    turn->on_turn(turn->owner);
}

/* Active while a call is asked for, so that the loop does not wait when on_turn asks again. */
static void on_idle(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

void loop_turn_init(struct loop_turn *turn, struct loop *loop, void (*on_turn)(void *owner), void *owner)
{
    *turn = (struct loop_turn){.loop = loop, .on_turn = on_turn, .owner = owner};
    ev_prepare_init(&turn->watcher, on_prepare);
    ev_idle_init(&turn->keep_awake, on_idle);
    turn->watcher.data = turn;
}

void loop_turn_ask(struct loop_turn *turn)
{
    ev_prepare_start(turn->loop->ev, &turn->watcher);
    ev_idle_start(turn->loop->ev, &turn->keep_awake);
}

void loop_turn_done(struct loop_turn *turn)
{
    if (turn->loop == NULL)
        return;
    ev_prepare_stop(turn->loop->ev, &turn->watcher);
    ev_idle_stop(turn->loop->ev, &turn->keep_awake);
}
