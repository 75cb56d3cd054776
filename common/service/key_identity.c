#include "common/service/key_identity.h"

/* The one that includes the others first. */
static const struct {
    const char *name;
    unsigned bits;
} roles_known[] = {{"admin", KEY_ROLES_ALL},
                   {"event:write", KEY_ROLE_EVENT_WRITE},
                   {"event:read", KEY_ROLE_EVENT_READ},
                   {"catalog:write", KEY_ROLE_CATALOG_WRITE}};

enum { ROLE_COUNT = sizeof(roles_known) / sizeof(roles_known[0]) };

unsigned key_role_bits(struct slice name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (slice_equals_text(name, roles_known[i].name))
            return roles_known[i].bits;
    return 0;
}

unsigned key_roles_read(struct slice names)
{
    unsigned bits = 0;
    struct slice name;

    while (!slice_is_empty(names)) {
        (void)slice_cut(&names, ',', &name);
        bits |= key_role_bits(name);
    }
    return bits;
}

void key_roles_write(unsigned roles, struct buf *out)
{
    unsigned written = 0;

    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if ((roles & roles_known[i].bits) != roles_known[i].bits || (written & roles_known[i].bits) != 0)
            continue;
        buf_printf(out, "%s%s", written != 0 ? "," : "", roles_known[i].name);
        written |= roles_known[i].bits;
    }
}
