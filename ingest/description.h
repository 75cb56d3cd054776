/*
 * description.h - the description of the API (openapi.yaml) that clients can fetch. Loop thread only.
 */
#ifndef MILLRACE_DESCRIPTION_H
#define MILLRACE_DESCRIPTION_H

struct http_request;

/* Answers with the file, for everybody: a description is no secret. */
void description_answer(struct http_request *request);

#endif
