#include "common/base/arena.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ARENA_BLOCK_BYTES = 4096 };

struct arena_block {
    struct arena_block *older;
    size_t capacity;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena_block *older, size_t least_bytes)
{
    size_t capacity = older == NULL ? ARENA_BLOCK_BYTES : older->capacity * 2;

    while (capacity < least_bytes)
        capacity *= 2;
    struct arena_block *block = xmalloc(sizeof(*block) + capacity);
    *block = (struct arena_block){.older = older, .capacity = capacity};
    return block;
}

void *arena_take(struct arena *arena, size_t size_bytes)
{
    enum { ALIGN = alignof(max_align_t) };

    BUG_ON(size_bytes > SIZE_MAX / 4);
    size_t rounded = (size_bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (arena->newest == NULL || arena->newest->capacity - arena->newest->used < rounded)
        arena->newest = block_new(arena->newest, rounded);
    void *taken = arena->newest->bytes + arena->newest->used;
    arena->newest->used += rounded;
    arena->used_bytes += rounded;
    return taken;
}

struct slice arena_copy(struct arena *arena, struct slice slice)
{
    char *copy = arena_take(arena, slice.length);

    if (slice.length > 0)
        memcpy(copy, slice.data, slice.length);
    return slice_of(copy, slice.length);
}

static void free_older(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

struct slice arena_text(struct arena *arena, struct slice slice)
{
    char *copy = arena_take(arena, slice.length + 1);

    if (slice.length > 0)
        memcpy(copy, slice.data, slice.length);
    copy[slice.length] = '\0';
    return slice_of(copy, slice.length);
}

void arena_reset(struct arena *arena)
{
    arena->used_bytes = 0;
    if (arena->newest == NULL)
        return;
    free_older(arena->newest->older);
    arena->newest->older = NULL;
    arena->newest->used = 0;
}

void arena_done(struct arena *arena)
{
    free_older(arena->newest);
    *arena = (struct arena){0};
}
