/*
 * embed.h - files of the source tree inside a program, so that it needs no source tree when it runs.
 */
#ifndef MILLRACE_EMBED_H
#define MILLRACE_EMBED_H

/* The bytes of the file (path: from the root of the tree) and a NUL, as a constant of this object. The
 * compiler does not see the file: the Makefile must name it as what the object depends on. */
#define EMBED_FILE(symbol, path)                                                                             \
    __asm__(".pushsection .rodata\n" #symbol ":\n"                                                           \
            ".incbin \"" path "\"\n"                                                                         \
            ".byte 0\n"                                                                                      \
            ".popsection\n");                                                                                \
    extern const char symbol[] /* NOLINT(bugprone-macro-parentheses): a name */ __attribute__((              \
        visibility("hidden")))

#endif
