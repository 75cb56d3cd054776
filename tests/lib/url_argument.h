/*
 * url_argument.h - what a client of ours has written into a URL, for servers of tests. query/query_string.h
 * is for what strangers write.
 */
#ifndef MILLRACE_TESTS_URL_ARGUMENT_H
#define MILLRACE_TESTS_URL_ARGUMENT_H

#include "common/base/buf.h"

/* Appends the value of the first `name=value` of the query, decoded; false when there is none. */
bool url_argument(struct slice query, const char *name, struct buf *out);

#endif
