/*
 * three-quarters: saves when three quarters of the ranks improved on the checkpoint that is kept,
 * and the mean improved by half a percent; at most every ten minutes. Keeps one checkpoint.
 */

#include "guest.h"

const char *const policy_name = "three-quarters";
const char *const policy_version = "0.1.0";
const char *const policy_summary = "Saves when enough ranks and their mean improved.";

/* What a site may write; all that it does not allow is refused. The schema is made of it. */
enum { MONITOR, MODE, RANKS, IMPROVEMENT, MINUTES, KEYS };

const size_t policy_key_count = KEYS;
const struct key policy_keys[KEYS] = {
    [MONITOR] = {"monitor", TEXT, .required = true,
                 .about = "The metric that each rank compares."},
    [MODE] = {"mode", WORD, .words = {"min", "max"},
              .about = "Whether a smaller or a larger number is better."},
    [RANKS] = {"ranks", NUMBER, .least = 0, .most = 1, .standard = 0.75,
               .about = "The share of all ranks that must have improved."},
    [IMPROVEMENT] = {"improvement", NUMBER, .least = 0, .most = 1, .standard = 0.005,
                     .about = "By which part of itself the mean must have improved."},
    [MINUTES] = {"minutes", NUMBER, .least = 0, .most = 525600, .standard = 10,
                 .about = "At least so long between two saves, where the host has a clock."},
};
const char *const policy_examples =
    "[{\"monitor\": \"val_loss\"}, {\"monitor\": \"val_acc\", \"mode\": \"max\", \"ranks\": 0.5, "
    "\"improvement\": 0, \"minutes\": 0}]";

/* Where the numbers are: in the plan's inputs and reductions, and so in all lists of values. */
enum { VALUE = 0, VOTE = 0 };
enum { VOTES = 0, MEAN = 1 };

/* Once: what the host should ask for, reduce and show. */
plan_t policy_plan(const struct value *config) {
    plan_t plan = {.features = 1, .view = VIEW_MINE};
    plan_at(&plan, "validation-end");
    plan_reads(&plan, config[MONITOR].text, true);
    plan_reduces(&plan, of_feature(VOTE), TALLY);
    plan_reduces(&plan, of_input(VALUE), MEAN_OF_RANKS);
    return plan;
}

/* On each rank, with that rank's own numbers: a vote. */
void policy_features(const struct value *config, const observation_t *observation,
                     number_t *features) {
    number_t value = at(&observation->values, VALUE);
    if (!value.is_some)
        return;
    const checkpoint_t *kept = newest_mine(&observation->checkpoints);
    number_t before = kept ? at(&kept->values, VALUE) : NOTHING;
    bool vote = !before.is_some || better(config[MODE].word, value.val, before.val);
    features[VOTE] = (number_t){.is_some = true, .val = vote};
}

static verdict_t judge(const struct value *config, const round_t *round) {
    const char *monitor = config[MONITOR].text;
    uint32_t world = round->world_size, yes = tally_at(round, VOTES)->yes;
    const statistic_t *mean = statistic_at(round, MEAN);
    if (mean->non_finite > 0)
        return skip("%s is not finite on %u of %u ranks", monitor, mean->non_finite, world);
    if (!mean->value.is_some)
        return abstain("no rank has %s", monitor);
    const checkpoint_t *kept = newest_mine(&round->checkpoints);
    number_t passed = minutes_since(round, kept);
    if (passed.is_some && passed.val < config[MINUTES].number)
        return skip("%s minutes after the last save, sooner than %s", shown(passed.val).text,
                    shown(config[MINUTES].number).text);
    number_t before = kept ? at(&kept->values, MEAN) : NOTHING;
    if (!before.is_some)
        return save("mean %s is %s, and nothing is kept to compare it with", monitor,
                    shown(mean->value.val).text);
    if ((double)yes / world < config[RANKS].number)
        return skip("%u of %u ranks improved, a share below %s", yes, world,
                    shown(config[RANKS].number).text);
    double bar = beyond(config[MODE].word, before.val, config[IMPROVEMENT].number);
    if (better(config[MODE].word, mean->value.val, bar))
        return save("%u of %u ranks improved, and mean %s %s is better than %s", yes, world,
                    monitor, shown(mean->value.val).text, shown(bar).text);
    return skip("%u of %u ranks improved, but mean %s %s is no better than %s", yes, world,
                monitor, shown(mean->value.val).text, shown(bar).text);
}

/* On all ranks, with the same numbers: the verdict. */
verdict_t policy_verdict(const struct value *config, const round_t *round) {
    return keeping_one(judge(config, round), round, "best");
}
