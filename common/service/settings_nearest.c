#include "common/service/settings_nearest.h"

#include "common/base/alloc.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 100 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, remove or replace (Levenshtein), by one row of the usual table. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[NAME_MAX_BYTES + 1];

    if (a.length > NAME_MAX_BYTES || b.length > NAME_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.length];
}

/* Close enough to guess: a third of the letters, and three at most. */
static size_t limit_for(struct slice name)
{
    return smaller(3, name.length / 3);
}

/* The key's first `dots` + 1 words. */
static struct slice cut_to(const char *key, size_t dots)
{
    size_t length = 0;

    while (key[length] != '\0' && (key[length] != '.' || dots-- > 0))
        length++;
    return slice_of(key, length);
}

char *settings_nearest_key(const struct settings_schema *schema, const char *path)
{
    struct slice wanted = slice_from(path);
    struct slice best = SLICE("");
    size_t best_distance = limit_for(wanted);
    size_t dots = 0;

    for (const char *c = path; *c != '\0'; c++)
        dots += *c == '.';
    for (const struct setting *row = schema->table; row->key != NULL; row++) {
        struct slice candidate = cut_to(row->key, dots);
        size_t found = distance(wanted, candidate);
        if (found <= best_distance && (found < best_distance || best.length == 0)) {
            best = candidate;
            best_distance = found;
        }
    }
    return best.length > 0 ? slice_dup(best) : NULL;
}

char *settings_nearest_variable(const struct settings_schema *schema, const char *variable,
                                char *(*variable_of)(const char *key))
{
    struct slice wanted = slice_from(variable);
    char *best = NULL;
    size_t best_distance = limit_for(wanted);

    for (const struct setting *row = schema->table; row->key != NULL; row++) {
        char *candidate = variable_of(row->key);
        size_t found = distance(wanted, slice_from(candidate));
        if (found <= best_distance && (found < best_distance || best == NULL)) {
            free(best);
            best = candidate;
            best_distance = found;
        } else {
            free(candidate);
        }
    }
    return best;
}
