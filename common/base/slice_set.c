#include "common/base/slice_set.h"

#include "common/base/alloc.h"

#include <stdlib.h>

/* Compiled in: a key has few bytes, and the call would cost as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_CAPACITY = 64 };

void slice_set_done(struct slice_set *set)
{
    free(set->slots);
    *set = (struct slice_set){0};
}

void slice_set_clear(struct slice_set *set)
{
    set->count = 0;
    set->generation++;
    if (set->generation > 0)
        return;
    /* After 2^32 objects slots of the first one would come back to life. */
    if (set->capacity > 0)
        memset(set->slots, 0, set->capacity * sizeof(*set->slots));
    set->generation = 1;
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct slice_set_slot *find(const struct slice_set *set, struct slice key, uint32_t hash)
{
    uint32_t mask = set->capacity - 1;

    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        struct slice_set_slot *slot = &set->slots[i];
        if (slot->generation != set->generation)
            return slot;
        if (slot->hash == hash && slice_equals(slot->key, key))
            return slot;
    }
}

static void grow(struct slice_set *set)
{
    struct slice_set bigger = {.capacity = set->capacity > 0 ? set->capacity * 2 : FIRST_CAPACITY,
                               .count = set->count,
                               .generation = set->generation};

    bigger.slots = xcalloc(bigger.capacity, sizeof(*bigger.slots));
    for (uint32_t i = 0; i < set->capacity; i++)
        if (set->slots[i].generation == set->generation)
            *find(&bigger, set->slots[i].key, set->slots[i].hash) = set->slots[i];
    free(set->slots);
    *set = bigger;
}

bool slice_set_add(struct slice_set *set, uint64_t seed, struct slice key)
{
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(key.length > 0 ? key.data : "", key.length, seed);

    if (set->count >= set->capacity / 2)
        grow(set);
    struct slice_set_slot *slot = find(set, key, hash);
    if (slot->generation == set->generation)
        return false;
    *slot = (struct slice_set_slot){.key = key, .hash = hash, .generation = set->generation};
    set->count++;
    return true;
}
