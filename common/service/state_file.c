#include "common/service/state_file.h"

#include "common/base/alloc.h"
#include "common/base/fd.h"
#include "common/service/settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool state_file_check_folder(const char *folder, struct err *err)
{
    struct stat status;

    if (stat(folder, &status) != 0)
        err_set(
            err, ERR_REJECT,
            "state_dir: %s: %m: make the directory for the user that runs this program (install -d -m 700), "
            "or name another",
            folder);
    else if (!S_ISDIR(status.st_mode))
        err_set(err, ERR_REJECT, "state_dir: %s is no directory: name one", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        err_set(err, ERR_REJECT,
                "state_dir: %s: %m: give it to the user that runs this program (uid %u), or name another",
                folder, (unsigned)geteuid());
    else
        return true;
    return false;
}

/* ---- replace ---- */

static bool write_all(int fd, struct slice bytes)
{
    while (!slice_is_empty(bytes)) {
        ssize_t count = write(fd, bytes.data, bytes.length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        bytes = slice_from_index(bytes, (size_t)count);
    }
    return true;
}

/* What a crash left there goes first: it may have another owner's rights. */
static bool write_new(const char *path, struct slice bytes)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return false;
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
}

/* The name itself is on disk only when its folder is. */
static bool sync_folder_of(const char *path)
{
    AUTO_STRING folder = xstrdup(path);
    char *slash = strrchr(folder, '/');

    if (slash == NULL)
        return false;
    slash[slash == folder] = '\0';
    AUTO_FD fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

bool state_file_replace(const char *path, const char *new_path, struct slice bytes, struct err *err)
{
    if (write_new(new_path, bytes) && rename(new_path, path) == 0 && sync_folder_of(path))
        return true;
    err_set(err, ERR_RETRY, "%s can't be written: %m", path);
    return false;
}

/* ---- read ---- */

bool state_file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
    struct stat status;

    if (lstat(path, &status) != 0) {
        if (errno == ENOENT)
            return true;
        err_set(err, ERR_RETRY, "%s: %m", path);
        return false;
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        err_set(err, ERR_REJECT, "%s is not a file of this user alone (mode 0600): remove it", path);
        return false;
    }
    if (status.st_size > (off_t)max_bytes) {
        err_set(err, ERR_REJECT, "%s holds more than %zu bytes: remove it", path, max_bytes);
        return false;
    }
    if (settings_file_read(path, max_bytes, out, err))
        return true;
    err->kind = ERR_RETRY;
    return false;
}
