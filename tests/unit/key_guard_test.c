/*
 * key_guard_test.c - wrong keys by address and time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/service/key_guard.h"

#include <stdbool.h>
#include <stdio.h>

/* Notes that many wrong keys, all of which may be told so. */
static void try(struct key_guard *guard, const char *peer, int count, uint64_t now_ms)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(key_guard_on_wrong_key(guard, peer, now_ms), 0);
}

static void the_21st_wrong_key_of_a_minute_has_to_wait(void **state)
{
    struct key_guard *guard = key_guard_new();

    (void)state;
    try(guard, "192.0.2.1", 1, 5000);
    try(guard, "192.0.2.1", KEY_GUARD_TRIES - 1, 34999);
    assert_int_equal(key_guard_on_wrong_key(guard, "192.0.2.1", 34999), 31);
    assert_int_equal(key_guard_on_wrong_key(guard, "192.0.2.1", 35000), 30);
    assert_int_equal(key_guard_on_wrong_key(guard, "192.0.2.1", 64999), 1);
    try(guard, "192.0.2.1", KEY_GUARD_TRIES, 65000);
    assert_int_equal(key_guard_on_wrong_key(guard, "192.0.2.1", 65000), 60);
    key_guard_free(&guard);
}

static void counts_by_address_and_ipv6_by_64_bits(void **state)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "127.0.0.1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_guard *guard = key_guard_new();
        print_message("  %s and %s\n", rows[i].first, rows[i].second);
        try(guard, rows[i].first, KEY_GUARD_TRIES, 1000);
        assert_int_equal(key_guard_on_wrong_key(guard, rows[i].second, 1000) > 0, rows[i].is_same);
        key_guard_free(&guard);
    }
}

static void a_unix_socket_is_no_address(void **state)
{
    struct key_guard *guard = key_guard_new();

    (void)state;
    try(guard, "unix", 3 * KEY_GUARD_TRIES, 1000);
    assert_int_equal(key_guard_addresses(guard), 0);
    key_guard_free(&guard);
}

static void forgets_addresses_when_their_minute_is_over(void **state)
{
    struct key_guard *guard = key_guard_new();

    (void)state;
    try(guard, "192.0.2.1", 1, 1000);
    try(guard, "192.0.2.2", 1, 30000);
    try(guard, "192.0.2.3", 1, 61000);
    assert_int_equal(key_guard_addresses(guard), 2);
    try(guard, "192.0.2.4", 1, 200000);
    assert_int_equal(key_guard_addresses(guard), 1);
    key_guard_free(&guard);
}

static void remembers_a_bounded_number_of_addresses(void **state)
{
    struct key_guard *guard = key_guard_new();
    char peer[40];

    (void)state;
    try(guard, "192.0.2.1", KEY_GUARD_TRIES, 1000);
    for (unsigned i = 0; i < KEY_GUARD_ADDRESSES_MAX - 1; i++) {
        (void)snprintf(peer, sizeof(peer), "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
        try(guard, peer, 1, 1000);
    }
    assert_int_not_equal(key_guard_on_wrong_key(guard, "192.0.2.1", 1000), 0);
    try(guard, "198.51.100.1", 1, 1000);
    assert_int_equal(key_guard_addresses(guard), KEY_GUARD_ADDRESSES_MAX);
    /* It was the first to come, so it is the one that was forgotten. */
    try(guard, "192.0.2.1", 1, 1000);
    key_guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_21st_wrong_key_of_a_minute_has_to_wait),
        cmocka_unit_test(counts_by_address_and_ipv6_by_64_bits),
        cmocka_unit_test(a_unix_socket_is_no_address),
        cmocka_unit_test(forgets_addresses_when_their_minute_is_over),
        cmocka_unit_test(remembers_a_bounded_number_of_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
