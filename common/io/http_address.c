#include "common/io/http_address.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/number.h"
#include "common/base/slice.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

static const char unix_prefix[] = "unix:";

static bool parse_unix(const char *path, struct http_address *out_address)
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

static bool parse_tcp(const char *text, struct http_address *out_address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(text, ':');
    uint64_t port;

    /* getaddrinfo takes 99999 for 34463. */
    if (colon == NULL || colon == text || !number_u64(slice_from(colon + 1), &port) || port > UINT16_MAX)
        return false;
    struct slice host = slice_of(text, (size_t)(colon - text));
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

bool http_address_parse(const char *text, struct http_address *out_address)
{
    struct http_address address = {0};
    size_t prefix_length = sizeof(unix_prefix) - 1;
    bool is_unix = strncmp(text, unix_prefix, prefix_length) == 0;

    if (is_unix ? !parse_unix(text + prefix_length, &address) : !parse_tcp(text, &address))
        return false;
    *out_address = address;
    return true;
}

bool http_address_of_socket(int fd, struct http_address *out_address)
{
    struct http_address address = {.length = sizeof(address.storage)};

    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.length) < 0)
        return false;
    switch (address.storage.ss_family) {
    case AF_INET:
    case AF_INET6:
    case AF_UNIX:
        *out_address = address;
        return true;
    default:
        return false;
    }
}

static const struct sockaddr_in *as_ipv4(const struct http_address *address)
{
    return (const struct sockaddr_in *)&address->storage;
}

static const struct sockaddr_in6 *as_ipv6(const struct http_address *address)
{
    return (const struct sockaddr_in6 *)&address->storage;
}

void http_address_write(const struct http_address *address, char out_text[HTTP_ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    size_t size = HTTP_ADDRESS_TEXT_BYTES;

    switch (address->storage.ss_family) {
    case AF_INET:
        BUG_ON(inet_ntop(AF_INET, &as_ipv4(address)->sin_addr, host, sizeof(host)) == NULL);
        (void)snprintf(out_text, size, "%s:%u", host, http_address_port(address));
        break;
    case AF_INET6:
        BUG_ON(inet_ntop(AF_INET6, &as_ipv6(address)->sin6_addr, host, sizeof(host)) == NULL);
        (void)snprintf(out_text, size, "[%s]:%u", host, http_address_port(address));
        break;
    default:
        (void)snprintf(out_text, size, "%s%s", unix_prefix,
                       ((const struct sockaddr_un *)&address->storage)->sun_path);
    }
}

uint16_t http_address_port(const struct http_address *address)
{
    switch (address->storage.ss_family) {
    case AF_INET:
        return ntohs(as_ipv4(address)->sin_port);
    case AF_INET6:
        return ntohs(as_ipv6(address)->sin6_port);
    default:
        return 0;
    }
}

static bool is_loopback_ipv4(const uint8_t bytes[4])
{
    return bytes[0] == 127;
}

bool http_address_is_local(const struct http_address *address)
{
    switch (address->storage.ss_family) {
    case AF_INET:
        return is_loopback_ipv4((const uint8_t *)&as_ipv4(address)->sin_addr);
    case AF_INET6: {
        const struct in6_addr *ipv6 = &as_ipv6(address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(ipv6) ||
               (IN6_IS_ADDR_V4MAPPED(ipv6) && is_loopback_ipv4(&ipv6->s6_addr[12]));
    }
    default:
        return true;
    }
}
