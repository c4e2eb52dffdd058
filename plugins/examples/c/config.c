#include "config.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part of the JSON, as it was written. */
struct slice {
    const char *start, *end;
};

struct reader {
    const char *at, *end;
};

static void text_room(struct text *text, size_t more) {
    size_t needed = text->length + more + 1;
    if (needed <= text->room)
        return;
    text->room = 2 * needed;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes)
        abort();
}

void text_add(struct text *text, const char *format, ...) {
    va_list all, again;
    va_start(all, format);
    va_copy(again, all);
    size_t more = (size_t)vsnprintf(NULL, 0, format, all);
    text_room(text, more);
    vsnprintf(text->bytes + text->length, more + 1, format, again);
    text->length += more;
    va_end(again);
    va_end(all);
}

static void text_byte(struct text *text, unsigned byte) {
    text_room(text, 1);
    text->bytes[text->length++] = (char)byte;
    text->bytes[text->length] = 0;
}

/* JSON */

static bool take(struct reader *in, char wanted) {
    if (in->at == in->end || *in->at != wanted)
        return false;
    in->at++;
    return true;
}

static void blanks(struct reader *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at)
        in->at++;
}

static bool word(struct reader *in, const char *wanted) {
    size_t length = strlen(wanted);
    bool there = (size_t)(in->end - in->at) >= length && !memcmp(in->at, wanted, length);
    in->at += there ? length : 0;
    return there;
}

static size_t digits(struct reader *in) {
    const char *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return (size_t)(in->at - start);
}

static bool number(struct reader *in) {
    take(in, '-');
    bool zero = in->at < in->end && *in->at == '0';
    size_t whole = digits(in);
    if (!whole || (zero && whole > 1))
        return false;
    if (take(in, '.') && !digits(in))
        return false;
    if (!take(in, 'e') && !take(in, 'E'))
        return true;
    if (!take(in, '+'))
        take(in, '-');
    return digits(in) > 0;
}

static bool four_hex(struct reader *in, uint32_t *unit) {
    *unit = 0;
    for (int place = 0; place < 4; place++, in->at++) {
        const char *all = "0123456789abcdef0123456789ABCDEF";
        const char *one = in->at < in->end && *in->at ? strchr(all, *in->at) : NULL;
        if (!one)
            return false;
        *unit = *unit * 16 + (uint32_t)(one - all) % 16;
    }
    return true;
}

static void utf8(struct text *text, uint32_t code) {
    if (code < 0x80) {
        text_byte(text, code);
    } else if (code < 0x800) {
        text_byte(text, 0xc0 | code >> 6);
        text_byte(text, 0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        text_byte(text, 0xe0 | code >> 12);
        text_byte(text, 0x80 | (code >> 6 & 0x3f));
        text_byte(text, 0x80 | (code & 0x3f));
    } else {
        text_byte(text, 0xf0 | code >> 18);
        text_byte(text, 0x80 | (code >> 12 & 0x3f));
        text_byte(text, 0x80 | (code >> 6 & 0x3f));
        text_byte(text, 0x80 | (code & 0x3f));
    }
}

/* `\uXXXX`, in pairs where one is not enough. */
static bool code_point(struct reader *in, struct text *text) {
    uint32_t code, low;
    if (!four_hex(in, &code) || (code >= 0xdc00 && code < 0xe000))
        return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take(in, '\\') || !take(in, 'u') || !four_hex(in, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    utf8(text, code);
    return true;
}

static bool escape(struct reader *in, struct text *text) {
    if (take(in, 'u'))
        return code_point(in, text);
    const char *from = "\"\\/bfnrt", *to = "\"\\/\b\f\n\r\t";
    const char *one = in->at < in->end && *in->at ? strchr(from, *in->at) : NULL;
    if (!one)
        return false;
    in->at++;
    text_byte(text, (unsigned char)to[one - from]);
    return true;
}

static bool string(struct reader *in, struct text *text) {
    if (!take(in, '"'))
        return false;
    text_room(text, 0);
    text->bytes[text->length] = 0;
    while (in->at < in->end && *in->at != '"') {
        unsigned char byte = (unsigned char)*in->at++;
        if (byte < 0x20 || (byte == '\\' && !escape(in, text)))
            return false;
        if (byte != '\\')
            text_byte(text, byte);
    }
    return take(in, '"');
}

/* Passes over a list or an object, which no key may have: only its end matters. */
static bool nested(struct reader *in) {
    size_t depth = 0;
    while (in->at < in->end) {
        struct text text = {0};
        bool is_string = *in->at == '"', good = !is_string || string(in, &text);
        free(text.bytes);
        if (!good)
            return false;
        if (is_string)
            continue;
        depth += *in->at == '{' || *in->at == '[';
        depth -= *in->at == '}' || *in->at == ']';
        in->at++;
        if (depth == 0)
            return true;
    }
    return false;
}

static bool value(struct reader *in, struct slice *found) {
    struct text text = {0};
    blanks(in);
    found->start = in->at;
    bool good = in->at < in->end;
    if (good && *in->at == '"')
        good = string(in, &text);
    else if (good && (*in->at == '{' || *in->at == '['))
        good = nested(in);
    else
        good = good && (word(in, "true") || word(in, "false") || word(in, "null") || number(in));
    free(text.bytes);
    found->end = in->at;
    return good;
}

/* What is expected, what was found */

static void join(struct text *out, size_t index, size_t count) {
    text_add(out, "%s", index == 0 ? "" : index + 1 == count ? " or " : ", ");
}

static size_t count_words(const struct key *key) {
    size_t count = 0;
    while (count < sizeof key->words / sizeof *key->words && key->words[count])
        count++;
    return count;
}

static void expected(struct text *out, const struct key *key) {
    size_t count = count_words(key);
    if (key->kind == TEXT)
        text_add(out, "a string that is not empty");
    if (key->kind == NUMBER)
        text_add(out, "a number of at least %.15g and of at most %.15g", key->least, key->most);
    for (size_t index = 0; index < count; index++) {
        join(out, index, count);
        text_add(out, "\"%s\"", key->words[index]);
    }
}

static void found(struct text *out, struct slice slice) {
    int length = (int)(slice.end - slice.start);
    if (*slice.start == '{' || *slice.start == '[')
        text_add(out, *slice.start == '{' ? "an object" : "a list");
    else
        text_add(out, "%s%.*s", *slice.start == '"' ? "the string " : "", length, slice.start);
}

static int by_name(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void unknown(struct text *out, const char *name, struct keys keys) {
    const char *names[keys.count];
    for (size_t index = 0; index < keys.count; index++)
        names[index] = keys.all[index].name;
    qsort(names, keys.count, sizeof *names, by_name);
    text_add(out, "%sunknown key `%s`, expected ", out->length ? "; " : "", name);
    for (size_t index = 0; index < keys.count; index++) {
        join(out, index, keys.count);
        text_add(out, "`%s`", names[index]);
    }
}

static bool fits(const struct key *key, struct slice slice, struct value *value) {
    struct reader in = {slice.start, slice.end};
    struct text text = {0};
    if (key->kind == NUMBER) {
        text_add(&text, "%.*s", (int)(slice.end - slice.start), slice.start);
        value->number = strtod(text.bytes, NULL);
        free(text.bytes);
        return number(&in) && value->number >= key->least && value->number <= key->most;
    }
    /* A text with a zero byte in it would be another one in C. */
    bool good = string(&in, &text) && text.length > 0 && text.length == strlen(text.bytes);
    if (good && key->kind == WORD) {
        size_t count = count_words(key);
        for (value->word = 0; value->word < count; value->word++)
            if (!strcmp(key->words[value->word], text.bytes))
                break;
        good = value->word < count;
    }
    if (good && key->kind == TEXT)
        value->text = text.bytes;
    else
        free(text.bytes);
    return good;
}

static void judge(struct text *out, const struct key *key, struct slice slice,
                  struct value *value) {
    *value = (struct value){.number = key->standard};
    const char *before = out->length ? "; " : "";
    if (!slice.start && key->required) {
        text_add(out, "%sthe key `%s` is missing, expected ", before, key->name);
        expected(out, key);
    } else if (slice.start && !fits(key, slice, value)) {
        text_add(out, "%s`%s`: expected ", before, key->name);
        expected(out, key);
        text_add(out, ", found ");
        found(out, slice);
    }
    if (!value->text)
        value->text = calloc(1, 1);
}

static bool member(struct reader *in, struct keys keys, struct slice *slices,
                   struct text *mistakes) {
    struct text name = {0};
    struct slice slice;
    blanks(in);
    bool good = string(in, &name);
    blanks(in);
    good = good && take(in, ':') && value(in, &slice);
    blanks(in);
    size_t index = 0;
    while (good && index < keys.count && strcmp(keys.all[index].name, name.bytes))
        index++;
    if (good && index < keys.count)
        slices[index] = slice;
    else if (good)
        unknown(mistakes, name.bytes, keys);
    free(name.bytes);
    return good;
}

static bool object(struct reader *in, struct keys keys, struct slice *slices,
                   struct text *mistakes) {
    blanks(in);
    if (!take(in, '{'))
        return false;
    blanks(in);
    if (!take(in, '}')) {
        do {
            if (!member(in, keys, slices, mistakes))
                return false;
        } while (take(in, ','));
        if (!take(in, '}'))
            return false;
    }
    blanks(in);
    return in->at == in->end;
}

static void in_order(struct text *out, struct keys keys, const struct slice *slices) {
    const char *before = "{";
    for (size_t index = 0; index < keys.count; index++) {
        int length = (int)(slices[index].end - slices[index].start);
        if (!slices[index].start)
            continue;
        text_add(out, "%s\"%s\":%.*s", before, keys.all[index].name, length, slices[index].start);
        before = ",";
    }
    text_add(out, *before == '{' ? "{}" : "}");
}

char *config_read(const char *json, size_t length, struct keys keys, struct value *values,
                  struct text *ordered) {
    struct reader in = {json, json + length};
    struct slice slices[keys.count];
    struct text mistakes = {0};
    memset(slices, 0, sizeof slices);
    memset(values, 0, keys.count * sizeof *values);
    if (!object(&in, keys, slices, &mistakes)) {
        free(mistakes.bytes);
        mistakes = (struct text){0};
        text_add(&mistakes, "the configuration: expected a JSON object, found something else at "
                 "byte %zu", (size_t)(in.at - json));
        return mistakes.bytes;
    }
    for (size_t index = 0; index < keys.count; index++)
        judge(&mistakes, &keys.all[index], slices[index], &values[index]);
    if (ordered)
        in_order(ordered, keys, slices);
    return mistakes.bytes;
}

void config_free(struct value *values, size_t count) {
    for (size_t index = 0; index < count; index++)
        free(values[index].text);
}

/* The schema */

static void schema_of(struct text *out, const struct key *key) {
    text_add(out, "\"%s\":{\"description\":\"%s\",", key->name, key->about);
    size_t count = count_words(key);
    if (key->kind == TEXT)
        text_add(out, "\"type\":\"string\",\"minLength\":1}");
    if (key->kind == NUMBER)
        text_add(out, "\"type\":\"number\",\"minimum\":%.17g,\"maximum\":%.17g,\"default\":%.15g}",
                 key->least, key->most, key->standard);
    for (size_t index = 0; index < count; index++)
        text_add(out, "%s\"%s\"", index ? "," : "\"enum\":[", key->words[index]);
    if (count)
        text_add(out, "],\"default\":\"%s\"}", key->words[0]);
}

char *config_schema(const char *name, struct keys keys, const char *examples) {
    struct text out = {0};
    text_add(&out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
             "\"description\":\"Configuration of `%s`.\",\"type\":\"object\",\"properties\":{", name);
    for (size_t index = 0; index < keys.count; index++) {
        text_add(&out, "%s", index ? "," : "");
        schema_of(&out, &keys.all[index]);
    }
    text_add(&out, "},\"required\":[");
    const char *before = "";
    for (size_t index = 0; index < keys.count; index++) {
        if (!keys.all[index].required)
            continue;
        text_add(&out, "%s\"%s\"", before, keys.all[index].name);
        before = ",";
    }
    text_add(&out, "],\"additionalProperties\":false,\"examples\":%s}", examples);
    return out.bytes;
}
