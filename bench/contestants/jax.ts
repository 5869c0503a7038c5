/** jax-js on its WebGPU backend, each task as one jitted function. Its arrays are owned: every use but the last is `.ref`. */
import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  nn,
  numpy as np,
  valueAndGrad,
} from "@jax-js/jax";
import {
  type ContestantOptions,
  type OpenContestant,
  type Prepared,
  timed,
} from "../contestant.js";
import type { AttentionTask, DivergenceTask, ProductTask, TensorFile } from "../task.js";
import { readFloats } from "../tensor-file.js";
import { prepareDistill, prepareScore } from "./jax-stages.js";
import { provideNavigator, versionOf, type Wait } from "./navigator.js";

const tensor = (file: TensorFile): np.Array =>
  np.array(readFloats(file), { shape: [...file.shape] });

const prepared = (wait: Wait, compute: () => np.Array[]): Prepared => ({
  time: (repeats) =>
    wait(
      timed(async () => {
        const results = Array.from({ length: repeats }, compute).flat();
        await blockUntilReady(results);
        for (const result of results) result.dispose();
      }),
    ),
  result: () => wait(Promise.all(compute().map(async (x) => Float32Array.from(await x.data())))),
});

const product = (wait: Wait, { layout, a, b }: ProductTask): Prepared => {
  const [left, right] = [tensor(a), tensor(b)];
  const multiply = jit((a: np.Array, b: np.Array) =>
    np.matmul(layout === "tn" ? a.transpose() : a, layout === "nt" ? b.transpose() : b),
  );
  return prepared(wait, () => [multiply(left.ref, right.ref)]);
};

const attention = (wait: Wait, task: AttentionTask): Prepared => {
  const [windows = 1, positions = 1, groups = 1, queries = 1, dim = 1] = task.q.shape;
  const heads = [windows, positions, groups * queries, dim];
  const [q, k, v, d] = [
    tensor(task.q).reshape(heads),
    tensor(task.k),
    tensor(task.v),
    tensor(task.d).reshape(heads),
  ];
  const forward = (q: np.Array, k: np.Array, v: np.Array) =>
    nn.dotProductAttention(q, k, v, { isCausal: true });
  if (!task.gradient) {
    const run = jit(forward);
    return prepared(wait, () => [run(q.ref, k.ref, v.ref)]);
  }
  const run = jit((d: np.Array, x: { q: np.Array; k: np.Array; v: np.Array }) =>
    grad((x: { q: np.Array; k: np.Array; v: np.Array }) => np.sum(forward(x.q, x.k, x.v).mul(d)))(
      x,
    ),
  );
  return prepared(wait, () => {
    const adjoint = run(d.ref, { q: q.ref, k: k.ref, v: v.ref });
    return [adjoint.q, adjoint.k, adjoint.v];
  });
};

const divergence = (wait: Wait, task: DivergenceTask): Prepared => {
  const [target, guess] = [tensor(task.target), tensor(task.guess)];
  const run = jit((target: np.Array, guess: np.Array) =>
    valueAndGrad((guess: np.Array) => {
      const p = nn.logSoftmax(target);
      const q = nn.logSoftmax(guess);
      return np.mean(np.sum(np.exp(p.ref).mul(p.sub(q)), -1));
    })(guess),
  );
  return prepared(wait, () => {
    const [value, adjoint] = run(target.ref, guess.ref);
    return [value, adjoint];
  });
};

export const open: OpenContestant = async (options: ContestantOptions) => {
  const wait = await provideNavigator(options);
  const devices = await wait(init("webgpu"));
  if (!devices.includes("webgpu")) throw new Error("jax-js opened no WebGPU device");
  defaultDevice("webgpu");
  return {
    about: `jax-js ${await versionOf("@jax-js/jax")} (webgpu)`,
    prepare: async (task) => {
      switch (task.kind) {
        case "product":
          return product(wait, task);
        case "attention":
          return attention(wait, task);
        case "divergence":
          return divergence(wait, task);
        case "distill":
          return prepareDistill(wait, task);
        case "score":
          return prepareScore(wait, task);
        default:
          return task satisfies never;
      }
    },
  };
};
