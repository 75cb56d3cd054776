#include "common/service/key_table.h"

#include "common/base/alloc.h"
#include "common/base/arena.h"

#include <stdlib.h>

/* Open addressing by the first bytes of the hash, which are as good as random. */
struct key_table {
    struct arena arena;
    struct key **slots; /* NULL: empty */
    size_t slot_count;  /* a power of two, more than twice the keys */
    size_t key_count, capacity;
};

struct key_table *key_table_new(size_t key_count)
{
    struct key_table *table = xcalloc(1, sizeof(*table));

    table->capacity = key_count;
    table->slot_count = 16;
    while (table->slot_count < 2 * key_count + 1)
        table->slot_count *= 2;
    table->slots = xcalloc(table->slot_count, sizeof(struct key *));
    return table;
}

void key_table_free(struct key_table **table)
{
    if (*table == NULL)
        return;
    arena_done(&(*table)->arena);
    free((*table)->slots);
    free(*table);
    *table = NULL;
}

/* The slot of the hash, or the empty one where it belongs. */
static struct key **slot_of(const struct key_table *table, const unsigned char hash[DIGEST_SHA256_BYTES])
{
    uint64_t bits;

    memcpy(&bits, hash, sizeof(bits));
    size_t i = bits & (table->slot_count - 1);
    while (table->slots[i] != NULL && memcmp(table->slots[i]->hash, hash, DIGEST_SHA256_BYTES) != 0)
        i = (i + 1) & (table->slot_count - 1);
    return &table->slots[i];
}

static const char *copy_text(struct key_table *table, const char *text)
{
    return arena_copy(&table->arena, slice_of(text, strlen(text) + 1)).data;
}

bool key_table_add(struct key_table *table, const struct key *key)
{
    struct key **slot = slot_of(table, key->hash);

    if (*slot != NULL)
        return true;
    if (table->key_count == table->capacity)
        return false;
    *slot = arena_take(&table->arena, sizeof(struct key));
    **slot = *key;
    (*slot)->identity.tenant_id = copy_text(table, key->identity.tenant_id);
    (*slot)->identity.environment_id = copy_text(table, key->identity.environment_id);
    (*slot)->identity.name = copy_text(table, key->identity.name);
    (*slot)->identity.hash = (*slot)->hash;
    table->key_count++;
    return true;
}

size_t key_table_count(const struct key_table *table)
{
    return table->key_count;
}

struct key *key_table_find(const struct key_table *table, const unsigned char hash[DIGEST_SHA256_BYTES])
{
    return *slot_of(table, hash);
}

struct key *key_table_next(const struct key_table *table, size_t *position)
{
    while (*position < table->slot_count) {
        struct key *key = table->slots[(*position)++];
        if (key != NULL)
            return key;
    }
    return NULL;
}
