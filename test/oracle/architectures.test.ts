/** Logits of a tiny model of every family against those of transformers (architectures/, made by make-architectures.py). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { readArchitecture } from "../../compiler/library/architecture.js";
import type { ModelShape } from "../../compiler/library/library.js";
import { loadLibrary } from "../../compiler/library/load.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { parse } from "../../grammar/parse.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { readConfig } from "../../runtime/formats/config.js";
import { weightsOf } from "../../runtime/formats/weights.js";
import { memoryHost } from "../support/memory-host.js";
import { inFloat64, type LogitsGraph, logitsGraph, onDevice } from "../support/model-logits.js";
import { worstError } from "../support/numbers.js";

/** Absolute; logits are of the order of 1 to 10. */
const TOLERANCE = 1e-3;

const folder = fileURLToPath(new URL("architectures", import.meta.url));
const families = readdirSync(folder).sort();

const expectedIn = z.object({
  tokens: z.array(z.number()),
  cases: z.array(
    z.object({
      name: z.string(),
      /** Keys set, and keys left out. */
      config: z.record(z.string(), z.unknown()),
      without: z.array(z.string()),
      logits: z.array(z.array(z.number())),
    }),
  ),
});

type Expected = z.infer<typeof expectedIn>;

const expectedOf = (family: string): Expected =>
  expectedIn.parse(JSON.parse(readFileSync(join(folder, family, "expected.json"), "utf8")));

const { library } = loadLibrary(
  [...memoryHost().stdlib()].map(([path, text]) => parse(path, text).file),
);

const cases = families.flatMap((family) => {
  const { tokens, cases: found } = expectedOf(family);
  return found.map((one) => [family, one.name, { ...one, tokens }] as const);
});
type Case = (typeof cases)[number][2];

/** The shape that config.json says, with the case's changes to it. */
const shapeOf = (family: string, { config, without }: Case): ModelShape => {
  const saved = Object.entries(readConfig(join(folder, family)).config);
  const kept = Object.fromEntries(saved.filter(([key]) => !without.includes(key)));
  const place = { path: family, span: { start: 0, end: 0 } };
  return must(readArchitecture(library, { ...kept, ...config }, place));
};

const graphOf = async (family: string, one: Case): Promise<LogitsGraph> => {
  const { tokens } = one;
  const shape = shapeOf(family, one);
  const checkpoint = await openCheckpoint(join(folder, family));
  try {
    return await logitsGraph(shape, weightsOf(checkpoint, layoutOf(family, shape, 0)), tokens);
  } finally {
    await checkpoint.close();
  }
};

test("every architecture of the standard library has a model here", () => {
  expect(families).toEqual([...library.architectures.keys()].sort());
});

test.each(cases)("%s, %s: logits in float64 and on the device", async (family, _name, one) => {
  const made = await graphOf(family, one);
  const expected = one.logits.flat();
  expect(worstError(inFloat64(made), expected), "float64").toBeLessThan(TOLERANCE);
  expect(worstError(await onDevice(made), expected), "device").toBeLessThan(TOLERANCE);
});
