#include "common/base/err.h"

#include <stdio.h>
#include <string.h>

void err_vset(struct err *err, enum err_kind kind, const char *format, va_list args)
{
    err->kind = kind;
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
}

void err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(err, kind, format, args);
    va_end(args);
}

void err_prefix(struct err *err, const char *format, ...)
{
    char inner[sizeof(err->text)];
    va_list args;

    memcpy(inner, err->text, sizeof(inner));
    va_start(args, format);
    int length = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (length < 0 || (size_t)length + 3 > sizeof(err->text))
        return;
    size_t room = sizeof(err->text) - (size_t)length - 3;
    (void)snprintf(err->text + length, room + 3, ": %.*s", (int)room, inner);
}
