/*
 * certificates.h - certificates and keys made for a test, as PEM files in a folder of its own.
 */
#ifndef MILLRACE_TESTS_CERTIFICATES_H
#define MILLRACE_TESTS_CERTIFICATES_H

#include <stdint.h>

enum { CERTIFICATES_PATH_BYTES = 64 };

struct certificates {
    char folder[32];
    char certificate[CERTIFICATES_PATH_BYTES]; /* what the server reads */
    char key[CERTIFICATES_PATH_BYTES];
};

void certificates_begin(struct certificates *certificates);
void certificates_end(struct certificates *certificates);

/* Writes a key and a certificate that it has signed itself, both anew: valid from an hour ago for so many
 * seconds, which may be less than none. passphrase: of the key's file; NULL: none. */
void certificates_write(const struct certificates *certificates, const char *name, int64_t valid_s,
                        const char *passphrase);

#endif
