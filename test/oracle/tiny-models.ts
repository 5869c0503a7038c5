/** The tiny models in architectures/, one of every family: their shapes and weights, and what transformers says of them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { readArchitecture } from "../../compiler/library/architecture.js";
import type { ModelShape } from "../../compiler/library/library.js";
import { loadLibrary } from "../../compiler/library/load.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { parse } from "../../grammar/parse.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { readConfig } from "../../runtime/formats/config.js";
import { type Weights, weightsOf } from "../../runtime/formats/weights.js";
import { stdlibTexts } from "../support/memory-host.js";

const folder = fileURLToPath(new URL("architectures", import.meta.url));

export const families = readdirSync(folder).sort();
export const folderOf = (family: string): string => join(folder, family);

const expectedIn = z.object({
  tokens: z.array(z.number()),
  cases: z.array(
    z.object({
      name: z.string(),
      /** Keys of config.json set, and keys left out. */
      config: z.record(z.string(), z.unknown()),
      without: z.array(z.string()),
      logits: z.array(z.array(z.number())),
      /** By tensor, Σ gᵢ · (1 + i mod 97). */
      gradients: z.record(z.string(), z.number()),
    }),
  ),
});

export type Expected = z.infer<typeof expectedIn>;
export type Change = Pick<Expected["cases"][number], "config" | "without">;

export const expectedOf = (family: string): Expected =>
  expectedIn.parse(JSON.parse(readFileSync(join(folder, family, "expected.json"), "utf8")));

export const { library } = loadLibrary(
  [...stdlibTexts()].map(([path, text]) => parse(path, text).file),
);

/** The shape that the config.json of a folder says, with a case's changes to it. */
export const shapeIn = (
  path: string,
  { config, without }: Change = { config: {}, without: [] },
): ModelShape => {
  const saved = Object.entries(readConfig(path).config);
  const kept = Object.fromEntries(saved.filter(([key]) => !without.includes(key)));
  const place = { path, span: { start: 0, end: 0 } };
  return must(readArchitecture(library, { ...kept, ...config }, place));
};

/** Uses the weights of a folder, and closes its files. */
export const withWeights = async <T>(
  path: string,
  shape: ModelShape,
  use: (weights: Weights) => Promise<T>,
): Promise<T> => {
  const checkpoint = await openCheckpoint(path);
  try {
    return await use(weightsOf(checkpoint, layoutOf("model", shape, 0)));
  } finally {
    await checkpoint.close();
  }
};
