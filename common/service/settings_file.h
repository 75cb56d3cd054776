/*
 * settings_file.h - small files read whole: the configuration, and secrets. Any thread; blocks.
 */
#ifndef MILLRACE_SETTINGS_FILE_H
#define MILLRACE_SETTINGS_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends the file's bytes. ERR_FATAL, naming the file, when it can't be read or holds more than max_bytes.
 */
bool settings_file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err);

/* Gives where a file of secrets is: a path without '/' is looked for in $CREDENTIALS_DIRECTORY, where systemd
 * puts credentials, when `environment` has that. */
char *settings_file_path(const char *path, char *const *environment);

/* Gives the first line of a secret's file, without its line feed. path: as for
 * settings_file_path. ERR_FATAL, naming the file and never what it holds, also for an empty line. */
bool settings_file_read_secret(const char *path, char *const *environment, char **out_text, struct err *err);

#endif
