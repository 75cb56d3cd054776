/*
 * http_parse.h - bytes in, requests out: llhttp with byte limits and the checks of http_check.h. The only
 * file that knows llhttp. Takes any split of the input, down to single bytes. Pure.
 */
#ifndef MILLRACE_HTTP_PARSE_H
#define MILLRACE_HTTP_PARSE_H

#include "common/io/http_message.h"

struct http_limits;
struct http_parser;

enum http_parse_event {
    HTTP_PARSE_MORE,    /* all bytes taken, the request is not whole yet */
    HTTP_PARSE_HEAD,    /* the head passed the checks, or was declined; call again, even without bytes */
    HTTP_PARSE_DONE,    /* the request is whole; what is left belongs to the next one */
    HTTP_PARSE_REFUSED, /* message->refusal says why; the parser is of no more use */
};

struct http_parser *http_parser_new(const struct http_limits *limits); /* keeps limits */
void http_parser_free(struct http_parser **parser);

/* Where the next request goes; keeps it until HTTP_PARSE_DONE. */
void http_parser_begin(struct http_parser *parser, struct http_message *message);

/* Takes bytes off the front until something happened. */
enum http_parse_event http_parse(struct http_parser *parser, struct slice *bytes);

/* Whether the first byte of a request has been seen and HTTP_PARSE_DONE has not; and whether its head is
 * behind us. */
bool http_parser_is_inside(const struct http_parser *parser);
bool http_parser_is_in_body(const struct http_parser *parser);

#endif
