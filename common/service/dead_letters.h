/*
 * dead_letters.h - records that can't be processed go to <topic>.dlq: key, value and headers untouched,
 * and headers that say why and where from. While the dead-letter topic is away a letter waits and health
 * says so; it is never dropped. A letter may be written twice (a restart in between); what it is about,
 * (stage, topic, epoch, partition, offset), names it. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_DEAD_LETTERS_H
#define MILLRACE_DEAD_LETTERS_H

#include "common/io/kafka_producer.h"

struct dead_letters;
struct loop;
struct metrics;
struct topic_watch;

struct dead_letters_settings {
    struct loop *loop; /* the four: keep */
    struct kafka_producer *producer;
    struct topic_watch *watch;
    struct metrics *metrics;
    const char *stage; /* the two: keep */
    const char *source_topic;
};

struct dead_letters *dead_letters_start(const struct dead_letters_settings *settings);

/* After the producer's end: letters that wait are forgotten; their records have not been committed past. */
void dead_letters_stop(struct dead_letters **letters);

struct dead_letter {
    const rd_kafka_message_t *message; /* copied */
    const char *kind;   /* "decode", "crash", "insert": what went wrong, in one word; a literal */
    const char *reason; /* for people; copied */
    uint32_t epoch;     /* of the source topic */
};

/* Sends it, now or as soon as the topic is there; a value that is too large for the topic is cut, and
 * dlq-truncated says how long it was. on_written is called once it is acknowledged. */
void dead_letters_send(struct dead_letters *letters, const struct dead_letter *letter,
                       void (*on_written)(void *owner), void *owner);

/* on_written will not be called any more for this owner's letters; those that wait are dropped. */
void dead_letters_forget(struct dead_letters *letters, const void *owner);

#endif
