/*
 * state_keeper.h - keeps the newest version of one file on disk without blocking the loop: each is written on
 * a thread of its own; one that comes while another is being written waits, and the one that waited before it
 * is dropped. Loop thread only.
 */
#ifndef MILLRACE_STATE_KEEPER_H
#define MILLRACE_STATE_KEEPER_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct loop;
struct state_keeper;

struct state_keeper_settings {
    struct loop *loop;    /* keeps */
    const char *path;     /* copied */
    const char *instance; /* of the program: several may share the folder; copied */

    /* A version is on disk (err NULL), or could not be written. */
    void (*on_kept)(void *owner, const struct err *err);
    void *owner; /* keeps */
};

struct state_keeper *state_keeper_start(const struct state_keeper_settings *settings);

/* Waits for the version that is being written; one that waits is dropped. */
void state_keeper_stop(struct state_keeper **keeper);

/* Takes the bytes and leaves `bytes` empty. */
void state_keeper_keep(struct state_keeper *keeper, struct buf *bytes);

#endif
