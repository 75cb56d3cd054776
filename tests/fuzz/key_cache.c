/*
 * The keys kept on disk. The checksum is made good first, as no input would pass it by chance; what is then
 * read is written and read again without change.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/service/key_cache.h"

enum { KEYS_MAX = 8 };

/* Keys come out in the order of the table, which is that of their hashes: so the texts of two readings can be
 * compared. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF file = {0}, again = {0}, third = {0};
    char sum[DIGEST_SHA256_HEX_BYTES];
    struct key_table *table = key_table_new(KEYS_MAX), *copy = key_table_new(KEYS_MAX);
    int64_t as_of_us, again_us;
    struct err err;

    digest_sha256_hex(slice_of(data, size), sum);
    buf_append(&file, data, size);
    buf_printf(&file, "sha256=%s\n", sum);
    if (key_cache_read(buf_slice(&file), "dsn", table, &as_of_us, &err)) {
        EXPECT(key_table_count(table) <= KEYS_MAX);
        key_cache_write(table, as_of_us, "dsn", &again);
        EXPECT(key_cache_read(buf_slice(&again), "dsn", copy, &again_us, &err));
        EXPECT(again_us == as_of_us && key_table_count(copy) == key_table_count(table));
        key_cache_write(copy, again_us, "dsn", &third);
        EXPECT(again.length == third.length);
    }
    key_table_free(&table);
    key_table_free(&copy);
    return 0;
}
