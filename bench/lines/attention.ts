/** Causal attention with grouped queries: that of the example's model, and that of a model of some 100M parameters. */
import type { TaskLine } from "../line.js";
import { randomTensor } from "../tensor-file.js";

interface Sizes {
  readonly windows: number;
  readonly positions: number;
  readonly groups: number;
  readonly queries: number;
  readonly dim: number;
}

const line = (sizes: Sizes, gradient: boolean): TaskLine => {
  const { windows, positions, groups, queries, dim } = sizes;
  const heads = groups * queries;
  const pairs = windows * heads * ((positions * (positions + 1)) / 2);
  return {
    kind: "task",
    family: "attention",
    name: `${gradient ? "forward and gradients" : "forward"}, ${windows} × ${positions} tokens, ${heads} heads of ${dim}`,
    contestants: ["espalier", "jax-js", "TensorFlow.js", "PyTorch"],
    task: (folder) => {
      const full = [windows, positions, groups, queries, dim];
      const shared = [windows, positions, groups, dim];
      return {
        kind: "attention",
        gradient,
        q: randomTensor(folder, "q", full, 2),
        k: randomTensor(folder, "k", shared, 2),
        v: randomTensor(folder, "v", shared),
        d: randomTensor(folder, "d", full),
      };
    },
    // Two products forward; five backward, scores made again among them.
    work: (2 * pairs * dim * (gradient ? 7 : 2)) / 1e9,
    unit: "GFLOP/s",
    tolerance: 1e-4,
    slow: dim > 32,
  };
};

const SMALL: Sizes = { windows: 2, positions: 256, groups: 4, queries: 2, dim: 16 };
const LARGE: Sizes = { windows: 1, positions: 512, groups: 4, queries: 3, dim: 64 };

export const attentionLines: readonly TaskLine[] = [SMALL, LARGE].flatMap((sizes) => [
  line(sizes, false),
  line(sizes, true),
]);
