/*
 * json_verdicts: what the strict JSON reader says of each document. Standard input is a run of documents,
 * each behind its length as 4 bytes, big-endian; standard output has a line for each: "yes", or "no" and why.
 */
#include "common/base/buf.h"
#include "common/codec/json_read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    (void)owner;
    (void)token;
    (void)err;
    return true;
}

/* False at the end of the input. */
static bool read_document(struct buf *document)
{
    uint32_t length;

    buf_clear(document);
    if (fread(&length, sizeof(length), 1, stdin) != 1)
        return false;
    length = ntohl(length);
    char *room = buf_reserve(document, length);
    document->length = length;
    if (fread(room, 1, length, stdin) == length)
        return true;
    (void)fputs("the last document is cut off\n", stderr);
    exit(EXIT_FAILURE);
}

int main(void)
{
    struct json_reader *reader = json_reader_new(&json_limits_default);
    AUTO_BUF document = {0};
    struct err err;

    while (read_document(&document)) {
        if (json_read(reader, buf_slice(&document), on_token, NULL, &err))
            (void)puts("yes");
        else
            (void)printf("no %s\n", err.text);
    }
    json_reader_free(&reader);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
