/*
 * slice_set.h - a set of texts, such as the keys of one object or the ids of one request, to find a repeated
 * one: an open-addressing table that is emptied without touching it. Hashes are seeded, so that a client
 * can't choose texts that collide. Pure.
 */
#ifndef MILLRACE_SLICE_SET_H
#define MILLRACE_SLICE_SET_H

#include "common/base/slice.h"

#include <stdint.h>

struct slice_set_slot {
    struct slice key;
    uint32_t hash;
    uint32_t generation; /* of the table, when the slot was filled; any other: the slot is empty */
};

/* Zero-initialised is empty; slice_set_clear before the first. */
struct slice_set {
    struct slice_set_slot *slots;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t count;
    uint32_t generation;
};

void slice_set_done(struct slice_set *set);

/* Empties it; keeps the memory. */
void slice_set_clear(struct slice_set *set);

/* False when it is there already. Keeps the key's bytes until the next clear. */
bool slice_set_add(struct slice_set *set, uint64_t seed, struct slice key);

#endif
