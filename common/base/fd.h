/*
 * fd.h - a file descriptor that closes itself.
 *
 *     AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
 */
#ifndef MILLRACE_FD_H
#define MILLRACE_FD_H

#include <unistd.h>

/* Negative: there is none. An error of close(2) says nothing that fsync(2) has not said. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

#define AUTO_FD __attribute__((cleanup(fd_close))) int

#endif
