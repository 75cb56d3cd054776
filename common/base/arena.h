/*
 * arena.h - memory that goes all at once: what belongs to a request or a batch is taken from its arena
 * and forgotten with it. Zero-initialised is empty and ready. One owner, any thread.
 */
#ifndef MILLRACE_ARENA_H
#define MILLRACE_ARENA_H

#include "common/base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *newest;
    size_t used_bytes; /* given out since the last reset */
};

/* Aligned for any type; valid until arena_reset or arena_done. */
void *arena_take(struct arena *arena, size_t size_bytes) __attribute__((malloc, returns_nonnull));

/* A copy of the bytes inside the arena. */
struct slice arena_copy(struct arena *arena, struct slice slice);

/* The same, with a NUL behind it that length does not count. */
struct slice arena_text(struct arena *arena, struct slice slice);

/* Forgets all that was taken; keeps the newest block for the next use. */
void arena_reset(struct arena *arena);

void arena_done(struct arena *arena);

#endif
