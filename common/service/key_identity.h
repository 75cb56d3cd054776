/*
 * key_identity.h - what an API key is bound to, and what it may do. Pure.
 */
#ifndef MILLRACE_KEY_IDENTITY_H
#define MILLRACE_KEY_IDENTITY_H

#include "common/base/buf.h"

/* Bits of what a key may do. */
enum key_role {
    KEY_ROLE_EVENT_WRITE = 1 << 0,   /* event:write */
    KEY_ROLE_EVENT_READ = 1 << 1,    /* event:read */
    KEY_ROLE_CATALOG_WRITE = 1 << 2, /* catalog:write */
    KEY_ROLE_ADMIN = 1 << 3,         /* admin: all of them, so the other bits are set too */
};

#define KEY_ROLES_ALL                                                                                        \
    ((unsigned)(KEY_ROLE_EVENT_WRITE | KEY_ROLE_EVENT_READ | KEY_ROLE_CATALOG_WRITE | KEY_ROLE_ADMIN))

struct key_identity {
    const char *tenant_id;
    const char *environment_id;
    const char *name;          /* for people, never the key; "" when it is not known */
    unsigned roles;            /* enum key_role */
    const unsigned char *hash; /* SHA-256 of the key's text: tells one key from another */
};

/* The bits of a role's name, such as "event:write"; 0 for a name that is none. */
unsigned key_role_bits(struct slice name);

/* The bits of names with commas between them. A name that this version does not know gives nothing. */
unsigned key_roles_read(struct slice names);

/* The other way: appends the fewest names that give these bits, of which there is at least one. */
void key_roles_write(unsigned roles, struct buf *out);

#endif
