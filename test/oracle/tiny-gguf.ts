/** Tiny models written as GGUF, what is in such a file, and the model that a plan would open there. */

import { readArchitecture } from "../../compiler/library/architecture.js";
import { ggufKeys, ggufTensors } from "../../compiler/library/gguf.js";
import { configOfGguf, ggufFloats } from "../../compiler/library/gguf-config.js";
import { ggufListNames, ggufLists } from "../../compiler/library/gguf-list.js";
import type { ModelShape } from "../../compiler/library/library.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { fileHost } from "../../runtime/cli/host.js";
import { openGguf } from "../../runtime/formats/gguf.js";
import { readGgufHeader } from "../../runtime/formats/gguf-files.js";
import { openGgufModel, writeGgufModel } from "../../runtime/formats/gguf-model.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import { type Weights, weightsOf } from "../../runtime/formats/weights.js";
import { inFloat64, logitsGraph, logitsIn } from "../support/model-logits.js";
import { library } from "./tiny-models.js";

export const PLACE = { path: "spec.prune", span: { start: 0, end: 0 } };

export interface Model {
  readonly shape: ModelShape;
  readonly weights: Weights;
}

export const written = async (path: string, { shape, weights }: Model): Promise<void> => {
  const target = {
    tensors: must(ggufTensors(shape, PLACE)),
    lists: must(ggufLists(shape, PLACE)),
    keys: must(ggufKeys(shape, PLACE)),
    layers: [],
    pretokenizers: [],
  };
  await writeGgufModel(path, weights, "f32", target, new Map());
};

/** Σ vᵢ · (1 + i mod 97), of each tensor, behind its name and its dimensions. */
export const listed = async (path: string): Promise<string> => {
  const file = await openGguf(path);
  const { metadata } = readGgufHeader(path);
  const keys = [...metadata].map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const tensors: string[] = [];
  for (const [name, { shape }] of file.tensors) {
    const floats = await readFloats(file.tensor(name));
    const digest = floats.reduce((sum, value, at) => sum + value * (1 + (at % 97)), 0);
    tensors.push(`${name} [${shape.join(", ")}] ${digest.toPrecision(6)}`);
  }
  await file.close();
  return `${[...keys, "", ...tensors].join("\n")}\n`;
};

export const logitsOf = async ({ shape, weights }: Model, tokens: readonly number[]) =>
  logitsIn(inFloat64(await logitsGraph(shape, weights, tokens)));

/** As a plan opens it. */
export const readBack = async <T>(path: string, use: (model: Model) => Promise<T>): Promise<T> => {
  const read = fileHost("/").readConfig(path);
  if (!read.ok || read.kind !== "gguf") throw new Error(`${path} is not read`);
  const config = must(configOfGguf(library, read.header, PLACE));
  const shape = must(readArchitecture(library, config, PLACE));
  const layout = layoutOf("model", shape, 0);
  const source = {
    tensors: must(ggufTensors(shape, PLACE)),
    lists: ggufListNames(shape),
    pretokenizers: [],
    config,
    floats: ggufFloats(shape),
  };
  const checkpoint = await openGgufModel(path, source, layout);
  try {
    return await use({ shape, weights: weightsOf(checkpoint, layout) });
  } finally {
    await checkpoint.close();
  }
};
