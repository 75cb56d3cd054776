/* The file of keys: what is written is read, and nothing else. Roles as text. */
#include "common/service/key_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char dsn[] = "host=127.0.0.1 user=millrace_ingest";

static struct key key_of(const char *text, unsigned roles, int64_t expires_us)
{
    struct key key = {
        .identity = {.tenant_id = "tenant", .environment_id = "env", .name = "a name", .roles = roles},
        .expires_us = expires_us};

    digest_sha256(slice_from(text), key.hash);
    return key;
}

/* Two keys of PostgreSQL and one of the configuration. */
static void write_file(struct buf *out)
{
    struct key_table *table = key_table_new(3);
    struct key one = key_of("one", KEY_ROLE_EVENT_WRITE | KEY_ROLE_EVENT_READ, KEY_NEVER_EXPIRES);
    struct key two = key_of("two", KEY_ROLES_ALL, 1234567);
    struct key configured = key_of("configured", KEY_ROLES_ALL, KEY_NEVER_EXPIRES);

    configured.is_configured = true;
    assert_true(key_table_add(table, &one));
    assert_true(key_table_add(table, &two));
    assert_true(key_table_add(table, &configured));
    key_cache_write(table, 1000000, dsn, out);
    key_table_free(&table);
}

static const struct key *find(const struct key_table *table, const char *text)
{
    unsigned char hash[DIGEST_SHA256_BYTES];

    digest_sha256(slice_from(text), hash);
    return key_table_find(table, hash);
}

static void keys_come_back_with_binding_roles_and_expiry(void **state)
{
    AUTO_BUF file = {0};
    struct key_table *table = key_table_new(2);
    int64_t as_of_us = 0;
    struct err err;

    (void)state;
    write_file(&file);
    assert_true(key_cache_read(buf_slice(&file), dsn, table, &as_of_us, &err));
    assert_int_equal(as_of_us, 1000000);
    assert_int_equal(key_table_count(table), 2); /* the configuration's is in no file */
    const struct key *one = find(table, "one");
    assert_non_null(one);
    assert_string_equal(one->identity.tenant_id, "tenant");
    assert_string_equal(one->identity.environment_id, "env");
    assert_string_equal(one->identity.name, "");
    assert_int_equal(one->identity.roles, KEY_ROLE_EVENT_WRITE | KEY_ROLE_EVENT_READ);
    assert_int_equal(one->expires_us, KEY_NEVER_EXPIRES);
    assert_int_equal(find(table, "two")->identity.roles, KEY_ROLES_ALL);
    assert_int_equal(find(table, "two")->expires_us, 1234567);
    assert_false(find(table, "two")->is_configured);
    assert_null(find(table, "three"));
    key_table_free(&table);
}

static bool is_read(struct slice bytes, size_t room, struct err *err)
{
    struct key_table *table = key_table_new(room);
    int64_t as_of_us;
    bool is_good = key_cache_read(bytes, dsn, table, &as_of_us, err);

    key_table_free(&table);
    return is_good;
}

static void a_file_cut_anywhere_or_with_a_changed_byte_is_refused(void **state)
{
    AUTO_BUF file = {0};
    struct err err;

    (void)state;
    write_file(&file);
    for (size_t length = 0; length < file.length; length++)
        assert_false(is_read(slice_of(file.data, length), 2, &err));
    for (size_t i = 0; i < file.length; i++) {
        file.data[i] ^= 1;
        assert_false(is_read(buf_slice(&file), 2, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        file.data[i] ^= 1;
    }
    assert_true(is_read(buf_slice(&file), 2, &err));
}

/* The text with its sum. */
static void seal(const char *text, struct buf *out)
{
    char sum[DIGEST_SHA256_HEX_BYTES];

    digest_sha256_hex(slice_from(text), sum);
    buf_printf(out, "%ssha256=%s\n", text, sum);
}

#define HASH "2c624232cdd221771294dfbb310aca000a0df6ac8b66b696d90ef06fdefb64a3"

static void a_sealed_file_that_says_something_else_is_refused_with_the_reason(void **state)
{
    char source[DIGEST_SHA256_HEX_BYTES];
    static const struct {
        const char *version, *count;
        const char *key;
        size_t room;
        const char *reason; /* NULL: it is read */
    } rows[] = {
        {"1", "1", HASH " admin never t e\n", 1, NULL},
        {"1", "1", HASH " unheard:of never t e\n", 1, NULL}, /* of a later release: it may do nothing */
        {"2", "1", HASH " admin never t e\n", 1, "another release"},
        {"0", "1", HASH " admin never t e\n", 1, "another release"},
        {"1", "2", HASH " admin never t e\n", 1, "fewer or more"},
        {"1", "1", HASH " admin never t e", 1, "fewer or more"},
        {"1", "1", HASH " admin never t e\n", 0, "auth.keys_max"},
        {"1", "1", HASH " admin never t e f\n", 1, "no key"},
        {"1", "1", HASH " admin never t:u e\n", 1, "no key"},
        {"1", "1", HASH " admin soon t e\n", 1, "no key"},
        {"1", "1", HASH "00 admin never t e\n", 1, "no key"},
        {"1", "1", "xyz admin never t e\n", 1, "no key"},
        {"1", "one", HASH " admin never t e\n", 1, "torn"},
    };

    (void)state;
    digest_sha256_hex(slice_from(dsn), source);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF text = {0};
        AUTO_BUF file = {0};
        struct err err = {0};
        buf_printf(&text, "millrace-keys/%s as_of=1 count=%s source=%s\n%s", rows[i].version, rows[i].count,
                   source, rows[i].key);
        seal(buf_text(&text), &file);
        bool is_good = is_read(buf_slice(&file), rows[i].room, &err);
        if (is_good != (rows[i].reason == NULL) || (!is_good && strstr(err.text, rows[i].reason) == NULL))
            fail_msg("row %zu: %s", i, is_good ? "is read" : err.text);
    }
}

static void roles_are_written_as_they_are_read(void **state)
{
    static const struct {
        const char *names;
        unsigned bits;
        const char *written;
    } rows[] = {
        {"event:write", KEY_ROLE_EVENT_WRITE, "event:write"},
        {"event:read,event:write", KEY_ROLE_EVENT_READ | KEY_ROLE_EVENT_WRITE, "event:write,event:read"},
        {"catalog:write", KEY_ROLE_CATALOG_WRITE, "catalog:write"},
        {"admin", KEY_ROLES_ALL, "admin"},
        {"event:read,admin", KEY_ROLES_ALL, "admin"},
        {"event:wrte,event:read", KEY_ROLE_EVENT_READ, "event:read"},
        {"", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF written = {0};
        assert_int_equal(key_roles_read(slice_from(rows[i].names)), rows[i].bits);
        key_roles_write(rows[i].bits, &written);
        assert_string_equal(buf_text(&written), rows[i].written);
    }
}

static void a_key_that_is_there_stays_and_a_full_table_takes_no_more(void **state)
{
    struct key_table *table = key_table_new(1);
    struct key first = key_of("same", KEY_ROLE_EVENT_READ, 1);
    struct key second = key_of("same", KEY_ROLES_ALL, 2);
    struct key other = key_of("other", KEY_ROLES_ALL, 3);
    size_t position = 0;

    (void)state;
    assert_true(key_table_add(table, &first));
    assert_true(key_table_add(table, &second));
    assert_false(key_table_add(table, &other));
    assert_int_equal(find(table, "same")->expires_us, 1);
    assert_ptr_equal(key_table_next(table, &position), find(table, "same"));
    assert_null(key_table_next(table, &position));
    key_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back_with_binding_roles_and_expiry),
        cmocka_unit_test(a_file_cut_anywhere_or_with_a_changed_byte_is_refused),
        cmocka_unit_test(a_sealed_file_that_says_something_else_is_refused_with_the_reason),
        cmocka_unit_test(roles_are_written_as_they_are_read),
        cmocka_unit_test(a_key_that_is_there_stays_and_a_full_table_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
