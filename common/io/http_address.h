/*
 * http_address.h - where a server listens: "127.0.0.1:8080", "[::1]:8080" or "unix:/path". Pure, but for
 * http_address_of_socket.
 */
#ifndef MILLRACE_HTTP_ADDRESS_H
#define MILLRACE_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct http_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

enum { HTTP_ADDRESS_TEXT_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) + INET6_ADDRSTRLEN };

/* False when the text is none of the three shapes. */
bool http_address_parse(const char *text, struct http_address *out_address);

/* The address that a socket is bound to; false when it has none of ours. */
bool http_address_of_socket(int fd, struct http_address *out_address);

/* As http_address_parse takes it. */
void http_address_write(const struct http_address *address, char out_text[HTTP_ADDRESS_TEXT_BYTES]);

/* 0 for a Unix socket. */
uint16_t http_address_port(const struct http_address *address);

/* A Unix socket or a loopback address: what is sent there leaves this machine no more than a pipe does. */
bool http_address_is_local(const struct http_address *address);

#endif
