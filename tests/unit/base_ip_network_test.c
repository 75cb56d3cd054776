/*
 * base_ip_network_test.c - which addresses count as one client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/ip_network.h"

#include <arpa/inet.h>
#include <string.h>

static const struct {
    const char *address, *network;
} rows[] = {
    {"192.0.2.1", "::ffff:192.0.2.1"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
    {"2001:db8::1", "2001:db8::"},
    {"fe80::1", "fe80::"},
    {"::1", "::"},
};

static struct sockaddr_storage socket_address(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&storage;

    storage.ss_family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
    assert_int_equal(inet_pton(storage.ss_family, text,
                               storage.ss_family == AF_INET ? (void *)&four->sin_addr : &six->sin6_addr),
                     1);
    return storage;
}

static void an_ipv4_address_is_one_and_an_ipv6_64_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_storage storage = socket_address(rows[i].address);
        struct in6_addr network;
        char text[INET6_ADDRSTRLEN];
        print_message("  %s\n", rows[i].address);
        assert_true(ip_network_parse(rows[i].address, &network));
        assert_string_equal(inet_ntop(AF_INET6, &network, text, sizeof(text)), rows[i].network);
        assert_true(ip_network_of(&storage, &network));
        assert_string_equal(inet_ntop(AF_INET6, &network, text, sizeof(text)), rows[i].network);
    }
}

static void what_is_no_ip_address_has_no_network(void **state)
{
    static const char *const texts[] = {"",      "unix", "192.0.2", "192.0.2.256", "2001:db8::1%lo",
                                        "[::1]", "::1 "};
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct in6_addr network;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ip_network_parse(texts[i], &network));
    assert_false(ip_network_of(&storage, &network));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_one_and_an_ipv6_64_is_one),
        cmocka_unit_test(what_is_no_ip_address_has_no_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
