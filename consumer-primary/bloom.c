#include "consumer-primary/bloom.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <stdlib.h>

enum { WORDS_PER_BLOCK = 8 };

/* 32 bytes; not aligned to a cache line, which calloc's untouched pages are worth. */
struct bloom_block {
    uint32_t words[WORDS_PER_BLOCK];
};

/* The specification's. */
static const uint32_t salts[WORDS_PER_BLOCK] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                                0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

/* The upper half of the hash chooses the block, the lower half one bit of each of its words. */
static struct bloom_block *block_of(const struct bloom *bloom, uint64_t hash)
{
    return &bloom->blocks[((hash >> 32) * bloom->block_count) >> 32];
}

static uint32_t bit_of(uint64_t hash, int word)
{
    return UINT32_C(1) << (((uint32_t)hash * salts[word]) >> 27);
}

void bloom_init(struct bloom *bloom, uint64_t capacity)
{
    uint64_t block_count = capacity * BLOOM_BITS_PER_HASH / (8 * sizeof(struct bloom_block)) + 1;

    BUG_ON(block_count > UINT32_MAX);
    *bloom = (struct bloom){
        .blocks = xcalloc(block_count, sizeof(struct bloom_block)),
        .block_count = block_count,
        .capacity = capacity,
    };
}

void bloom_done(struct bloom *bloom)
{
    free(bloom->blocks);
    *bloom = (struct bloom){0};
}

void bloom_add(struct bloom *bloom, uint64_t hash)
{
    struct bloom_block *block;

    BUG_ON(bloom->blocks == NULL);
    block = block_of(bloom, hash);
    for (int i = 0; i < WORDS_PER_BLOCK; i++)
        block->words[i] |= bit_of(hash, i);
    bloom->count++;
}

bool bloom_has(const struct bloom *bloom, uint64_t hash)
{
    const struct bloom_block *block;
    uint32_t missing = 0;

    if (bloom->blocks == NULL)
        return false;
    block = block_of(bloom, hash);
    for (int i = 0; i < WORDS_PER_BLOCK; i++)
        missing |= ~block->words[i] & bit_of(hash, i);
    return missing == 0;
}

uint64_t bloom_bytes(const struct bloom *bloom)
{
    return bloom->block_count * sizeof(struct bloom_block);
}
