#include "common/service/settings_file.h"

#include "common/base/alloc.h"
#include "common/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_MAX_BYTES = 4096 };

bool settings_file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t before = out->length;

    if (fd < 0) {
        err_set(err, ERR_FATAL, "%s: can't be opened: %m", path);
        return false;
    }
    while (out->length - before <= max_bytes) {
        ssize_t got = read(fd, buf_reserve(out, 4096), 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_set(err, ERR_FATAL, "%s: can't be read: %m", path);
            return false;
        }
        if (got == 0)
            return true;
        out->length += (size_t)got;
    }
    err_set(err, ERR_FATAL, "%s: holds more than %zu bytes", path, max_bytes);
    return false;
}

static const char *credentials_directory(char *const *environment)
{
    static const struct slice name = {"CREDENTIALS_DIRECTORY=", sizeof("CREDENTIALS_DIRECTORY=") - 1};

    for (; environment != NULL && *environment != NULL; environment++) {
        if (slice_starts_with(slice_from(*environment), name))
            return *environment + name.length;
    }
    return NULL;
}

char *settings_file_path(const char *path, char *const *environment)
{
    const char *directory = strchr(path, '/') == NULL ? credentials_directory(environment) : NULL;

    return directory != NULL ? xasprintf("%s/%s", directory, path) : xstrdup(path);
}

/* A secret must not stay behind in freed memory. */
static void wipe(struct buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->capacity);
    buf_done(buf);
}

bool settings_file_read_secret(const char *path, char *const *environment, char **out_text, struct err *err)
{
    __attribute__((cleanup(wipe))) struct buf content = {0};
    AUTO_STRING full = settings_file_path(path, environment);
    struct slice line;

    if (!settings_file_read(full, SECRET_MAX_BYTES, &content, err))
        return false;
    struct slice rest = buf_slice(&content);
    (void)slice_cut(&rest, '\n', &line);
    if (!slice_is_empty(line) && line.data[line.length - 1] == '\r')
        line.length--;
    if (slice_is_empty(line) || memchr(line.data, '\0', line.length) != NULL) {
        err_set(err, ERR_FATAL, "%s: the first line must hold the secret, and is empty or not text", full);
        return false;
    }
    *out_text = slice_dup(line);
    return true;
}
