/*
 * slice.h - a borrowed run of bytes: not NUL-terminated, never freed through the slice.
 */
#ifndef MILLRACE_SLICE_H
#define MILLRACE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data; /* may be NULL when length is 0 */
    size_t length;    /* bytes */
};

/* A string literal as a slice. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* For printf: "%.*s", SLICE_ARG(s). */
#define SLICE_ARG(slice) (int)(slice).length, (slice).data

static inline struct slice slice_of(const void *data, size_t length)
{
    return (struct slice){data, length};
}

/* text may be NULL: an empty slice. */
static inline struct slice slice_from(const char *text)
{
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_is_empty(struct slice slice)
{
    return slice.length == 0;
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool slice_equals_text(struct slice a, const char *text)
{
    return slice_equals(a, slice_from(text));
}

/* ASCII only, as header names and enumeration values are compared. */
bool slice_equals_ignoring_case(struct slice a, struct slice b);

static inline bool slice_starts_with(struct slice a, struct slice prefix)
{
    return a.length >= prefix.length && slice_equals(slice_of(a.data, prefix.length), prefix);
}

/* Without the first `count` bytes; count <= length. */
static inline struct slice slice_from_index(struct slice a, size_t count)
{
    return slice_of(a.data + count, a.length - count);
}

/* Without ASCII white space at both ends. */
struct slice slice_trim(struct slice a);

/* Splits off what stands before the first `separator` and moves `rest` behind it. False when rest has
 * none: then out_head is all of rest, and rest is empty. */
bool slice_cut(struct slice *rest, char separator, struct slice *out_head);

/* Gives a copy of all its bytes with a NUL behind them; the caller frees it with free(). */
char *slice_dup(struct slice a) __attribute__((malloc, returns_nonnull));

#endif
