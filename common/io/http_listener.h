/*
 * http_listener.h - the listening socket: binds, accepts all there is, pauses when the owner has enough or
 * file descriptors run out. For the files of the HTTP server only.
 */
#ifndef MILLRACE_HTTP_LISTENER_H
#define MILLRACE_HTTP_LISTENER_H

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/io/loop.h"

#include <sys/socket.h>

struct http_listener {
    struct loop_io io;
    struct loop_timer retry; /* while file descriptors are short */
    int fd;                  /* -1: closed */
    int reserve_fd;          /* given up to shed a client when there is no other left */
    char *unix_path;         /* removed at the end; NULL for TCP */
    bool is_paused;
    struct log_gate shortage;
    /* Takes fd. */
    void (*on_accept)(void *owner, int fd, const struct sockaddr_storage *peer);
    bool (*has_room)(void *owner); /* asked before each accept */
    void *owner;                   /* keeps */
};

/* listen: "127.0.0.1:8080", "[::1]:8080", "unix:/path". The caller sets on_accept, has_room and owner
 * before. ERR_FATAL naming the address when it is malformed, not ours or taken. */
bool http_listener_start(struct http_listener *listener, struct loop *loop, const char *listen,
                         struct err *err);

/* 0 for a Unix socket. */
uint16_t http_listener_port(const struct http_listener *listener);

/* To be called when has_room may have changed its mind, or a file descriptor was closed. */
void http_listener_resume(struct http_listener *listener);

/* Accepts what has connected already, then closes. Fine when closed. */
void http_listener_stop(struct http_listener *listener);

#endif
