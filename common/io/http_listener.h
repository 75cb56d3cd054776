/*
 * http_listener.h - a listening socket: binds, or takes over one that is bound; accepts all there is, pauses
 * when the owner has enough or file descriptors run out. For the files of the HTTP server only.
 *
 * Other processes may listen too: each with a socket of its own on the same port (SO_REUSEPORT; the kernel
 * deals the clients out), or all on one socket that their parent has made. What the kernel has given to a
 * socket of our own is lost with it, so the queue is served first: http_listener_leave.
 */
#ifndef MILLRACE_HTTP_LISTENER_H
#define MILLRACE_HTTP_LISTENER_H

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/io/loop.h"

#include <sys/socket.h>

struct http_address;

struct http_listener_settings {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", "unix:/path" */
    bool shares_port;   /* other processes may listen there as well, when they say so too */
    int inherited_fd;   /* a listening socket, instead of `listen`; takes it. -1: none */
};

struct http_listener {
    struct loop_io io;
    struct loop_timer retry; /* while file descriptors are short */
    int fd;                  /* -1: closed */
    int reserve_fd;          /* given up to shed a client when there is no other left */
    char *unix_path;         /* removed at the end; NULL for TCP */
    bool is_paused;
    bool shares_port;
    bool is_inherited;
    struct log_gate shortage;
    /* Takes fd. */
    void (*on_accept)(void *owner, int fd, const struct sockaddr_storage *peer);
    bool (*has_room)(void *owner); /* asked before each accept */
    void *owner;                   /* keeps */
};

/* The caller sets on_accept, has_room and owner before. ERR_FATAL naming the address when it is malformed,
 * not ours or taken, or what is wrong with the inherited socket. */
bool http_listener_start(struct http_listener *listener, struct loop *loop,
                         const struct http_listener_settings *settings, struct err *err);

/* False when it is closed. */
bool http_listener_address(const struct http_listener *listener, struct http_address *out_address);

/* To be called when has_room may have changed its mind, or a file descriptor was closed. */
void http_listener_resume(struct http_listener *listener);

/* Others go on in our place. An inherited socket is closed, with its queue left to them. On a shared port no
 * new handshake begins, and those that have begun are still accepted: a while later, http_listener_stop
 * closes an empty queue. */
void http_listener_leave(struct http_listener *listener);

/* Accepts what has connected already, unless the socket is inherited, then closes. Fine when closed. */
void http_listener_stop(struct http_listener *listener);

#endif
