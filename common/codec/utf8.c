#include "common/codec/utf8.h"

#include <stdint.h>

/* How many bytes at the front are ASCII, a word at a time: nearly all of nearly every document. */
static size_t ascii_length(const unsigned char *bytes, size_t length)
{
    size_t i = 0;

    for (; i + 2 * sizeof(uint64_t) <= length; i += 2 * sizeof(uint64_t)) {
        uint64_t words[2];
        memcpy(words, bytes + i, sizeof(words));
        if (((words[0] | words[1]) & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < length && bytes[i] < 0x80)
        i++;
    return i;
}

/* Bytes of the character that `lead` (not ASCII) begins, and the range of its second byte, which is
 * narrower after some leads (RFC 3629, section 4). 0: nothing begins so. */
static size_t character_length(unsigned char lead, unsigned char *out_low, unsigned char *out_high)
{
    *out_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *out_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 0;
}

static bool character_is_valid(const unsigned char *bytes, size_t available, size_t *out_length)
{
    unsigned char low, high;
    size_t length = character_length(bytes[0], &low, &high);

    if (length == 0 || length > available || bytes[1] < low || bytes[1] > high)
        return false;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
    *out_length = length;
    return true;
}

size_t utf8_valid_length(struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t i = 0;

    while (i < text.length) {
        size_t length;
        if (bytes[i] < 0x80)
            length = ascii_length(bytes + i, text.length - i);
        else if (!character_is_valid(bytes + i, text.length - i, &length))
            return i;
        i += length;
    }
    return i;
}

bool utf8_has_control(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f)
            return true;
        if (byte == 0xc2 && i + 1 < text.length && (unsigned char)text.data[i + 1] < 0xa0)
            return true;
    }
    return false;
}
