/*
 * gzip.h - bytes as a client with zlib sends them.
 */
#ifndef MILLRACE_TESTS_GZIP_H
#define MILLRACE_TESTS_GZIP_H

#include "common/base/buf.h"

/* Appends the bytes as one gzip member. */
void gzip_write(struct buf *out, struct slice bytes);

#endif
