/*
 * state_file.h - small files below state_dir that must outlive a restart: replaced as a whole, so that after
 * any crash, power loss included, the file is the old one or the new one. They are ours alone (mode 0600).
 * All block: at start, or on a thread of their own (state_keeper.h).
 */
#ifndef MILLRACE_STATE_FILE_H
#define MILLRACE_STATE_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Whether files can be kept in the folder. ERR_REJECT says what to do: no restart mends it. */
bool state_file_check_folder(const char *folder, struct err *err);

/* new_path: where the new one is written before it takes the other's place; in the same folder, and nobody
 * else's. ERR_RETRY. */
bool state_file_replace(const char *path, const char *new_path, struct slice bytes, struct err *err);

/* Appends the file to `out`; one that does not exist is empty. ERR_REJECT for a file that somebody else could
 * have written, or with more than max_bytes; ERR_RETRY when it can't be read. */
bool state_file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err);

#endif
