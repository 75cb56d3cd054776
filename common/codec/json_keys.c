#include "common/codec/json_keys.h"

#include "common/base/alloc.h"

#include <stdlib.h>

/* Compiled in: a key has few bytes, and the call would cost as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_CAPACITY = 64 };

void json_keys_done(struct json_keys *keys)
{
    free(keys->slots);
    *keys = (struct json_keys){0};
}

void json_keys_clear(struct json_keys *keys)
{
    keys->count = 0;
    keys->generation++;
    if (keys->generation > 0)
        return;
    /* After 2^32 objects slots of the first one would come back to life. */
    if (keys->capacity > 0)
        memset(keys->slots, 0, keys->capacity * sizeof(*keys->slots));
    keys->generation = 1;
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct json_key_slot *find(const struct json_keys *keys, struct slice key, uint32_t hash)
{
    uint32_t mask = keys->capacity - 1;

    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        struct json_key_slot *slot = &keys->slots[i];
        if (slot->generation != keys->generation)
            return slot;
        if (slot->hash == hash && slice_equals(slot->key, key))
            return slot;
    }
}

static void grow(struct json_keys *keys)
{
    struct json_keys bigger = {.capacity = keys->capacity > 0 ? keys->capacity * 2 : FIRST_CAPACITY,
                               .count = keys->count,
                               .generation = keys->generation};

    bigger.slots = xcalloc(bigger.capacity, sizeof(*bigger.slots));
    for (uint32_t i = 0; i < keys->capacity; i++)
        if (keys->slots[i].generation == keys->generation)
            *find(&bigger, keys->slots[i].key, keys->slots[i].hash) = keys->slots[i];
    free(keys->slots);
    *keys = bigger;
}

bool json_keys_add(struct json_keys *keys, uint64_t seed, struct slice key)
{
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(key.length > 0 ? key.data : "", key.length, seed);

    if (keys->count >= keys->capacity / 2)
        grow(keys);
    struct json_key_slot *slot = find(keys, key, hash);
    if (slot->generation == keys->generation)
        return false;
    *slot = (struct json_key_slot){.key = key, .hash = hash, .generation = keys->generation};
    keys->count++;
    return true;
}
