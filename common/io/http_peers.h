/*
 * http_peers.h - how many connections each client address has. For the files of the HTTP server only.
 */
#ifndef MILLRACE_HTTP_PEERS_H
#define MILLRACE_HTTP_PEERS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_peer; /* an address, while it has connections */

enum { HTTP_PEER_NAME_BYTES = INET6_ADDRSTRLEN };

/* Zero-initialised is empty. */
struct http_peers {
    struct http_peer *by_address;
};

/* One more connection of the address. Gives a handle for http_peers_leave; NULL for a Unix socket, which
 * has no address to count by (behind it stands a proxy). */
struct http_peer *http_peers_enter(struct http_peers *peers, const struct sockaddr_storage *address);
void http_peers_leave(struct http_peers *peers, struct http_peer *peer);

/* Connections of the address: an IPv6 /64 network counts as one. 0 for NULL. */
uint32_t http_peer_connections(const struct http_peer *peer);

/* The address as text, such as "127.0.0.1" or "unix". */
void http_peer_name(const struct sockaddr_storage *address, char out[HTTP_PEER_NAME_BYTES]);

#endif
