/**
 * The contract of `wit/policy.wit` as types; what each of them means is said there.
 *
 * A number of 64 bits is a `bigint`, a list of bytes a `Uint8Array`, and what may be missing is
 * `undefined` when it is.
 */

export type CheckpointId = bigint;

export interface Input {
  name: string;
  required: boolean;
}

export type Source = { tag: "input"; val: number } | { tag: "feature"; val: number };

export type Operation =
  | { tag: "sum" | "mean" | "variance" | "min" | "max" | "tally" | "every-rank" }
  | { tag: "weighted-mean"; val: Source }
  | { tag: "from-rank"; val: number };

export interface Reduction {
  source: Source;
  operation: Operation;
}

export interface Plan {
  inputs: Input[];
  features: number;
  reductions: Reduction[];
  view: "none" | "mine" | "all";
  moments: string[];
  everySteps: bigint;
  passive: boolean;
}

export interface Statistic {
  value?: number;
  finite: number;
  nonFinite: number;
  missing: number;
}

export interface Tally {
  yes: number;
  no: number;
  abstaining: number;
}

export type Reduced =
  | { tag: "statistic"; val: Statistic }
  | { tag: "tally"; val: Tally }
  | { tag: "every-rank"; val: (number | undefined)[] };

export interface Checkpoint {
  id: CheckpointId;
  step: bigint;
  epoch: bigint;
  elapsedSeconds?: number;
  complete: boolean;
  mine: boolean;
  pinned: boolean;
  bytes: bigint;
  tags: string[];
  values: (number | undefined)[];
}

export interface Observation {
  moment?: number;
  step: bigint;
  epoch: bigint;
  rank: number;
  worldSize: number;
  values: (number | undefined)[];
  checkpoints: Checkpoint[];
}

export interface Round {
  moment: number;
  step: bigint;
  epoch: bigint;
  worldSize: number;
  elapsedSeconds?: number;
  candidate: CheckpointId;
  values: Reduced[];
  checkpoints: Checkpoint[];
}

export interface Figure {
  name: string;
  value: number;
}

export interface Label {
  name: string;
  checkpoint: CheckpointId;
}

export interface Verdict {
  ballot: "abstain" | "save" | "skip" | "veto";
  reason: string;
  figures: Figure[];
  tags: string[];
  labels: Label[];
  hold: CheckpointId[];
  release: CheckpointId[];
  stop: boolean;
  notBefore?: bigint;
  state: Uint8Array;
}

export interface Description {
  name: string;
  version: string;
  summary: string;
  configSchema: string;
}

export interface Prepared {
  plan: Plan;
  settings: Uint8Array;
  state: Uint8Array;
}

/** What a function throws to answer with an error. */
export type PolicyError =
  | { tag: "config"; val: string }
  | { tag: "state"; val: string }
  | { tag: "failed"; val: string };
