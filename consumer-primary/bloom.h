/*
 * bloom.h - a set of 64-bit hashes that forgets none and now and then claims one too many: a split block
 * Bloom filter as Apache Parquet specifies it (https://parquet.apache.org/docs/file-format/bloomfilter/),
 * which touches 32 bytes a look-up. With 16 bits for each hash about one in 700 strange ones is claimed.
 * Pure.
 */
#ifndef MILLRACE_BLOOM_H
#define MILLRACE_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOOM_BITS_PER_HASH = 16 };

struct bloom_block;

/* Zero-initialised is a set of none that has room for none. */
struct bloom {
    struct bloom_block *blocks;
    uint64_t block_count;
    uint64_t capacity; /* hashes; with more of them it claims more that are not there */
    uint64_t count;    /* of bloom_add */
};

void bloom_init(struct bloom *bloom, uint64_t capacity);
void bloom_done(struct bloom *bloom);

void bloom_add(struct bloom *bloom, uint64_t hash);

/* False: it was never added. */
bool bloom_has(const struct bloom *bloom, uint64_t hash);

/* Memory that it takes. */
uint64_t bloom_bytes(const struct bloom *bloom);

#endif
