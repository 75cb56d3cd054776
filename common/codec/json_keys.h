/*
 * json_keys.h - the keys of one open object, to find a repeated one: an open-addressing table that is
 * emptied without touching it. Hashes are seeded, so that a client can't choose keys that collide. Pure.
 */
#ifndef MILLRACE_JSON_KEYS_H
#define MILLRACE_JSON_KEYS_H

#include "common/base/slice.h"

#include <stdint.h>

struct json_key_slot {
    struct slice key;
    uint32_t hash;
    uint32_t generation; /* of the table, when the slot was filled; any other: the slot is empty */
};

/* Zero-initialised is empty; json_keys_clear before the first key. */
struct json_keys {
    struct json_key_slot *slots;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t count;
    uint32_t generation;
};

void json_keys_done(struct json_keys *keys);

/* Empties it; keeps the memory. */
void json_keys_clear(struct json_keys *keys);

/* False when the key is there already. Keeps the key's bytes until the next clear. */
bool json_keys_add(struct json_keys *keys, uint64_t seed, struct slice key);

#endif
