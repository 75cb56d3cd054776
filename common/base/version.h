/*
 * version.h - the release that this tree becomes; CHANGELOG.md says what is in it.
 */
#ifndef MILLRACE_VERSION_H
#define MILLRACE_VERSION_H

#define MILLRACE_VERSION "0.1.0"

#endif
