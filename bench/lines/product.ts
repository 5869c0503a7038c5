/** Matrix products in f32: squares, and the flat and thin shapes of a model (tokens × hidden × vocab, weight gradients). */
import type { TaskLine } from "../line.js";
import type { ProductTask } from "../task.js";
import { randomTensor } from "../tensor-file.js";

type Sizes = Pick<ProductTask, "layout" | "m" | "n" | "k">;

const square = (size: number): Sizes => ({ layout: "nn", m: size, n: size, k: size });

const line = (sizes: Sizes, what: string, slow: boolean): TaskLine => {
  const { layout, m, n, k } = sizes;
  return {
    kind: "task",
    family: "matrix product",
    name: what === "" ? `${m} × ${n} × ${k}` : `${m} × ${n} × ${k}, ${what}`,
    contestants: ["espalier", "naive", "jax-js", "TensorFlow.js", "PyTorch"],
    task: (folder) => ({
      kind: "product",
      ...sizes,
      a: randomTensor(folder, "a", layout === "tn" ? [k, m] : [m, k]),
      b: randomTensor(folder, "b", layout === "nt" ? [n, k] : [k, n]),
    }),
    work: (2 * m * n * k) / 1e9,
    unit: "GFLOP/s",
    tolerance: 1e-5,
    slow,
  };
};

export const productLines: readonly TaskLine[] = [
  line(square(256), "", false),
  line(square(512), "", false),
  line(square(1024), "", false),
  line(square(2048), "", true),
  line({ layout: "nt", m: 512, n: 384, k: 128 }, "tokens × mlp", false),
  line({ layout: "nt", m: 512, n: 2048, k: 128 }, "tokens × vocab", false),
  line({ layout: "nt", m: 64, n: 32768, k: 256 }, "few tokens × large vocab", true),
  line({ layout: "tn", m: 384, n: 128, k: 512 }, "weight gradient", false),
  line({ layout: "tn", m: 2048, n: 128, k: 512 }, "gradient of the output weights", false),
];
