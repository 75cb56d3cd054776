#include "tests/lib/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

void certificates_begin(struct certificates *certificates)
{
    (void)snprintf(certificates->folder, sizeof(certificates->folder), "/tmp/millrace-tls-XXXXXX");
    assert_non_null(mkdtemp(certificates->folder));
    (void)snprintf(certificates->certificate, CERTIFICATES_PATH_BYTES, "%s/certificate",
                   certificates->folder);
    (void)snprintf(certificates->key, CERTIFICATES_PATH_BYTES, "%s/key", certificates->folder);
}

void certificates_end(struct certificates *certificates)
{
    (void)unlink(certificates->certificate);
    (void)unlink(certificates->key);
    (void)rmdir(certificates->folder);
}

static X509 *make(EVP_PKEY *key, const char *name, int64_t valid_s)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), (long)valid_s));
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(certificate, subject), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

void certificates_write(const struct certificates *certificates, const char *name, int64_t valid_s,
                        const char *passphrase)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make(key, name, valid_s);
    FILE *file = fopen(certificates->certificate, "we");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    file = fopen(certificates->key, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0,
                                          NULL, (void *)(uintptr_t)passphrase),
                     1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}
