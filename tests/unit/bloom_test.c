/* What was added is always claimed; what was not, seldom. */
#include "consumer-primary/bloom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HASHES = 100000 };

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c): evenly spread, and the same in each run. */
static uint64_t hash_of(uint64_t number)
{
    uint64_t z = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void an_empty_one_claims_nothing(void **state)
{
    struct bloom zero = {0};
    struct bloom bloom;

    (void)state;
    assert_false(bloom_has(&zero, 1));
    assert_int_equal(bloom_bytes(&zero), 0);
    bloom_init(&bloom, 0);
    for (uint64_t i = 0; i < 1000; i++)
        assert_false(bloom_has(&bloom, hash_of(i)));
    bloom_done(&bloom);
}

static void forgets_none_even_beyond_its_capacity(void **state)
{
    struct bloom bloom;

    (void)state;
    bloom_init(&bloom, HASHES / 10);
    for (uint64_t i = 0; i < HASHES; i++)
        bloom_add(&bloom, hash_of(i));
    for (uint64_t i = 0; i < HASHES; i++)
        assert_true(bloom_has(&bloom, hash_of(i)));
    assert_int_equal(bloom.count, HASHES);
    assert_int_equal(bloom.capacity, HASHES / 10);
    bloom_done(&bloom);
}

/* What the header promises: about one in 700. */
static void claims_few_that_were_not_added(void **state)
{
    struct bloom bloom;
    uint32_t wrong = 0;

    (void)state;
    bloom_init(&bloom, HASHES);
    for (uint64_t i = 0; i < HASHES; i++)
        bloom_add(&bloom, hash_of(i));
    for (uint64_t i = 0; i < HASHES; i++)
        wrong += bloom_has(&bloom, hash_of(HASHES + i)) ? 1 : 0;
    assert_in_range(wrong, HASHES / 1000, HASHES / 500);
    bloom_done(&bloom);
}

static void takes_two_bytes_for_each(void **state)
{
    struct bloom bloom;

    (void)state;
    bloom_init(&bloom, HASHES);
    assert_in_range(bloom_bytes(&bloom), 2 * HASHES, 2 * HASHES + 64);
    bloom_done(&bloom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_claims_nothing),
        cmocka_unit_test(forgets_none_even_beyond_its_capacity),
        cmocka_unit_test(claims_few_that_were_not_added),
        cmocka_unit_test(takes_two_bytes_for_each),
    };

    return cmocka_run_group_tests_name("bloom", tests, NULL, NULL);
}
