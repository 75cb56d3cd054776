/*
 * alloc.h - memory that is there or the process ends: when memory runs out nothing has been acknowledged
 * or committed that is not durable, so a restart loses nothing. What a client can grow is bounded long
 * before (see the limits in the configuration). Any thread.
 */
#ifndef MILLRACE_ALLOC_H
#define MILLRACE_ALLOC_H

#include <stddef.h>

/* All give memory that the caller frees with free(). Size 0 gives a pointer that may be freed. */
void *xmalloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size_bytes) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* Frees the string and forgets it; NULL is fine. For __attribute__((cleanup)). */
void free_string(char **text);

#define AUTO_STRING __attribute__((cleanup(free_string))) char *

#endif
