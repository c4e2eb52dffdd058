#include "guest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef exports_ckpt_policy_policy_error_t policy_error_t;
typedef decision_policy_list_u8_t bytes_t;

/* Takes over a text that came from malloc. */
static decision_policy_string_t owned(char *text) {
    return (decision_policy_string_t){(uint8_t *)text, strlen(text)};
}

static void *fresh(size_t count, size_t size) {
    void *all = calloc(count, size);
    if (!all)
        abort();
    return all;
}

static struct keys table(void) {
    return (struct keys){policy_keys, policy_key_count};
}

/* The four functions of the contract */

void exports_ckpt_policy_policy_describe(exports_ckpt_policy_policy_description_t *out) {
    decision_policy_string_dup(&out->name, policy_name);
    decision_policy_string_dup(&out->version, policy_version);
    decision_policy_string_dup(&out->summary, policy_summary);
    out->config_schema =
        owned(config_schema(policy_name, table(), policy_examples));
}

/* What travels as `settings` is the configuration with its keys in order, which each call reads
 * again; there is no state. */
static bool read(const uint8_t *bytes, size_t length, struct value *config, struct text *ordered,
                 policy_error_t *error) {
    char *wrong = config_read((const char *)bytes, length, table(), config, ordered);
    if (!wrong)
        return true;
    config_free(config, policy_key_count);
    error->tag = EXPORTS_CKPT_POLICY_POLICY_ERROR_CONFIG;
    error->val.config = owned(wrong);
    return false;
}

bool exports_ckpt_policy_policy_prepare(decision_policy_string_t *config, bytes_t *previous,
                                        exports_ckpt_policy_policy_prepared_t *out,
                                        policy_error_t *error) {
    struct value values[policy_key_count];
    struct text settings = {0};
    bool good = read(config->ptr, config->len, values, &settings, error);
    if (good) {
        *out = (exports_ckpt_policy_policy_prepared_t){.plan = policy_plan(values)};
        out->settings = (bytes_t){(uint8_t *)settings.bytes, settings.length};
        config_free(values, policy_key_count);
    } else {
        free(settings.bytes);
    }
    decision_policy_string_free(config);
    if (previous)
        decision_policy_list_u8_free(previous);
    return good;
}

bool exports_ckpt_policy_policy_observe(bytes_t *settings, bytes_t *state,
                                        observation_t *observation, numbers_t *out,
                                        policy_error_t *error) {
    struct value values[policy_key_count];
    bool good = read(settings->ptr, settings->len, values, NULL, error);
    if (good) {
        plan_t plan = policy_plan(values);
        out->len = plan.features;
        out->ptr = out->len ? fresh(out->len, sizeof *out->ptr) : NULL;
        policy_features(values, observation, out->ptr);
        exports_ckpt_policy_policy_plan_free(&plan);
        config_free(values, policy_key_count);
    }
    decision_policy_list_u8_free(settings);
    decision_policy_list_u8_free(state);
    exports_ckpt_policy_policy_observation_free(observation);
    return good;
}

bool exports_ckpt_policy_policy_decide(bytes_t *settings, bytes_t *state, round_t *round,
                                       verdict_t *out, policy_error_t *error) {
    struct value values[policy_key_count];
    bool good = read(settings->ptr, settings->len, values, NULL, error);
    if (good) {
        *out = policy_verdict(values, round);
        config_free(values, policy_key_count);
    }
    decision_policy_list_u8_free(settings);
    decision_policy_list_u8_free(state);
    exports_ckpt_policy_policy_round_free(round);
    return good;
}

/* Making a plan */

static void *grown(void *all, size_t size) {
    all = realloc(all, size);
    if (!all)
        abort();
    return all;
}

/* The place for one more in a list. */
#define ADD(list) \
    ((list)->ptr = grown((list)->ptr, ((list)->len + 1) * sizeof *(list)->ptr), \
     &(list)->ptr[(list)->len++])

void plan_at(plan_t *plan, const char *moment) {
    decision_policy_string_dup(ADD(&plan->moments), moment);
}

void plan_reads(plan_t *plan, const char *input, bool required) {
    exports_ckpt_policy_policy_input_t *one = ADD(&plan->inputs);
    decision_policy_string_dup(&one->name, input);
    one->required = required;
}

void plan_reduces(plan_t *plan, source_t source, uint8_t operation) {
    exports_ckpt_policy_policy_reduction_t *one = ADD(&plan->reductions);
    *one = (exports_ckpt_policy_policy_reduction_t){.source = source};
    one->operation.tag = operation;
}

source_t of_input(uint32_t index) {
    return (source_t){.tag = EXPORTS_CKPT_POLICY_POLICY_SOURCE_INPUT, .val.input = index};
}

source_t of_feature(uint32_t index) {
    return (source_t){.tag = EXPORTS_CKPT_POLICY_POLICY_SOURCE_FEATURE, .val.feature = index};
}

/* Reading what the host gives */

number_t at(const numbers_t *numbers, size_t index) {
    bool known = index < numbers->len && numbers->ptr[index].is_some &&
                 isfinite(numbers->ptr[index].val);
    return known ? numbers->ptr[index] : NOTHING;
}

static const exports_ckpt_policy_policy_reduced_t *reduced(const round_t *round, size_t index,
                                                           uint8_t tag) {
    if (index >= round->values.len || round->values.ptr[index].tag != tag)
        abort();
    return &round->values.ptr[index];
}

const statistic_t *statistic_at(const round_t *round, size_t index) {
    return &reduced(round, index, EXPORTS_CKPT_POLICY_POLICY_REDUCED_STATISTIC)->val.statistic;
}

const tally_t *tally_at(const round_t *round, size_t index) {
    return &reduced(round, index, EXPORTS_CKPT_POLICY_POLICY_REDUCED_TALLY)->val.tally;
}

const checkpoint_t *newest_mine(const checkpoints_t *checkpoints) {
    for (size_t left = checkpoints->len; left > 0; left--)
        if (checkpoints->ptr[left - 1].mine)
            return &checkpoints->ptr[left - 1];
    return NULL;
}

number_t minutes_since(const round_t *round, const checkpoint_t *checkpoint) {
    if (!checkpoint || !round->elapsed_seconds.is_some || !checkpoint->elapsed_seconds.is_some)
        return NOTHING;
    double seconds = round->elapsed_seconds.val - checkpoint->elapsed_seconds.val;
    return (number_t){.is_some = true, .val = seconds / 60};
}

/* Comparing */

bool better(size_t way, double new_one, double old) {
    return way == 0 ? new_one < old : new_one > old;
}

double beyond(size_t way, double old, double part) {
    return way == 0 ? old - part * fabs(old) : old + part * fabs(old);
}

/* Answering */

static verdict_t answer(uint8_t ballot, const char *reason, va_list all) {
    char *text;
    if (vasprintf(&text, reason, all) < 0)
        abort();
    return (verdict_t){.ballot = ballot, .reason = owned(text)};
}

#define ANSWER(ballot) \
    va_list all; \
    va_start(all, reason); \
    verdict_t verdict = answer(EXPORTS_CKPT_POLICY_POLICY_BALLOT_##ballot, reason, all); \
    va_end(all); \
    return verdict

verdict_t save(const char *reason, ...) { ANSWER(SAVE); }
verdict_t skip(const char *reason, ...) { ANSWER(SKIP); }
verdict_t abstain(const char *reason, ...) { ANSWER(ABSTAIN); }

verdict_t keeping_one(verdict_t verdict, const round_t *round, const char *label) {
    bool saves = verdict.ballot == EXPORTS_CKPT_POLICY_POLICY_BALLOT_SAVE;
    const checkpoint_t *newest = newest_mine(&round->checkpoints);
    for (size_t index = 0; saves && index < round->checkpoints.len; index++) {
        const checkpoint_t *one = &round->checkpoints.ptr[index];
        if (one->mine && one->id != round->candidate)
            *ADD(&verdict.release) = one->id;
    }
    if (saves || newest) {
        exports_ckpt_policy_policy_label_t *best = ADD(&verdict.labels);
        decision_policy_string_dup(&best->name, label);
        best->checkpoint = saves ? round->candidate : newest->id;
    }
    return verdict;
}

struct shown shown(double number) {
    struct shown out;
    char text[32];
    if (!isfinite(number)) {
        snprintf(out.text, sizeof out.text, "%sinf", number < 0 ? "-" : "");
        return out;
    }
    snprintf(text, sizeof text, "%.5e", number);
    double rounded = strtod(text, NULL);
    char *power = strchr(text, 'e');
    int exponent = atoi(power + 1), decimals = 5;
    for (*power = 0; decimals > 0 && power[-1] == '0'; decimals--)
        *--power = 0;
    if (decimals == 0)
        power[-1] = 0;
    if (exponent <= -6 || exponent >= 16)
        snprintf(out.text, sizeof out.text, "%se%d", text, exponent);
    else
        snprintf(out.text, sizeof out.text, "%.*f",
                 decimals > exponent ? decimals - exponent : 0, rounded);
    return out;
}
