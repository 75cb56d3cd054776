/* The text of a key. */
#include "ctl/secret_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_bits_are_written_five_at_a_time(void **state)
{
    static const struct {
        unsigned char random[SECRET_KEY_RANDOM_BYTES];
        const char *key;
    } rows[] = {
        {{0}, "sk_00000000000000000000000000000000"},
        {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         "sk_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"},
        /* 00000 00001 00010 ... 11111: every digit of the alphabet, once. */
        {{0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
          0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf},
         "sk_0123456789ABCDEFGHJKMNPQRSTVWXYZ"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char key[SECRET_KEY_TEXT_BYTES];
        secret_key_write(rows[i].random, key);
        assert_string_equal(key, rows[i].key);
    }
}

static void two_keys_differ(void **state)
{
    char a[SECRET_KEY_TEXT_BYTES];
    char b[SECRET_KEY_TEXT_BYTES];

    (void)state;
    secret_key_make(a);
    secret_key_make(b);
    assert_int_equal(strlen(a), 35);
    assert_string_not_equal(a, b);
}

static void the_display_id_shows_both_ends_only(void **state)
{
    char display[SECRET_KEY_DISPLAY_BYTES];

    (void)state;
    secret_key_display("sk_0123456789ABCDEFGHJKMNPQRSTVWXYZ", display);
    assert_string_equal(display, "sk_01***YZ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_are_written_five_at_a_time),
        cmocka_unit_test(two_keys_differ),
        cmocka_unit_test(the_display_id_shows_both_ends_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
