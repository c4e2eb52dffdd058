// @ts-check
/**
 * three-quarters: saves when three quarters of the ranks improved on the checkpoint that is kept,
 * and the mean improved by half a percent; at most every ten minutes. Keeps one checkpoint.
 *
 * @import { Observation, Plan, Round, Statistic, Tally, Verdict } from "./contract.d.ts"
 * @typedef {{ monitor: string, mode: "min" | "max", ranks: number, improvement: number,
 *   minutes: number }} Config
 */

import {
  abstain, better, beyond, keepingOne, minutesSince, newestMine, number, policy as guest, save,
  skip,
} from "./guest.js";

// Where the numbers are: in the plan's inputs and reductions, and so in all lists of values.
const VALUE = 0;
const [VOTES, MEAN] = [0, 1];

/** What a site may write; all that it does not allow is refused. */
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  description: "Configuration of `three-quarters`.",
  type: "object",
  properties: {
    monitor: {
      description: "The metric that each rank compares.",
      type: "string",
      minLength: 1,
    },
    mode: {
      description: "Whether a smaller or a larger number is better.",
      enum: ["min", "max"],
      default: "min",
    },
    ranks: {
      description: "The share of all ranks that must have improved.",
      type: "number",
      minimum: 0,
      maximum: 1,
      default: 0.75,
    },
    improvement: {
      description: "By which part of itself the mean must have improved.",
      type: "number",
      minimum: 0,
      maximum: 1,
      default: 0.005,
    },
    minutes: {
      description: "At least so long between two saves, where the host has a clock.",
      type: "number",
      minimum: 0,
      maximum: 525600,
      default: 10,
    },
  },
  required: ["monitor"],
  additionalProperties: false,
  examples: [
    { monitor: "val_loss" },
    { monitor: "val_acc", mode: "max", ranks: 0.5, improvement: 0, minutes: 0 },
  ],
};

/**
 * Once: what the host should ask for, reduce and show.
 *
 * @param {Config} config
 * @returns {Plan}
 */
function plan(config) {
  return {
    inputs: [{ name: config.monitor, required: true }],
    features: 1,
    reductions: [
      { source: { tag: "feature", val: 0 }, operation: { tag: "tally" } },
      { source: { tag: "input", val: VALUE }, operation: { tag: "mean" } },
    ],
    view: "mine",
    moments: ["validation-end"],
    everySteps: 0n,
    passive: false,
  };
}

/**
 * On each rank, with that rank's own numbers: a vote.
 *
 * @param {Config} config
 * @param {Observation} observation
 * @returns {(number | undefined)[]}
 */
function features(config, observation) {
  const value = observation.values[VALUE];
  if (value === undefined || !Number.isFinite(value)) return [undefined];
  const before = newestMine(observation)?.values[VALUE];
  if (before === undefined || !Number.isFinite(before)) return [1];
  return [better(config.mode, value, before) ? 1 : 0];
}

/**
 * On all ranks, with the same numbers: the verdict.
 *
 * @param {Config} config
 * @param {Round} round
 * @returns {Verdict}
 */
function verdict(config, round) {
  return keepingOne(judge(config, round), round, "best");
}

/**
 * @param {Config} config
 * @param {Round} round
 */
function judge(config, round) {
  const { monitor, mode } = config;
  const world = round.worldSize;
  const votes = /** @type {Tally} */ (round.values[VOTES].val);
  const mean = /** @type {Statistic} */ (round.values[MEAN].val);
  if (mean.nonFinite > 0) {
    return skip(`${monitor} is not finite on ${mean.nonFinite} of ${world} ranks`);
  }
  if (mean.value === undefined) return abstain(`no rank has ${monitor}`);
  const kept = newestMine(round);
  const passed = minutesSince(round, kept);
  if (passed !== undefined && passed < config.minutes) {
    const least = number(config.minutes);
    return skip(`${number(passed)} minutes after the last save, sooner than ${least}`);
  }
  const before = kept?.values[MEAN];
  if (before === undefined) {
    const shown = number(mean.value);
    return save(`mean ${monitor} is ${shown}, and nothing is kept to compare it with`);
  }
  const improved = `${votes.yes} of ${world} ranks improved`;
  if (votes.yes / world < config.ranks) {
    return skip(`${improved}, a share below ${number(config.ranks)}`);
  }
  const bar = beyond(mode, before, config.improvement);
  const [shown, bound] = [number(mean.value), number(bar)];
  return better(mode, mean.value, bar)
    ? save(`${improved}, and mean ${monitor} ${shown} is better than ${bound}`)
    : skip(`${improved}, but mean ${monitor} ${shown} is no better than ${bound}`);
}

export const policy = guest({
  name: "three-quarters",
  version: "0.1.0",
  summary: "Saves when enough ranks and their mean improved.",
  schema,
  plan,
  features,
  verdict,
});
