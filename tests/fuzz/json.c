/*
 * The strict JSON reader. What it accepts is written again from its tokens and must read back as the same
 * tokens; what it refuses it must refuse again with the same words, and be none the worse for it.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/codec/json_read.h"
#include "common/codec/json_write.h"
#include "common/codec/utf8.h"

struct copy {
    struct slice document;
    struct buf text;     /* the document again, without white space */
    uint32_t open_count; /* containers */
    size_t read_bytes;   /* behind the last token */
};

static void check_place(const struct copy *copy, const struct json_token *token)
{
    struct slice bytes = slice_of(copy->document.data + token->begin, token->end - token->begin);

    EXPECT(copy->read_bytes <= token->begin && token->begin < token->end &&
           token->end <= copy->document.length);
    if (token->kind == JSON_KEY || token->kind == JSON_STRING) {
        EXPECT(bytes.length >= 2 && bytes.data[0] == '"' && bytes.data[bytes.length - 1] == '"');
        EXPECT(utf8_valid_length(token->text) == token->text.length);
    }
    if (token->kind == JSON_NUMBER)
        EXPECT(slice_equals(token->text, bytes));
}

static void write_scalar(struct buf *out, const struct json_token *token)
{
    static const char *const words[] = {[JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null"};

    if (token->kind == JSON_STRING)
        json_write_string(out, token->text);
    else if (token->kind == JSON_NUMBER)
        buf_append_slice(out, token->text);
    else
        buf_append_text(out, words[token->kind]);
}

static void write_token(struct buf *out, const struct json_token *token)
{
    bool ends = token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END;

    if (!ends && out->length > 0 && strchr("{[:", out->data[out->length - 1]) == NULL)
        buf_append_byte(out, ',');
    switch (token->kind) {
    case JSON_OBJECT_BEGIN:
    case JSON_ARRAY_BEGIN:
        buf_append_byte(out, token->kind == JSON_OBJECT_BEGIN ? '{' : '[');
        break;
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
        buf_append_byte(out, token->kind == JSON_OBJECT_END ? '}' : ']');
        break;
    case JSON_KEY:
        json_write_string(out, token->text);
        buf_append_byte(out, ':');
        break;
    default:
        write_scalar(out, token);
    }
}

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    struct copy *copy = owner;

    (void)err;
    check_place(copy, token);
    if (token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END)
        copy->open_count--;
    EXPECT(token->depth == copy->open_count);
    if (token->kind == JSON_OBJECT_BEGIN || token->kind == JSON_ARRAY_BEGIN)
        copy->open_count++;
    copy->read_bytes = token->end;
    write_token(&copy->text, token);
    return true;
}

static bool read_copy(struct json_reader *reader, struct slice document, struct buf *out, struct err *err)
{
    struct copy copy = {.document = document};
    bool is_good = json_read(reader, document, on_token, &copy, err);

    EXPECT(!is_good || copy.open_count == 0);
    *out = copy.text;
    return is_good;
}

static void check_refusal(struct json_reader *reader, struct slice document, const struct err *refusal)
{
    AUTO_BUF copy = {0};
    struct err again;

    EXPECT(refusal->kind == ERR_REJECT);
    EXPECT(!read_copy(reader, document, &copy, &again));
    EXPECT(strcmp(refusal->text, again.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_reader *reader = json_reader_new(&json_limits_default);
    struct slice document = slice_of(data, size);
    AUTO_BUF copy = {0};
    AUTO_BUF copy_of_copy = {0};
    struct err err;

    if (read_copy(reader, document, &copy, &err)) {
        EXPECT(read_copy(reader, buf_slice(&copy), &copy_of_copy, &err));
        EXPECT(slice_equals(buf_slice(&copy), buf_slice(&copy_of_copy)));
    } else
        check_refusal(reader, document, &err);
    json_reader_free(&reader);
    return 0;
}
