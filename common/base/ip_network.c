#include "common/base/ip_network.h"

#include <arpa/inet.h>
#include <string.h>

static struct in6_addr mapped(const struct in_addr *address)
{
    struct in6_addr network = {0};

    network.s6_addr[10] = network.s6_addr[11] = 0xff;
    memcpy(&network.s6_addr[12], address, sizeof(*address));
    return network;
}

static struct in6_addr first_half(const struct in6_addr *address)
{
    struct in6_addr network = *address;

    if (!IN6_IS_ADDR_V4MAPPED(&network))
        memset(&network.s6_addr[8], 0, 8);
    return network;
}

bool ip_network_of(const struct sockaddr_storage *address, struct in6_addr *out_network)
{
    switch (address->ss_family) {
    case AF_INET:
        *out_network = mapped(&((const struct sockaddr_in *)address)->sin_addr);
        return true;
    case AF_INET6:
        *out_network = first_half(&((const struct sockaddr_in6 *)address)->sin6_addr);
        return true;
    default:
        return false;
    }
}

bool ip_network_parse(const char *text, struct in6_addr *out_network)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, text, &four) == 1)
        *out_network = mapped(&four);
    else if (inet_pton(AF_INET6, text, &six) == 1)
        *out_network = first_half(&six);
    else
        return false;
    return true;
}
