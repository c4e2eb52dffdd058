// @ts-check
/**
 * What every policy in JavaScript needs, and what is not the idea of any: the four functions of the
 * contract around three of yours, a check of the configuration, and exceptions as answers.
 *
 * @import { Checkpoint, Description, Observation, Plan, Prepared, Round, Verdict } from "./contract.d.ts"
 * @typedef {{ type?: string, enum?: unknown[], minLength?: number, minimum?: number,
 *   maximum?: number, default?: unknown, description?: string }} Rule
 * @typedef {{ properties: Record<string, Rule>, required: string[] }} Schema
 */

/**
 * Makes the contract's functions of a policy's own, which look at nothing but their arguments. What
 * travels as `settings` is the configuration with its defaults; there is no state.
 *
 * @param {{
 *   name: string, version: string, summary: string, schema: Schema,
 *   plan: (config: any) => Plan,
 *   features?: (config: any, observation: Observation) => (number | undefined)[],
 *   verdict: (config: any, round: Round) => Verdict,
 * }} own `features` only where the plan has some
 */
export function policy(own) {
  const { name, version, summary, schema } = own;
  /** @type {() => Description} */
  const describe = () => ({ name, version, summary, configSchema: JSON.stringify(schema) });
  /** @type {(text: string, previous?: Uint8Array) => Prepared} */
  const prepare = (text) => {
    const config = read(text, schema);
    return { plan: own.plan(config), settings: encode(config), state: new Uint8Array() };
  };
  /** @type {(settings: Uint8Array, state: Uint8Array, observation: Observation) => (number | undefined)[]} */
  const observe = (settings, _, observation) =>
    own.features?.(decode(settings), observation) ?? [];
  /** @type {(settings: Uint8Array, state: Uint8Array, round: Round) => Verdict} */
  const decide = (settings, _, round) => own.verdict(decode(settings), round);
  return {
    describe: answers(describe),
    prepare: answers(prepare),
    observe: answers(observe),
    decide: answers(decide),
  };
}

/**
 * Makes an exception the answer `failed`, with the line that threw it; else it would be a trap,
 * which says nothing. What is no `Error` is the contract's own kind of error, and goes on.
 *
 * @template {unknown[]} A
 * @template R
 * @param {(...all: A) => R} call
 * @returns {(...all: A) => R}
 */
function answers(call) {
  return (...all) => {
    try {
      return call(...all);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const [, name, place] = error.stack?.match(/^(.*)@(?:.*\/)?([^/\n]*:\d+):\d+$/m) ?? [];
      const where = place ? `, at ${place} in \`${name}\`` : "";
      throw { tag: "failed", val: `${error.name}: ${error.message}${where}` };
    }
  };
}

/** @param {unknown} config */
const encode = (config) => new TextEncoder().encode(JSON.stringify(config));
/** @param {Uint8Array} settings */
const decode = (settings) => JSON.parse(new TextDecoder().decode(settings));

/**
 * Reads a configuration and fills in the defaults; all mistakes are said at once.
 *
 * @param {string} text
 * @param {Schema} schema
 */
function read(text, schema) {
  let config;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw refusal(`the configuration is not JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw refusal(`the configuration: expected an object, found ${found(config)}`);
  }
  const known = schema.properties;
  const names = listed(Object.keys(known).sort().map((key) => `\`${key}\``));
  const unknown = Object.keys(config).filter((key) => !Object.hasOwn(known, key));
  const mistakes = unknown.map((key) => `unknown key \`${key}\`, expected ${names}`);
  for (const [key, rule] of Object.entries(known)) {
    if (!Object.hasOwn(config, key) && schema.required.includes(key)) {
      mistakes.push(`the key \`${key}\` is missing, expected ${expected(rule)}`);
    } else if (Object.hasOwn(config, key) && !fits(rule, config[key])) {
      mistakes.push(`\`${key}\`: expected ${expected(rule)}, found ${found(config[key])}`);
    }
  }
  if (mistakes.length > 0) throw refusal(mistakes.join("; "));
  // In the schema's order, whatever the site's was.
  const values = Object.entries(known).map(([key, rule]) => [key, config[key] ?? rule.default]);
  return Object.fromEntries(values);
}

/** @param {string} what */
const refusal = (what) => ({ tag: "config", val: what });

/** @type {(rule: Rule, value: unknown) => boolean} */
function fits(rule, value) {
  if (rule.enum) return rule.enum.includes(value);
  if (rule.type === "string") {
    return typeof value === "string" && [...value].length >= (rule.minLength ?? 0);
  }
  if (rule.type === "boolean") return typeof value === "boolean";
  const { minimum = -Infinity, maximum = Infinity } = rule;
  const isKind = rule.type === "integer" ? Number.isInteger(value) : typeof value === "number";
  return isKind && minimum <= Number(value) && Number(value) <= maximum;
}

/** @param {Rule} rule */
function expected(rule) {
  if (rule.enum) return listed(rule.enum.map((one) => JSON.stringify(one)));
  if (rule.type === "string") return rule.minLength ? "a string that is not empty" : "a string";
  if (rule.type === "boolean") return "true or false";
  const least = rule.minimum === undefined ? [] : [`of at least ${rule.minimum}`];
  const most = rule.maximum === undefined ? [] : [`of at most ${rule.maximum}`];
  const kind = rule.type === "integer" ? "an integer" : "a number";
  return `${kind} ${[...least, ...most].join(" and ")}`.trim();
}

/** @param {unknown} value */
function found(value) {
  if (typeof value === "string") return `the string ${JSON.stringify(value)}`;
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : JSON.stringify(value);
}

/** @param {string[]} items */
function listed(items) {
  const last = items.at(-1);
  return items.length > 1 ? `${items.slice(0, -1).join(", ")} or ${last}` : `${last}`;
}

/**
 * A number as people read it: six digits, and no exponent where none is needed.
 *
 * @param {number} value
 */
export function number(value) {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  // A tie goes to the even digit, as everywhere else; `toExponential` takes the larger one.
  const even = value.toExponential(30).match(/^(-?\d\.\d{4}[02468])50*(e.*)$/);
  const short = even ? even[1] + even[2] : value.toExponential(5);
  const [digits, power] = short.split("e");
  const exponent = Number(power);
  const isPlain = exponent > -6 && exponent < 16;
  return isPlain ? `${Number(short)}` : `${digits.replace(/\.?0+$/, "")}e${exponent}`;
}

/**
 * Whether a number is strictly better.
 *
 * @type {(mode: "min" | "max", fresh: number, old: number) => boolean}
 */
export const better = (mode, fresh, old) => (mode === "min" ? fresh < old : fresh > old);

/**
 * The bar that lies `part` of its own size beyond a number, on its better side.
 *
 * @type {(mode: "min" | "max", old: number, part: number) => number}
 */
export function beyond(mode, old, part) {
  const way = part * Math.abs(old);
  return mode === "min" ? old - way : old + way;
}

/**
 * The newest checkpoint that the policy holds, complete or still being written.
 *
 * @param {Observation | Round} seen
 * @returns {Checkpoint | undefined}
 */
export const newestMine = (seen) => seen.checkpoints.findLast((one) => one.mine);

/**
 * Minutes since a checkpoint was saved; undefined where the host has no clock, now or then.
 *
 * @param {Round} round
 * @param {Checkpoint} [checkpoint]
 */
export function minutesSince(round, checkpoint) {
  const [now, then] = [round.elapsedSeconds, checkpoint?.elapsedSeconds];
  return now === undefined || then === undefined ? undefined : (now - then) / 60;
}

/** @param {string} reason */
export const save = (reason) => answer("save", reason);
/** @param {string} reason */
export const skip = (reason) => answer("skip", reason);
/** @param {string} reason */
export const abstain = (reason) => answer("abstain", reason);

/** @type {(ballot: Verdict["ballot"], reason: string) => Verdict} */
function answer(ballot, reason) {
  const lists = { figures: [], tags: [], labels: [], hold: [], release: [] };
  return { ballot, reason, ...lists, stop: false, notBefore: undefined, state: new Uint8Array() };
}

/**
 * Keeps one checkpoint: a save releases all others that the policy holds, and takes over the label.
 * The host waits with a release until the new one is complete, and forgets it if it fails.
 *
 * @type {(verdict: Verdict, round: Round, label: string) => Verdict}
 */
export function keepingOne(verdict, round, label) {
  const saves = verdict.ballot === "save";
  const best = saves ? round.candidate : newestMine(round)?.id;
  const others = round.checkpoints.filter((one) => one.mine && one.id !== round.candidate);
  const release = saves ? others.map((one) => one.id) : [];
  const labels = best === undefined ? [] : [{ name: label, checkpoint: best }];
  return { ...verdict, release, labels };
}
