/*
 * The file of keys that a start without PostgreSQL reads. The input gets a right checksum, so that what
 * stands in front of it is read; keys that are taken are written and read again without change.
 */
#include "tests/fuzz/fuzz.h"

#include "common/service/key_cache.h"

enum { ROOM = 4 };

static const char dsn[] = "host=localhost dbname=millrace";

static void append_checksum(struct buf *file)
{
    char hash[DIGEST_SHA256_HEX_BYTES];

    digest_sha256_hex(buf_slice(file), hash);
    buf_printf(file, "sha256=%s\n", hash);
}

static void check_same(const struct key_table *table, const struct key_table *again)
{
    size_t position = 0;
    const struct key *key;

    EXPECT(key_table_count(table) == key_table_count(again));
    while ((key = key_table_next(table, &position)) != NULL) {
        const struct key *found = key_table_find(again, key->hash);
        EXPECT(found != NULL && found->expires_us == key->expires_us);
        EXPECT(found->identity.roles == key->identity.roles);
        EXPECT(strcmp(found->identity.tenant_id, key->identity.tenant_id) == 0);
        EXPECT(strcmp(found->identity.environment_id, key->identity.environment_id) == 0);
    }
}

static void check_written(const struct key_table *table, int64_t as_of_us)
{
    struct key_table *again = key_table_new(ROOM);
    AUTO_BUF file = {0};
    int64_t as_of_again_us;
    struct err err;

    key_cache_write(table, as_of_us, dsn, &file);
    EXPECT(key_cache_read(buf_slice(&file), dsn, again, &as_of_again_us, &err));
    EXPECT(as_of_again_us == as_of_us);
    check_same(table, again);
    key_table_free(&again);
}

static void read_file(struct slice file)
{
    struct key_table *table = key_table_new(ROOM);
    int64_t as_of_us;
    struct err err;

    if (key_cache_read(file, dsn, table, &as_of_us, &err))
        check_written(table, as_of_us);
    else
        EXPECT(err.kind == ERR_REJECT && err.text[0] != '\0');
    key_table_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF file = {0};

    read_file(slice_of(data, size));
    buf_append(&file, data, size);
    append_checksum(&file);
    read_file(buf_slice(&file));
    return 0;
}
