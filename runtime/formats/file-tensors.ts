/** The tensors that a model's weights are in a file: most are one weight, some hold several. */
import type { WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { joined } from "./parts.js";
import { converted, type Dtype, type StoredTensor } from "./stored-tensor.js";
import { fileShape, type Weights } from "./weights.js";

export interface FileTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly count: number;
  /** Its elements; where weights are joined, in `dtype`. */
  readonly data: (dtype: Dtype) => StoredTensor;
}

const fileTensor = (weights: Weights, entries: readonly WeightEntry[]): FileTensor => {
  const [entry] = entries;
  if (entry === undefined) throw new RunError("a tensor of no weights");
  if (entries.length > 1 && entries.some(({ part }) => part === null))
    throw new RunError(`two weights are tensor ${entry.file}`);
  const shape = fileShape(entry);
  const count = shape.reduce((product, length) => product * length, 1);
  const data = (dtype: Dtype): StoredTensor => {
    if (entry.part === null) return weights.tensor(entry);
    const parts = entries.flatMap((own) => {
      const tensor = converted(weights.tensor(own), dtype);
      return own.part === null ? [] : [{ part: own.part, tensor }];
    });
    return joined(dtype, parts);
  };
  return { name: entry.file, shape, count, data };
};

/** The tensors of a file with these weights, in their order. */
export const fileTensors = (weights: Weights): readonly FileTensor[] => {
  const byFile = new Map<string, WeightEntry[]>();
  for (const entry of weights.layout.weights)
    byFile.set(entry.file, [...(byFile.get(entry.file) ?? []), entry]);
  return [...byFile.values()].map((entries) => fileTensor(weights, entries));
};
