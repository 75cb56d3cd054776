/*
 * ip_network.h - who counts as one client by its address: an IPv4 address, or an IPv6 /64, which one
 * subscriber has all of. Pure.
 */
#ifndef MILLRACE_IP_NETWORK_H
#define MILLRACE_IP_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* IPv4 as ::ffff:a.b.c.d, also where it comes so mapped; of IPv6 the first 64 bits. False when it is no IP
 * address: a Unix socket, "unix". */
bool ip_network_of(const struct sockaddr_storage *address, struct in6_addr *out_network);
bool ip_network_parse(const char *text, struct in6_addr *out_network);

#endif
