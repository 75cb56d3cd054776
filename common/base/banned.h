/*
 * banned.h - functions that hide a length, an error or a shared buffer. Included in every file by the
 * compiler's command line, so that a use does not compile.
 */
#ifndef MILLRACE_BANNED_H
#define MILLRACE_BANNED_H

/* The system's own headers declare them: let those be read first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll atof
#pragma GCC poison asctime ctime gmtime localtime strerror srand

/* Not poisoned, as OpenSSL's headers have parameters of this name. */
#define rand() banned_function_rand

#endif
