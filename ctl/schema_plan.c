#include "ctl/schema_plan.h"

#include "common/base/alloc.h"

void schema_applied_add(struct schema_applied_list *list, unsigned number, struct slice name,
                        struct slice checksum)
{
    list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = (struct schema_applied){number, slice_dup(name), slice_dup(checksum)};
}

void schema_applied_done(struct schema_applied_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].checksum);
    }
    free(list->items);
    *list = (struct schema_applied_list){0};
}

void schema_plan_checksum(const struct schema_file *file, char out[DIGEST_SHA256_HEX_BYTES])
{
    digest_sha256_hex(slice_from(file->sql), out);
}

enum schema_step schema_plan_step(const struct schema_file *file, const struct schema_applied_list *applied)
{
    char checksum[DIGEST_SHA256_HEX_BYTES];

    if (file->number == 0)
        return SCHEMA_STEP_REPEAT;
    schema_plan_checksum(file, checksum);
    for (size_t i = 0; i < applied->count; i++)
        if (applied->items[i].number == file->number)
            return strcmp(applied->items[i].checksum, checksum) == 0 ? SCHEMA_STEP_APPLIED
                                                                     : SCHEMA_STEP_EDITED;
    return SCHEMA_STEP_PENDING;
}

size_t schema_plan_newer_count(const struct schema_file *files, const struct schema_applied_list *applied)
{
    size_t count = 0;

    for (size_t i = 0; i < applied->count; i++) {
        const struct schema_file *file = files;
        while (file->name != NULL && file->number != applied->items[i].number)
            file++;
        count += file->name == NULL;
    }
    return count;
}
