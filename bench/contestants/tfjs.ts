/** TensorFlow.js on its WebGPU backend. It has no fused attention or divergence; they are composed as its users do. */
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import * as tf from "@tensorflow/tfjs-core";
import {
  type ContestantOptions,
  type OpenContestant,
  type Prepared,
  timed,
} from "../contestant.js";
import type { AttentionTask, DivergenceTask, ProductTask, TensorFile } from "../task.js";
import { readFloats } from "../tensor-file.js";
import { provideNavigator, versionOf, type Wait } from "./navigator.js";

const tensor = (file: TensorFile): tf.Tensor => tf.tensor(readFloats(file), [...file.shape]);

const tensorOf = (shape: readonly number[], of: (at: number) => number): tf.Tensor => {
  const size = shape.reduce((n, next) => n * next, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, at) => of(at)),
    [...shape],
  );
};

/** The parts of its backend that a wait needs; its type leaves them out. */
interface Backend {
  readonly ensureCommandEncoderReady: () => void;
  readonly endComputePassEncoder: () => void;
  readonly submitQueue: () => void;
  readonly device: GPUDevice;
}

const prepared = (wait: Wait, compute: () => tf.Tensor[]): Prepared => {
  const backend = tf.backend() as unknown as Backend;
  return {
    time: (repeats) =>
      wait(
        timed(async () => {
          for (let repeat = 0; repeat < repeats; repeat++) tf.dispose(compute());
          backend.ensureCommandEncoderReady();
          backend.endComputePassEncoder();
          backend.submitQueue();
          await backend.device.queue.onSubmittedWorkDone();
        }),
      ),
    result: async () => {
      const results = compute();
      const data = await wait(Promise.all(results.map((result) => result.data<"float32">())));
      tf.dispose(results);
      return data;
    },
  };
};

const product = (wait: Wait, { layout, a, b }: ProductTask): Prepared => {
  const [left, right] = [tensor(a) as tf.Tensor2D, tensor(b) as tf.Tensor2D];
  return prepared(wait, () => [tf.matMul(left, right, layout === "tn", layout === "nt")]);
};

const attention = (wait: Wait, task: AttentionTask): Prepared => {
  const [windows = 1, positions = 1, groups = 1, queries = 1, dim = 1] = task.q.shape;
  const [q, k, v, d] = [tensor(task.q), tensor(task.k), tensor(task.v), tensor(task.d)];
  const rows = queries * positions;
  const mask = tensorOf([rows, positions], (at) =>
    at % positions > Math.floor(at / positions) % positions ? -1e9 : 0,
  );
  /** Query heads of a group are more rows over its keys, so that nothing has to be repeated. */
  const forward = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor => {
    const heads = tf.reshape(tf.transpose(q, [0, 2, 3, 1, 4]), [windows, groups, rows, dim]);
    const [keys, values] = [tf.transpose(k, [0, 2, 1, 3]), tf.transpose(v, [0, 2, 1, 3])];
    const scores = tf.mul(tf.matMul(heads, keys, false, true), 1 / Math.sqrt(dim));
    const out = tf.matMul(tf.softmax(tf.add(scores, mask)), values);
    const split = tf.reshape(out, [windows, groups, queries, positions, dim]);
    return tf.transpose(split, [0, 3, 1, 2, 4]);
  };
  if (!task.gradient) return prepared(wait, () => [tf.tidy(() => forward(q, k, v))]);
  const gradients = tf.valueAndGrads((q, k, v) =>
    tf.sum(tf.mul(forward(q as tf.Tensor, k as tf.Tensor, v as tf.Tensor), d)),
  );
  return prepared(wait, () => {
    const { value, grads } = gradients([q, k, v]);
    value.dispose();
    return grads;
  });
};

const divergence = (wait: Wait, task: DivergenceTask): Prepared => {
  const [target, guess] = [tensor(task.target), tensor(task.guess)];
  const gradient = tf.valueAndGrad((guess) => {
    const p = tf.logSoftmax(target);
    const difference = tf.sub(p, tf.logSoftmax(guess as tf.Tensor));
    return tf.mean(tf.sum(tf.mul(tf.exp(p), difference), -1));
  });
  return prepared(wait, () => {
    const { value, grad } = gradient(guess);
    return [value, grad];
  });
};

export const open: OpenContestant = async (options: ContestantOptions) => {
  const wait = await provideNavigator(options);
  await import("@tensorflow/tfjs-backend-webgpu");
  await wait(tf.setBackend("webgpu"));
  return {
    about: `TensorFlow.js ${await versionOf("@tensorflow/tfjs-core")} (${tf.getBackend()})`,
    prepare: async (task) => {
      switch (task.kind) {
        case "product":
          return product(wait, task);
        case "attention":
          return attention(wait, task);
        case "divergence":
          return divergence(wait, task);
        case "distill":
        case "score":
          return null;
        default:
          return task satisfies never;
      }
    },
  };
};
