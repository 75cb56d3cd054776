#include "common/service/journal.h"

#include "common/base/number.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The place in this file would be that of every line. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

enum { FIELDS_MAX = 8, FIELD_MAX_BYTES = 2304 };

/* $JOURNAL_STREAM is "device:inode" of the socket that systemd gave as standard error. */
static bool is_journal_stream(const char *stream)
{
    struct slice inode = slice_from(stream);
    struct slice device;
    struct stat status;
    uint64_t device_number;
    uint64_t inode_number;

    return slice_cut(&inode, ':', &device) && number_u64(device, &device_number) &&
           number_u64(inode, &inode_number) && fstat(STDERR_FILENO, &status) == 0 &&
           status.st_dev == device_number && status.st_ino == inode_number;
}

log_writer *journal_writer(void)
{
    const char *stream = getenv("JOURNAL_STREAM");

    return stream != NULL && is_journal_stream(stream) ? journal_write : NULL;
}

struct entry {
    char text[FIELD_MAX_BYTES * 2]; /* the longest is MESSAGE; the others are short */
    size_t used;
    struct iovec fields[FIELDS_MAX];
    int count;
};

static void add(struct entry *entry, const char *name, const char *value)
{
    size_t room = sizeof(entry->text) - entry->used;
    int length;

    if (value == NULL)
        return;
    length = snprintf(entry->text + entry->used, room, "%s=%s", name, value);
    if (length < 0 || (size_t)length >= room)
        return;
    entry->fields[entry->count++] = (struct iovec){entry->text + entry->used, (size_t)length};
    entry->used += (size_t)length;
}

void journal_write(enum log_level level, const struct log_fields *fields, const char *text)
{
    struct entry entry = {.used = 0};
    char number[16];
    char identifier[64];

    (void)snprintf(identifier, sizeof(identifier), "millrace-%s", log_stage());
    (void)snprintf(number, sizeof(number), "%d", (int)level);
    add(&entry, "MESSAGE", text);
    add(&entry, "PRIORITY", number);
    add(&entry, "SYSLOG_IDENTIFIER", identifier);
    add(&entry, "MILLRACE_STAGE", log_stage());
    if (fields != NULL) {
        (void)snprintf(number, sizeof(number), "%d", fields->partition);
        add(&entry, "TOPIC", fields->topic);
        add(&entry, "PARTITION", fields->topic != NULL ? number : NULL);
        add(&entry, "EVENT_ID", fields->event_id);
        add(&entry, "MESSAGE_ID", fields->message_id);
    }
    if (sd_journal_sendv(entry.fields, entry.count) < 0)
        (void)fprintf(stderr, "<%d>%s\n", (int)level, text);
}
