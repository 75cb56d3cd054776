/*
 * http_flush.h - the writing half of a connection. For the files of the HTTP server only.
 */
#ifndef MILLRACE_HTTP_FLUSH_H
#define MILLRACE_HTTP_FLUSH_H

struct http_connection;

/* Sends the answers at the front of the line, in one call as far as the socket takes them, then does what
 * waited for it: 100 Continue, closing, the next requests. May close the connection. */
void http_flush(struct http_connection *connection);

#endif
