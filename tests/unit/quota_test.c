#include "ingest/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1000000)

static const struct quota_limits limits = {
    .events_per_s = 100, .bytes_per_s = 1000, .burst_ms = 2000, .in_flight_max_bytes = 1000};

static struct quota_key *key_of(struct quota *quota, char letter, uint64_t now_ms)
{
    unsigned char hash[QUOTA_KEY_BYTES];

    memset(hash, letter, sizeof(hash));
    return quota_find(quota, hash, now_ms);
}

static void a_key_may_use_its_burst_and_then_its_rate(void **state)
{
    static const struct {
        uint64_t at_ms;         /* after the row before */
        uint64_t events, bytes; /* sent when it is good */
        enum quota_answer answer;
        uint32_t retry_s;
    } rows[] = {
        {0, 200, 0, QUOTA_GOOD, 0}, /* the whole burst: nothing is owed */
        {0, 150, 0, QUOTA_GOOD, 0}, /* so more is taken, and owed */
        {0, 1, 0, QUOTA_EVENTS, 2}, /* 1.5 s */
        {1499, 1, 0, QUOTA_EVENTS, 1},     {1, 1, 0, QUOTA_GOOD, 0},
        {0, 1, 0, QUOTA_EVENTS, 1},        {10, 0, 5000, QUOTA_GOOD, 0}, /* the burst of bytes is 2,000 */
        {0, 0, 1, QUOTA_BYTES, 3},         {3000, 0, 0, QUOTA_GOOD, 0},
        {3600000, 0, 2000, QUOTA_GOOD, 0}, /* an hour's silence saves no more than the burst */
        {0, 0, 1, QUOTA_GOOD, 0},          {0, 0, 1, QUOTA_BYTES, 1},
    };
    struct quota *quota = quota_new(&limits);
    uint64_t now_ms = NOW_MS;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t retry_s = 0;
        now_ms += rows[i].at_ms;
        struct quota_key *key = key_of(quota, 'a', now_ms);
        enum quota_answer answer = quota_check_rates(quota, key, now_ms, &retry_s);
        if (answer != rows[i].answer || retry_s != rows[i].retry_s)
            fail_msg("row %zu: answer %d, retry %u", i, (int)answer, retry_s);
        if (answer == QUOTA_GOOD)
            quota_charge(quota, key, rows[i].events, rows[i].bytes, now_ms);
    }
    quota_free(&quota);
}

static void keys_do_not_pay_for_each_other(void **state)
{
    struct quota *quota = quota_new(&limits);
    uint32_t retry_s;

    (void)state;
    quota_charge(quota, key_of(quota, 'a', NOW_MS), 10000, 0, NOW_MS);
    assert_int_equal(quota_check_rates(quota, key_of(quota, 'a', NOW_MS), NOW_MS, &retry_s), QUOTA_EVENTS);
    assert_int_equal(quota_check_rates(quota, key_of(quota, 'b', NOW_MS), NOW_MS, &retry_s), QUOTA_GOOD);
    quota_free(&quota);
}

static void a_clock_that_has_just_begun_gives_no_credit_beyond_the_burst(void **state)
{
    struct quota *quota = quota_new(&limits);
    uint32_t retry_s;

    (void)state;
    quota_charge(quota, key_of(quota, 'a', 0), 201, 0, 0);
    assert_int_equal(quota_check_rates(quota, key_of(quota, 'a', 0), 0, &retry_s), QUOTA_EVENTS);
    quota_free(&quota);
}

/* What is held: 'a' by the key that asks, 'b' by another. */
static void half_of_the_room_is_for_others_while_they_want_some(void **state)
{
    static const struct {
        size_t held_a, held_b, bytes;
        bool b_was_refused; /* half a second ago */
        enum quota_answer answer;
    } rows[] = {
        {0, 0, 5000, false, QUOTA_GOOD},  /* alone, any size */
        {900, 0, 100, false, QUOTA_GOOD}, /* nobody else wants any */
        {900, 0, 101, false, QUOTA_FULL}, {400, 1, 100, false, QUOTA_GOOD}, {400, 1, 101, false, QUOTA_SHARE},
        {900, 0, 1, true, QUOTA_SHARE},   {0, 1, 900, false, QUOTA_GOOD}, /* one request at least */
        {0, 400, 601, false, QUOTA_FULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct quota *quota = quota_new(&limits);
        struct quota_key *a = key_of(quota, 'a', NOW_MS);
        quota_hold(quota, a, rows[i].held_a);
        struct quota_key *b = key_of(quota, 'b', NOW_MS);
        if (rows[i].b_was_refused)
            assert_int_equal(quota_check_room(quota, b, 1001, NOW_MS), QUOTA_FULL);
        quota_hold(quota, b, rows[i].held_b);
        enum quota_answer answer = quota_check_room(quota, a, rows[i].bytes, NOW_MS + 500);
        if (answer != rows[i].answer)
            fail_msg("row %zu: answer %d", i, (int)answer);
        assert_int_equal(quota_held_bytes(quota), rows[i].held_a + rows[i].held_b);
        quota_release(quota, a, rows[i].held_a);
        quota_release(quota, b, rows[i].held_b);
        assert_int_equal(quota_held_bytes(quota), 0);
        quota_free(&quota);
    }
}

static void who_was_refused_long_ago_wants_nothing(void **state)
{
    struct quota *quota = quota_new(&limits);
    struct quota_key *a = key_of(quota, 'a', NOW_MS);

    (void)state;
    quota_hold(quota, a, 900);
    struct quota_key *b = key_of(quota, 'b', NOW_MS);
    assert_int_equal(quota_check_room(quota, b, 200, NOW_MS), QUOTA_FULL);
    assert_int_equal(quota_check_room(quota, a, 100, NOW_MS + 999), QUOTA_SHARE);
    assert_int_equal(quota_check_room(quota, a, 100, NOW_MS + 1000), QUOTA_GOOD);
    quota_free(&quota);
}

static void what_a_key_owes_or_holds_is_not_forgotten(void **state)
{
    struct quota *quota = quota_new(&limits);
    struct quota_key *a = key_of(quota, 'a', NOW_MS);
    unsigned char hash[QUOTA_KEY_BYTES];
    uint32_t retry_s;

    (void)state;
    quota_charge(quota, a, 1000, 0, NOW_MS);
    /* Others in the same chain: the first four bytes find it. */
    memset(hash, 'a', sizeof(hash));
    for (unsigned char i = 0; i < 100; i++) {
        hash[31] = i;
        (void)quota_find(quota, hash, NOW_MS + 7000);
    }
    assert_int_equal(quota_check_rates(quota, key_of(quota, 'a', NOW_MS + 7000), NOW_MS + 7000, &retry_s),
                     QUOTA_EVENTS);
    quota_hold(quota, a, 10);
    hash[31] = 200;
    (void)quota_find(quota, hash, NOW_MS + 3600000);
    assert_ptr_equal(key_of(quota, 'a', NOW_MS + 3600000), a);
    quota_free(&quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_may_use_its_burst_and_then_its_rate),
        cmocka_unit_test(keys_do_not_pay_for_each_other),
        cmocka_unit_test(a_clock_that_has_just_begun_gives_no_credit_beyond_the_burst),
        cmocka_unit_test(half_of_the_room_is_for_others_while_they_want_some),
        cmocka_unit_test(who_was_refused_long_ago_wants_nothing),
        cmocka_unit_test(what_a_key_owes_or_holds_is_not_forgotten),
    };

    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
