/** Matrix products: squares, and the flat and thin shapes of a model (tokens × hidden × vocab, weight gradients). */
import type { TaskLine } from "../line.js";
import type { ProductTask } from "../task.js";
import { randomTensor } from "../tensor-file.js";

type Sizes = Pick<ProductTask, "layout" | "m" | "n" | "k">;

interface Kind {
  readonly what: string;
  readonly slow?: boolean;
  readonly forGpu?: boolean;
  readonly arithmetic?: ProductTask["arithmetic"];
}

const square = (size: number, layout: Sizes["layout"] = "nn"): Sizes => ({
  layout,
  m: size,
  n: size,
  k: size,
});

/** Of f16's rounding, to the largest of a result; f32's is a thousand times less. */
const TOLERANCE = { f32: 1e-5, f16: 2e-3 } as const;

const line = (sizes: Sizes, { what, slow = false, forGpu, arithmetic = "f32" }: Kind): TaskLine => {
  const { layout, m, n, k } = sizes;
  const peers = arithmetic === "f32" ? (["naive", "jax-js", "TensorFlow.js"] as const) : [];
  return {
    kind: "task",
    family: "matrix product",
    name: what === "" ? `${m} × ${n} × ${k}` : `${m} × ${n} × ${k}, ${what}`,
    contestants: ["espalier", ...peers, "PyTorch"],
    task: (folder) => ({
      kind: "product",
      ...sizes,
      arithmetic,
      a: randomTensor(folder, "a", layout === "tn" ? [k, m] : [m, k]),
      b: randomTensor(folder, "b", layout === "nt" ? [n, k] : [k, n]),
    }),
    work: (2 * m * n * k) / 1e9,
    unit: "GFLOP/s",
    tolerance: TOLERANCE[arithmetic],
    slow,
    ...(forGpu === undefined ? {} : { forGpu }),
  };
};

const gpuLine = (sizes: Sizes, what: string, arithmetic: "f32" | "f16"): TaskLine =>
  line(sizes, { what, slow: true, forGpu: true, arithmetic });

export const productLines: readonly TaskLine[] = [
  line(square(256), { what: "" }),
  line(square(512), { what: "" }),
  line(square(1024), { what: "" }),
  line(square(2048), { what: "", slow: true }),
  line({ layout: "nt", m: 512, n: 384, k: 128 }, { what: "tokens × mlp" }),
  line({ layout: "nt", m: 512, n: 2048, k: 128 }, { what: "tokens × vocab" }),
  line({ layout: "nt", m: 64, n: 32768, k: 256 }, { what: "few tokens × large vocab", slow: true }),
  line({ layout: "tn", m: 384, n: 128, k: 512 }, { what: "weight gradient" }),
  line({ layout: "tn", m: 2048, n: 128, k: 512 }, { what: "gradient of the output weights" }),
  gpuLine(square(4096), "", "f32"),
  gpuLine(square(4096, "nt"), "B transposed", "f32"),
  gpuLine(square(4096, "tn"), "A transposed", "f32"),
  gpuLine({ layout: "nt", m: 4096, n: 2048, k: 768 }, "tokens × mlp of a 110M Llama", "f32"),
  gpuLine(square(4096), "in f16", "f16"),
  gpuLine(square(4096, "nt"), "B transposed, in f16", "f16"),
  gpuLine(square(4096, "tn"), "A transposed, in f16", "f16"),
];
