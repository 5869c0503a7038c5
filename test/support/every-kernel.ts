/** One call of every family of hand-written kernels, for tests of their texts and of what they need. */
import { adamw } from "../../kernels/adamw.kernel.js";
import { type AttentionSpec, attention } from "../../kernels/attention.kernel.js";
import {
  attentionGradKeyValue,
  attentionGradQuery,
} from "../../kernels/attention-gradient.kernel.js";
import { compact } from "../../kernels/compact.kernel.js";
import { embeddingGradient } from "../../kernels/embedding-gradient.kernel.js";
import { expand } from "../../kernels/expand.kernel.js";
import { NORM_LARGE, normFinish, normPartials } from "../../kernels/global-norm.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import { kthLargest } from "../../kernels/kth-largest.kernel.js";
import { matmul } from "../../kernels/matmul.kernel.js";

const products = (["nn", "nt", "tn"] as const).flatMap((layout) =>
  [513, 512].flatMap((k) =>
    [true, false].map((accumulate) => matmul({ batch: 1, m: 2 * k, n: k, k, layout, accumulate })),
  ),
);

/** With a frozen weight: forward, and the gradient of what it is multiplied with. */
const narrowProducts = [
  { layout: "nt", k: 512, b: "bf16" } as const,
  { layout: "nt", k: 513, b: "f16" } as const,
  { layout: "nn", k: 512, b: "f32" } as const,
].map(({ layout, k, b }) => {
  const types = { a: "f32", b, arithmetic: "f16" } as const;
  return matmul({ batch: 1, m: 2 * k, n: k, k, layout, accumulate: false, types });
});

const attentions = [16, 64, 128].flatMap((dim) => {
  const spec: AttentionSpec = { batch: 1, position: 512, groups: 4, queries: 2, dim, scale: 0.1 };
  const limited: AttentionSpec = { ...spec, scores: { cap: 50, within: 128 } };
  return [spec, limited].flatMap((of) => [
    attention(of),
    attentionGradQuery(of),
    attentionGradKeyValue(of),
  ]);
});

/** Products of all layouts, in fours and not; heads of 16, 64 and 128; the rest once. */
export const everyKernel: readonly KernelCall[] = [
  ...products,
  ...narrowProducts,
  ...attentions,
  embeddingGradient({ rows: 40, columns: 64, tokens: 100, accumulate: true }),
  compact({ rows: 100, columns: 1000, count: 10, shared: false }),
  expand({ rows: 100, count: 10, columns: 1000 }),
  kthLargest({ rows: 100, columns: 1000, k: 10 }),
  normPartials(1000),
  normPartials(NORM_LARGE),
  normFinish(1, 1),
  adamw({ count: 1000, beta: [0.9, 0.95], epsilon: 1e-8, decay: 0.1 }),
];
