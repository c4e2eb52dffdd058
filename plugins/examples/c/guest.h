/*
 * What every policy in C needs, and what is not the idea of any: short names for the generated
 * types, the four functions of the contract around three of yours, and helpers for both.
 *
 * Each call gets fresh memory from the host. What is returned is freed after the call by the
 * generated code, so all of it comes from malloc; the helpers see to that.
 */
#ifndef GUEST_H
#define GUEST_H

#include "config.h"
#include "decision_policy.h"

typedef decision_policy_option_f64_t number_t;
typedef decision_policy_list_option_f64_t numbers_t;
typedef exports_ckpt_policy_policy_checkpoint_t checkpoint_t;
typedef exports_ckpt_policy_policy_list_checkpoint_t checkpoints_t;
typedef exports_ckpt_policy_policy_observation_t observation_t;
typedef exports_ckpt_policy_policy_plan_t plan_t;
typedef exports_ckpt_policy_policy_round_t round_t;
typedef exports_ckpt_policy_policy_source_t source_t;
typedef exports_ckpt_policy_policy_statistic_t statistic_t;
typedef exports_ckpt_policy_policy_tally_t tally_t;
typedef exports_ckpt_policy_policy_verdict_t verdict_t;

enum {
    VIEW_NONE = EXPORTS_CKPT_POLICY_POLICY_VIEW_NONE,
    VIEW_MINE = EXPORTS_CKPT_POLICY_POLICY_VIEW_MINE,
    VIEW_ALL = EXPORTS_CKPT_POLICY_POLICY_VIEW_ALL,
};

/* The operations that need nothing but their source. */
enum {
    SUM = EXPORTS_CKPT_POLICY_POLICY_OPERATION_SUM,
    MEAN_OF_RANKS = EXPORTS_CKPT_POLICY_POLICY_OPERATION_MEAN,
    VARIANCE = EXPORTS_CKPT_POLICY_POLICY_OPERATION_VARIANCE,
    SMALLEST = EXPORTS_CKPT_POLICY_POLICY_OPERATION_MIN,
    LARGEST = EXPORTS_CKPT_POLICY_POLICY_OPERATION_MAX,
    TALLY = EXPORTS_CKPT_POLICY_POLICY_OPERATION_TALLY,
    EVERY_RANK = EXPORTS_CKPT_POLICY_POLICY_OPERATION_EVERY_RANK,
};

/* Yours, in policy.c. They look at nothing but their arguments. */

extern const char *const policy_name, *const policy_version, *const policy_summary;
extern const struct key policy_keys[];
extern const size_t policy_key_count;
extern const char *const policy_examples;

plan_t policy_plan(const struct value *config);

/* Fills in `plan.features` numbers, all of which are missing at first. */
void policy_features(const struct value *config, const observation_t *observation,
                     number_t *features);

verdict_t policy_verdict(const struct value *config, const round_t *round);

/* Making a plan: the first input and the first reduction have index 0. */

void plan_at(plan_t *plan, const char *moment);
void plan_reads(plan_t *plan, const char *input, bool required);
void plan_reduces(plan_t *plan, source_t source, uint8_t operation);
source_t of_input(uint32_t index);
source_t of_feature(uint32_t index);

/* Reading what the host gives. An index that the plan does not have is a trap. */

#define NOTHING ((number_t){0})

/* The number with this index; missing where it is not finite. */
number_t at(const numbers_t *numbers, size_t index);
const statistic_t *statistic_at(const round_t *round, size_t index);
const tally_t *tally_at(const round_t *round, size_t index);
/* The newest checkpoint that the policy holds, complete or still being written; or NULL. */
const checkpoint_t *newest_mine(const checkpoints_t *checkpoints);
/* Minutes since a checkpoint was saved; missing without one, or where the host has no clock. */
number_t minutes_since(const round_t *round, const checkpoint_t *checkpoint);

/* Comparing. The way is an index into {"min", "max"}: 0, or 1 where larger is better. */

bool better(size_t way, double new_one, double old);
/* The bar that lies `part` of its own size beyond a number, on its better side. */
double beyond(size_t way, double old, double part);

/* Answering: the reason is written as printf does it. */

verdict_t save(const char *reason, ...) __attribute__((format(printf, 1, 2)));
verdict_t skip(const char *reason, ...) __attribute__((format(printf, 1, 2)));
verdict_t abstain(const char *reason, ...) __attribute__((format(printf, 1, 2)));

/* Keeps one checkpoint: a save releases all others that the policy holds, and takes over the label.
 * The host waits with a release until the new one is complete, and forgets it if it fails. */
verdict_t keeping_one(verdict_t verdict, const round_t *round, const char *label);

/* A number as people read it: six digits, and no exponent where none is needed. */
struct shown {
    char text[32];
};
struct shown shown(double number);

#endif
