/*
 * secret_key.h - the text of an API key: "sk_" and 32 characters of Crockford's base 32, which are 160
 * random bits of getrandom(2). Pure but for those.
 */
#ifndef MILLRACE_SECRET_KEY_H
#define MILLRACE_SECRET_KEY_H

enum {
    SECRET_KEY_RANDOM_BYTES = 20,
    SECRET_KEY_TEXT_BYTES = 3 + 32 + 1,   /* with NUL */
    SECRET_KEY_DISPLAY_BYTES = 5 + 3 + 3, /* with NUL */
};

void secret_key_write(const unsigned char random[SECRET_KEY_RANDOM_BYTES], char out[SECRET_KEY_TEXT_BYTES]);

/* With fresh random bits. */
void secret_key_make(char out[SECRET_KEY_TEXT_BYTES]);

/* "sk_AB***YZ": enough for a person to tell keys apart, of no use to anybody else. */
void secret_key_display(const char key[SECRET_KEY_TEXT_BYTES], char out[SECRET_KEY_DISPLAY_BYTES]);

#endif
