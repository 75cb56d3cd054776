#include "common/codec/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* FIPS 180-2, appendix B. */
static void knows_the_published_sha256_values(void **state)
{
    char hex[DIGEST_SHA256_HEX_BYTES];

    (void)state;
    digest_sha256_hex(SLICE("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256_hex(SLICE(""), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void turns_bytes_into_hex_and_back(void **state)
{
    unsigned char bytes[4] = {0};
    char hex[9];

    (void)state;
    digest_to_hex(SLICE("\x00\x0f\xa0\xff"), hex);
    assert_string_equal(hex, "000fa0ff");
    assert_true(digest_from_hex(SLICE("000fA0fF"), bytes, sizeof(bytes)));
    assert_memory_equal(bytes, "\x00\x0f\xa0\xff", sizeof(bytes));
}

static void refuses_what_is_not_hex(void **state)
{
    static const char *const texts[] = {"", "000fa0f", "000fa0ff0", "000fa0fg", "0x0fa0ff", "000fa0 f"};
    unsigned char bytes[4] = {1, 2, 3, 4};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(digest_from_hex(slice_from(texts[i]), bytes, sizeof(bytes)));
    assert_memory_equal(bytes, "\x01\x02\x03\x04", sizeof(bytes));
}

static void tells_where_one_part_ends(void **state)
{
    const struct slice a[] = {SLICE("ab"), SLICE("c")};
    const struct slice b[] = {SLICE("a"), SLICE("bc")};
    const struct slice c[] = {SLICE("ab"), SLICE("c"), SLICE("")};
    unsigned char hashes[3][DIGEST_128_BYTES];

    (void)state;
    digest_parts(a, 2, hashes[0]);
    digest_parts(b, 2, hashes[1]);
    digest_parts(c, 3, hashes[2]);
    assert_memory_not_equal(hashes[0], hashes[1], DIGEST_128_BYTES);
    assert_memory_not_equal(hashes[0], hashes[2], DIGEST_128_BYTES);
}

static void gives_the_same_in_one_go_and_part_by_part(void **state)
{
    const struct slice parts[] = {SLICE("first"), SLICE(""), SLICE("a part of more than sixteen bytes")};
    struct digest *digest = digest_new();
    unsigned char at_once[DIGEST_128_BYTES];

    (void)state;
    digest_parts(parts, 3, at_once);
    digest_add_u64(digest, 99);
    digest_reset(digest);
    for (size_t i = 0; i < 3; i++)
        digest_add(digest, parts[i]);
    uint64_t low = digest_finish64(digest);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(at_once[8 + i], low >> (56 - 8 * i) & 0xff);
    digest_free(&digest);
    assert_null(digest);
}

/* Rows in the tables and tokens of inserts rest on these values: they may never change. */
static void stays_the_same_from_release_to_release(void **state)
{
    const struct slice parts[] = {SLICE("event"), SLICE("customer")};
    unsigned char hash[DIGEST_128_BYTES];
    char hex[DIGEST_128_HEX_BYTES];

    (void)state;
    digest_parts(parts, 2, hash);
    digest_to_hex(slice_of(hash, sizeof(hash)), hex);
    assert_string_equal(hex, "a19bf71ee68a602177566dd1cf0cb548");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_published_sha256_values),
        cmocka_unit_test(turns_bytes_into_hex_and_back),
        cmocka_unit_test(refuses_what_is_not_hex),
        cmocka_unit_test(tells_where_one_part_ends),
        cmocka_unit_test(gives_the_same_in_one_go_and_part_by_part),
        cmocka_unit_test(stays_the_same_from_release_to_release),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
