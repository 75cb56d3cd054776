#include "common/io/http_peers.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/ip_network.h"

#include <arpa/inet.h>
#include <stdio.h>

#define uthash_fatal(message) BUG("%s", message)
#include <uthash.h>

struct http_peer {
    struct in6_addr network; /* the key */
    uint32_t connections;
    UT_hash_handle hh;
};

struct http_peer *http_peers_enter(struct http_peers *peers, const struct sockaddr_storage *address)
{
    struct http_peer *peer = NULL;
    struct in6_addr network;

    if (!ip_network_of(address, &network))
        return NULL;
    HASH_FIND(hh, peers->by_address, &network, sizeof(network), peer);
    if (peer == NULL) {
        peer = xcalloc(1, sizeof(*peer));
        peer->network = network;
        HASH_ADD(hh, peers->by_address, network, sizeof(network), peer);
    }
    peer->connections++;
    return peer;
}

void http_peers_leave(struct http_peers *peers, struct http_peer *peer)
{
    if (peer == NULL || --peer->connections > 0)
        return;
    HASH_DEL(peers->by_address, peer);
    free(peer);
}

uint32_t http_peer_connections(const struct http_peer *peer)
{
    return peer == NULL ? 0 : peer->connections;
}

void http_peer_name(const struct sockaddr_storage *address, char out[HTTP_PEER_NAME_BYTES])
{
    const struct in_addr *four = &((const struct sockaddr_in *)address)->sin_addr;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    const char *name = out;

    if (address->ss_family == AF_INET)
        name = inet_ntop(AF_INET, four, out, HTTP_PEER_NAME_BYTES);
    else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six))
        name = inet_ntop(AF_INET, &six->s6_addr[12], out, HTTP_PEER_NAME_BYTES);
    else if (address->ss_family == AF_INET6)
        name = inet_ntop(AF_INET6, six, out, HTTP_PEER_NAME_BYTES);
    else
        (void)snprintf(out, HTTP_PEER_NAME_BYTES, "unix");
    BUG_ON(name == NULL);
}
