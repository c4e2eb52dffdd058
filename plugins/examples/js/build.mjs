// Compiles the policy to build/three-quarters.wasm.

import { mkdir, writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: "policy.js",
  witPath: "wit",
  worldName: "decision-policy",
  // A policy imports nothing: no clock, no random number, no console.
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await mkdir("build", { recursive: true });
await writeFile("build/three-quarters.wasm", component);
