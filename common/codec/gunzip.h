/*
 * gunzip.h - a gzip stream decoded as it arrives, straight into a buffer, within bounds (zlib). One member,
 * nothing behind its end. Pure.
 */
#ifndef MILLRACE_GUNZIP_H
#define MILLRACE_GUNZIP_H

#include "common/base/buf.h"

struct gunzip;

enum gunzip_result {
    GUNZIP_MORE,      /* all bytes taken, the end has not been seen */
    GUNZIP_END,       /* whole, and its checksum is right */
    GUNZIP_BROKEN,    /* not gzip, damaged, or followed by more */
    GUNZIP_TOO_LARGE, /* more than max_bytes */
    GUNZIP_BOMB,      /* over GUNZIP_RATIO_MAX times the bytes that it came from */
};

/* Bombs are told at the end, and earlier whenever GUNZIP_STEP_BYTES more have been decoded. So few bytes that
 * they harm nobody are none: 1,000 equal events of a batch reach a ratio of 200; deflate can reach 1032. */
enum { GUNZIP_RATIO_MAX = 100, GUNZIP_STEP_BYTES = 65536, GUNZIP_HARMLESS_BYTES = 1024 * 1024 };

/* max_bytes: of the decoded bytes. */
struct gunzip *gunzip_new(uint64_t max_bytes);
void gunzip_free(struct gunzip **gunzip);

/* Appends what the bytes decode to. After anything but GUNZIP_MORE and GUNZIP_END it must not be called
 * again; after GUNZIP_END with bytes it is GUNZIP_BROKEN. */
enum gunzip_result gunzip_feed(struct gunzip *gunzip, struct slice bytes, struct buf *out);

/* Whether the end has been seen. */
bool gunzip_is_at_end(const struct gunzip *gunzip);

/* Memory that the decoder takes, without what it has decoded: up to 48 KiB. */
size_t gunzip_bytes(const struct gunzip *gunzip);

#endif
