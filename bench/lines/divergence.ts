/** Softmax and Kullback-Leibler divergence over the vocabulary, with the gradient of the student's logits. */
import type { TaskLine } from "../line.js";
import { randomTensor } from "../tensor-file.js";

const line = (tokens: number, vocab: number, slow: boolean): TaskLine => ({
  kind: "task",
  family: "softmax-KLD",
  name: `${tokens} tokens, ${vocab} entries`,
  contestants: ["espalier", "jax-js", "TensorFlow.js", "PyTorch"],
  task: (folder) => ({
    kind: "divergence",
    target: randomTensor(folder, "target", [tokens, vocab], 6),
    guess: randomTensor(folder, "guess", [tokens, vocab], 6),
  }),
  // Each of the two read once, the gradient written once.
  work: (3 * 4 * tokens * vocab) / 1e9,
  unit: "GB/s",
  tolerance: 1e-4,
  slow,
});

export const divergenceLines: readonly TaskLine[] = [
  line(512, 2048, false),
  line(64, 32768, false),
  line(8, 262144, true),
];
