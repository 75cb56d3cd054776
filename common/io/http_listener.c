#include "common/io/http_listener.h"

#include "common/base/alloc.h"
#include "common/io/http_address.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096, ACCEPT_MAX_A_TURN = 256, SHORTAGE_RETRY_MS = 200 };

static const int on = 1;

/* ---- binding ---- */

static bool fail(struct err *err, const char *listen, const char *what)
{
    err_set(err, ERR_FATAL, "listen on %s: %s: %s", listen, what, strerrordesc_np(errno));
    return false;
}

/* A Unix socket whose owner was killed stays in the file system; one that answers is in use. */
static void remove_stale(const struct http_address *address)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->length) < 0 && errno == ECONNREFUSED)
        (void)unlink(name->sun_path);
    (void)close(fd);
}

static bool set_options(const struct http_listener *listener, int family, const char *text, struct err *err)
{
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return fail(err, text, "SO_REUSEADDR");
    if (listener->shares_port && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return fail(err, text, "SO_REUSEPORT");
    /* Linux hands it down to what is accepted: one system call less for each client. */
    if (family != AF_UNIX && setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return fail(err, text, "TCP_NODELAY");
    return true;
}

static bool bind_and_listen(struct http_listener *listener, const struct http_address *address,
                            const char *text, struct err *err)
{
    int family = address->storage.ss_family;

    if (family == AF_UNIX)
        remove_stale(address);
    listener->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(err, text, "socket");
    if (!set_options(listener, family, text, err))
        return false;
    if (bind(listener->fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        return fail(err, text, "bind");
    if (family == AF_UNIX)
        listener->unix_path = xstrdup(((const struct sockaddr_un *)&address->storage)->sun_path);
    if (listen(listener->fd, LISTEN_BACKLOG) < 0)
        return fail(err, text, "listen");
    return true;
}

static int socket_number(int fd, int option)
{
    int value = 0;
    socklen_t length = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* Its other owners have use for the same flags. */
static bool adopt(struct http_listener *listener, int fd, struct err *err)
{
    struct http_address address;
    int flags = fcntl(fd, F_GETFL);

    listener->fd = fd;
    if (socket_number(fd, SO_TYPE) != SOCK_STREAM || socket_number(fd, SO_ACCEPTCONN) != 1 ||
        !http_address_of_socket(fd, &address)) {
        err_set(err, ERR_FATAL,
                "file descriptor %d, passed to us, is not a listening stream socket (IPv4, IPv6 or Unix)",
                fd);
        return false;
    }
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fail(err, "the socket passed to us", "fcntl");
    if (address.storage.ss_family != AF_UNIX && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return fail(err, "the socket passed to us", "TCP_NODELAY");
    return true;
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void close_all(struct http_listener *listener)
{
    if (listener->fd >= 0)
        (void)close(listener->fd);
    if (listener->reserve_fd >= 0)
        (void)close(listener->reserve_fd);
    if (listener->unix_path != NULL)
        (void)unlink(listener->unix_path);
    free_string(&listener->unix_path);
    listener->fd = listener->reserve_fd = -1;
}

/* ---- accepting ---- */

static void watch(struct http_listener *listener, bool is_on)
{
    listener->is_paused = !is_on;
    loop_io_set(&listener->io, listener->fd, is_on ? LOOP_READABLE : 0);
}

/* No file descriptor left: the client at the head of the queue learns it at once, the others wait until one
 * is closed. Pausing keeps the loop from spinning on a socket that stays readable. */
static void on_shortage(struct http_listener *listener)
{
    uint32_t hidden_count;

    if (listener->reserve_fd >= 0) {
        (void)close(listener->reserve_fd);
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            (void)close(fd);
        listener->reserve_fd = open_reserve();
    }
    if (log_gate_passes(&listener->shortage, loop_now_ms(listener->io.loop), &hidden_count))
        log_warning("no file descriptor left for a new client: accepting pauses; raise LimitNOFILE");
    watch(listener, false);
    loop_timer_start(&listener->retry, SHORTAGE_RETRY_MS);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False when there was none, or there must be no more for now. */
static bool accept_one(struct http_listener *listener)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof(peer);

    if (!listener->has_room(listener->owner)) {
        watch(listener, false);
        return false;
    }
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->on_accept(listener->owner, fd, &peer);
        return true;
    }
    if (is_shortage(errno))
        on_shortage(listener);
    /* All else is about the one client, which has gone. */
    return errno != EAGAIN && !listener->is_paused;
}

static void accept_all(struct http_listener *listener)
{
    for (int i = 0; i < ACCEPT_MAX_A_TURN; i++)
        if (!accept_one(listener))
            return;
}

static void on_readable(void *owner, int events)
{
    (void)events;
    accept_all(owner);
}

static void on_retry(void *owner)
{
    http_listener_resume(owner);
}

/* ---- start and stop ---- */

static bool open_socket(struct http_listener *listener, const struct http_listener_settings *settings,
                        struct err *err)
{
    struct http_address address;

    if (settings->inherited_fd >= 0)
        return adopt(listener, settings->inherited_fd, err);
    if (http_address_parse(settings->listen, &address))
        return bind_and_listen(listener, &address, settings->listen, err);
    err_set(err, ERR_FATAL,
            "listen on \"%s\": not an address such as 127.0.0.1:8080, [::1]:8080 or unix:/path",
            settings->listen);
    return false;
}

bool http_listener_start(struct http_listener *listener, struct loop *loop,
                         const struct http_listener_settings *settings, struct err *err)
{
    listener->fd = listener->reserve_fd = -1;
    listener->shares_port = settings->shares_port;
    listener->is_inherited = settings->inherited_fd >= 0;
    loop_io_init(&listener->io, loop, on_readable, listener);
    loop_timer_init(&listener->retry, loop, on_retry, listener);
    if (!open_socket(listener, settings, err)) {
        close_all(listener);
        return false;
    }
    listener->reserve_fd = open_reserve();
    watch(listener, true);
    return true;
}

bool http_listener_address(const struct http_listener *listener, struct http_address *out_address)
{
    return listener->fd >= 0 && http_address_of_socket(listener->fd, out_address);
}

void http_listener_resume(struct http_listener *listener)
{
    if (listener->fd < 0 || !listener->is_paused || !listener->has_room(listener->owner))
        return;
    loop_timer_stop(&listener->retry);
    watch(listener, true);
}

/* Lets no new handshake begin, and those that have begun end. A client whose SYN is dropped sends it again
 * after a second; by then the socket is closed, and the kernel gives it to another process of the port. */
static void refuse_handshakes(const struct http_listener *listener)
{
    enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 }; /* of the TCP header, with which the packet begins */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),   BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    if (setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
        log_warning("clients that connect in this instant may be reset: SO_ATTACH_FILTER: %m");
}

static void end(struct http_listener *listener)
{
    loop_io_stop(&listener->io);
    loop_timer_stop(&listener->retry);
    close_all(listener);
}

void http_listener_leave(struct http_listener *listener)
{
    if (listener->fd < 0)
        return;
    if (listener->is_inherited)
        end(listener);
    else if (listener->shares_port)
        refuse_handshakes(listener);
}

void http_listener_stop(struct http_listener *listener)
{
    if (listener->fd < 0)
        return;
    while (!listener->is_inherited && accept_one(listener)) {
    }
    end(listener);
}
