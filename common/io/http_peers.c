#include "common/io/http_peers.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <arpa/inet.h>
#include <stdbool.h>

#define uthash_fatal(message) BUG("%s", message)
#include <uthash.h>

struct http_peer {
    struct in6_addr network; /* the key; IPv4 as ::ffff:a.b.c.d */
    uint32_t connections;
    UT_hash_handle hh;
};

static struct in6_addr address_of(const struct sockaddr_storage *storage)
{
    struct in6_addr address = {0};

    if (storage->ss_family == AF_INET6)
        return ((const struct sockaddr_in6 *)storage)->sin6_addr;
    address.s6_addr[10] = address.s6_addr[11] = 0xff;
    memcpy(&address.s6_addr[12], &((const struct sockaddr_in *)storage)->sin_addr, 4);
    return address;
}

static struct in6_addr network_of(const struct sockaddr_storage *storage)
{
    struct in6_addr network = address_of(storage);

    if (!IN6_IS_ADDR_V4MAPPED(&network))
        memset(&network.s6_addr[8], 0, 8);
    return network;
}

struct http_peer *http_peers_enter(struct http_peers *peers, const struct sockaddr_storage *address)
{
    struct http_peer *peer = NULL;

    if (address->ss_family != AF_INET && address->ss_family != AF_INET6)
        return NULL;
    struct in6_addr network = network_of(address);
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
    const char *name = out;

    if (address->ss_family != AF_INET && address->ss_family != AF_INET6) {
        (void)snprintf(out, HTTP_PEER_NAME_BYTES, "unix");
        return;
    }
    struct in6_addr bytes = address_of(address);
    if (IN6_IS_ADDR_V4MAPPED(&bytes))
        name = inet_ntop(AF_INET, &bytes.s6_addr[12], out, HTTP_PEER_NAME_BYTES);
    else
        name = inet_ntop(AF_INET6, &bytes, out, HTTP_PEER_NAME_BYTES);
    BUG_ON(name == NULL);
}
