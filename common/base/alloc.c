#include "common/base/alloc.h"

#include "common/base/bug.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *present(void *memory, size_t size_bytes)
{
    if (memory == NULL)
        BUG("out of memory: %zu bytes", size_bytes);
    return memory;
}

void *xmalloc(size_t size_bytes)
{
    return present(malloc(size_bytes > 0 ? size_bytes : 1), size_bytes);
}

void *xcalloc(size_t count, size_t size_bytes)
{
    return present(calloc(count > 0 ? count : 1, size_bytes > 0 ? size_bytes : 1), size_bytes);
}

void *xrealloc(void *old, size_t size_bytes)
{
    return present(realloc(old, size_bytes > 0 ? size_bytes : 1), size_bytes);
}

char *xstrdup(const char *text)
{
    return present(strdup(text), strlen(text));
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        BUG("out of memory: \"%s\"", format);
    return text;
}

void free_string(char **text)
{
    free(*text);
    *text = NULL;
}
