#include "common/service/settings.h"

#include <string.h>

/* "hash, tenant_id and name" */
static void write_names(struct buf *out, const struct settings_member *known)
{
    for (size_t i = 0; known[i].name != NULL; i++) {
        if (i > 0)
            buf_append_text(out, known[i + 1].name == NULL ? " and " : ", ");
        buf_append_text(out, known[i].name);
    }
}

static bool take_member(const struct settings_property *member, const struct settings_member *known)
{
    for (; known->name != NULL; known++) {
        if (strcmp(known->name, member->name) == 0) {
            *known->place = member->value;
            return true;
        }
    }
    return false;
}

bool settings_item_read(const struct settings_item *item, const struct settings_member *known,
                        struct err *err)
{
    for (size_t i = 0; i < item->count; i++) {
        AUTO_BUF names = {0};
        if (take_member(&item->members[i], known))
            continue;
        write_names(&names, known);
        err_set(err, ERR_FATAL, "unknown key %.60s: known are %s", item->members[i].name, buf_text(&names));
        return false;
    }
    return true;
}
