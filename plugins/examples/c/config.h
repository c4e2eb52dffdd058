/*
 * A configuration: which keys a policy has, and what a site wrote for them.
 *
 * Reads flat JSON objects of text, words and numbers, strictly; says all mistakes at once, each with
 * the key, what was expected and what was found. Makes the JSON Schema of the same table, so that
 * both always agree.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

enum kind {
    TEXT,   /* a string that is not empty */
    WORD,   /* one of `words`, of which the first is the default */
    NUMBER, /* from `least` to `most`; `standard` is the default */
};

struct key {
    const char *name;
    enum kind kind;
    bool required;
    const char *words[8];
    double least, most, standard;
    const char *about;
};

/* What a site wrote for a key, or its default. */
struct value {
    char *text;    /* of a TEXT; empty where nothing was written */
    size_t word;   /* of a WORD: which one, from 0 */
    double number; /* of a NUMBER */
};

/* A text that grows. */
struct text {
    char *bytes;
    size_t length, room;
};

/* Adds to a text, as printf does. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The keys of a policy. */
struct keys {
    const struct key *all;
    size_t count;
};

/* Reads a configuration into as many values as there are keys. Returns what is wrong with it, to
 * be freed, or NULL. Where `ordered` is not NULL, the same configuration is added to it, with its
 * keys in the order of the table and without blanks. */
char *config_read(const char *json, size_t length, struct keys keys, struct value *values,
                  struct text *ordered);

/* Frees what reading has taken. */
void config_free(struct value *values, size_t count);

/* Returns the JSON Schema, to be freed; `examples` is a JSON list of configurations. */
char *config_schema(const char *name, struct keys keys, const char *examples);

#endif
