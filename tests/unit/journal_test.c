/* journal: lines with their fields, read from the very socket that journald would read. */
#include "common/service/journal.h"

#include "common/base/alloc.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_PERMITTED = 77 };

static void the_journal_is_used_when_standard_error_is_its_stream(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    AUTO_STRING own = xasprintf("%" PRIu64 ":%" PRIu64, (uint64_t)status.st_dev, (uint64_t)status.st_ino);
    AUTO_STRING other =
        xasprintf("%" PRIu64 ":%" PRIu64, (uint64_t)status.st_dev, (uint64_t)status.st_ino + 1);
    const struct {
        const char *stream;
        bool is_journal;
    } rows[] = {{own, true}, {other, false}, {"", false}, {"8", false}, {"a:b", false}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(setenv("JOURNAL_STREAM", rows[i].stream, 1), 0);
        assert_ptr_equal(journal_writer(), rows[i].is_journal ? journal_write : NULL);
    }
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    assert_null(journal_writer());
}

/* A /run of our own with journald's socket in it; the descriptor, or -1 where that is not permitted. */
static int bind_journal_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0 || mkdir("/run/systemd", 0755) != 0 ||
        mkdir("/run/systemd/journal", 0755) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    return fd;
}

/* One entry, as journald's native protocol has it: a NAME=VALUE a line. */
static bool entry_is(int fd, const char *expected)
{
    char entry[4096];
    ssize_t length = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);

    if (length < 0)
        return false;
    entry[length] = '\0';
    if (strcmp(entry, expected) != 0)
        (void)fprintf(stderr, "got:\n%s", entry);
    return strcmp(entry, expected) == 0;
}

static int write_and_read(void)
{
    static const char id[] = "5c2d1b7e8f7f4b0d9a3e6f1c2b4a5d6e";
    int fd = bind_journal_socket();

    if (fd < 0)
        return NOT_PERMITTED;
    log_open("toy", LOG_LEVEL_INFO, journal_write);
    log_info("plain %d", 1);
    if (!entry_is(fd, "MESSAGE=plain 1\nPRIORITY=6\nSYSLOG_IDENTIFIER=millrace-toy\nMILLRACE_STAGE=toy\n"))
        return 1;
    log_with(LOG_LEVEL_ERROR,
             &(struct log_fields){.topic = "events", .partition = 3, .event_id = "e1", .message_id = id},
             "all=%s", "of them");
    return entry_is(fd,
                    "MESSAGE=all=of them\nPRIORITY=3\nSYSLOG_IDENTIFIER=millrace-toy\nMILLRACE_STAGE=toy\n"
                    "TOPIC=events\nPARTITION=3\nEVENT_ID=e1\n"
                    "MESSAGE_ID=5c2d1b7e8f7f4b0d9a3e6f1c2b4a5d6e\n")
               ? 0
               : 2;
}

static void a_line_carries_its_fields(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(write_and_read());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_PERMITTED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_is_used_when_standard_error_is_its_stream),
        cmocka_unit_test(a_line_carries_its_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
