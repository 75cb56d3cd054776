#include "common/base/slice.h"

#include "common/base/alloc.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool slice_equals_ignoring_case(struct slice a, struct slice b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice a)
{
    while (a.length > 0 && is_space(a.data[a.length - 1]))
        a.length--;
    while (a.length > 0 && is_space(a.data[0]))
        a = slice_from_index(a, 1);
    return a;
}

bool slice_cut(struct slice *rest, char separator, struct slice *out_head)
{
    const char *found = rest->length == 0 ? NULL : memchr(rest->data, separator, rest->length);

    if (found == NULL) {
        *out_head = *rest;
        *rest = slice_of(NULL, 0);
        return false;
    }
    size_t head_length = (size_t)(found - rest->data);
    *out_head = slice_of(rest->data, head_length);
    *rest = slice_from_index(*rest, head_length + 1);
    return true;
}

char *slice_dup(struct slice a)
{
    char *copy = xmalloc(a.length + 1);

    if (a.length > 0)
        memcpy(copy, a.data, a.length);
    copy[a.length] = '\0';
    return copy;
}
