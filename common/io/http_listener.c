#include "common/io/http_listener.h"

#include "common/base/alloc.h"
#include "common/base/number.h"
#include "common/base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096, ACCEPT_MAX_A_TURN = 256, SHORTAGE_RETRY_MS = 200 };

/* ---- the address ---- */

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

static bool parse_unix(const char *path, struct address *out_address)
{
    struct sockaddr_un *name = (struct sockaddr_un *)&out_address->storage;
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof(name->sun_path))
        return false;
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, path, length + 1);
    out_address->length = (socklen_t)sizeof(*name);
    return true;
}

static bool parse_tcp(const char *listen, struct address *out_address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(listen, ':');
    uint64_t port;

    /* getaddrinfo takes 99999 for 34463. */
    if (colon == NULL || colon == listen || !number_u64(slice_from(colon + 1), &port) || port > UINT16_MAX)
        return false;
    struct slice host = slice_of(listen, (size_t)(colon - listen));
    bool is_bracketed = host.data[0] == '[' && host.data[host.length - 1] == ']';
    if (is_bracketed)
        host = slice_of(host.data + 1, host.length - 2);
    AUTO_STRING host_text = slice_dup(host);
    if (getaddrinfo(host_text, colon + 1, &hints, &found) != 0)
        return false;
    bool is_sound =
        found->ai_addrlen <= sizeof(out_address->storage) && is_bracketed == (found->ai_family == AF_INET6);
    if (is_sound) {
        memcpy(&out_address->storage, found->ai_addr, found->ai_addrlen);
        out_address->length = found->ai_addrlen;
    }
    freeaddrinfo(found);
    return is_sound;
}

/* ---- binding ---- */

static bool fail(struct err *err, const char *listen, const char *what)
{
    err_set(err, ERR_FATAL, "listen on %s: %s: %s", listen, what, strerrordesc_np(errno));
    return false;
}

/* A Unix socket whose owner was killed stays in the file system; one that answers is in use. */
static void remove_stale(const struct address *address)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->length) < 0 && errno == ECONNREFUSED)
        (void)unlink(name->sun_path);
    (void)close(fd);
}

static bool bind_and_listen(struct http_listener *listener, const char *listen_text,
                            const struct address *address, struct err *err)
{
    const int on = 1;
    int family = address->storage.ss_family;

    listener->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(err, listen_text, "socket");
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return fail(err, listen_text, "SO_REUSEADDR");
    /* Linux hands it down to what is accepted: one system call less for each client. */
    if (family != AF_UNIX && setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return fail(err, listen_text, "TCP_NODELAY");
    if (bind(listener->fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        return fail(err, listen_text, "bind");
    if (family == AF_UNIX)
        listener->unix_path = xstrdup(((const struct sockaddr_un *)&address->storage)->sun_path);
    if (listen(listener->fd, LISTEN_BACKLOG) < 0)
        return fail(err, listen_text, "listen");
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

/* ---- */

bool http_listener_start(struct http_listener *listener, struct loop *loop, const char *listen_text,
                         struct err *err)
{
    static const char unix_prefix[] = "unix:";
    size_t prefix_length = sizeof(unix_prefix) - 1;
    struct address address = {0};
    bool is_unix = strncmp(listen_text, unix_prefix, prefix_length) == 0;

    listener->fd = listener->reserve_fd = -1;
    loop_io_init(&listener->io, loop, on_readable, listener);
    loop_timer_init(&listener->retry, loop, on_retry, listener);
    if (is_unix ? !parse_unix(listen_text + prefix_length, &address) : !parse_tcp(listen_text, &address)) {
        err_set(err, ERR_FATAL,
                "listen on \"%s\": not an address such as 127.0.0.1:8080, [::1]:8080 or unix:/path",
                listen_text);
        return false;
    }
    if (is_unix)
        remove_stale(&address);
    if (!bind_and_listen(listener, listen_text, &address, err)) {
        close_all(listener);
        return false;
    }
    listener->reserve_fd = open_reserve();
    watch(listener, true);
    return true;
}

uint16_t http_listener_port(const struct http_listener *listener)
{
    struct sockaddr_storage storage = {0};
    socklen_t length = sizeof(storage);

    if (listener->fd < 0 || getsockname(listener->fd, (struct sockaddr *)&storage, &length) < 0)
        return 0;
    if (storage.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&storage)->sin6_port);
    return 0;
}

void http_listener_resume(struct http_listener *listener)
{
    if (listener->fd < 0 || !listener->is_paused || !listener->has_room(listener->owner))
        return;
    loop_timer_stop(&listener->retry);
    watch(listener, true);
}

void http_listener_stop(struct http_listener *listener)
{
    if (listener->fd < 0)
        return;
    while (accept_one(listener)) {
    }
    loop_io_stop(&listener->io);
    loop_timer_stop(&listener->retry);
    close_all(listener);
}
