/** The distillation step and the scoring pass in jax-js, each part of them jitted. */
import { blockUntilReady, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { type Prepared, timed } from "../contestant.js";
import type { DistillTask, ScoreTask, TensorFile } from "../task.js";
import { readWords } from "../tensor-file.js";
import {
  disposeAll,
  EMBED,
  forward,
  loadParameters,
  type Parameters,
  rotary,
  share,
} from "./jax-llama.js";
import type { Wait } from "./navigator.js";

/** Tokens of each batch without the last position, flat, on the device. */
const batchesOf = (file: TensorFile): np.Array[] => {
  const words = readWords(file);
  const [batches = 1, windows = 1, length = 1] = file.shape;
  return Array.from({ length: batches }, (_, batch) => {
    const tokens = new Int32Array(windows * (length - 1));
    for (let window = 0; window < windows; window++) {
      const from = (batch * windows + window) * length;
      tokens.set(words.subarray(from, from + length - 1), window * (length - 1));
    }
    return np.array(tokens, { dtype: np.int32 });
  });
};

interface Moments {
  readonly first: Parameters;
  readonly second: Parameters;
}

const zerosLike = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { shape }]) => [name, np.zeros([...shape])]),
  );

/** AdamW without decay (arXiv 1711.05101) after clipping by the global norm; all in one jitted function. */
const updater = ({ beta, epsilon, clip }: DistillTask) =>
  jit((state: Moments & { weights: Parameters }, gradients: Parameters, scalars: np.Array) => {
    const names = Object.keys(gradients);
    const squares = names.map((name) => np.sum(np.square((gradients[name] as np.Array).ref)));
    const total = squares.reduce((sum, square) => sum.add(square));
    const scale = np.minimum(np.reciprocal(np.sqrt(total).add(1e-6)).mul(clip), 1);
    const weights: Parameters = {};
    const first: Parameters = {};
    const second: Parameters = {};
    const rate = scalars.ref.slice(0);
    const correction1 = scalars.ref.slice(1);
    const correction2 = scalars.slice(2);
    for (const name of names) {
      const gradient = (gradients[name] as np.Array).mul(scale.ref);
      const m = (state.first[name] as np.Array).mul(beta[0]).add(gradient.ref.mul(1 - beta[0]));
      const v = (state.second[name] as np.Array)
        .mul(beta[1])
        .add(np.square(gradient).mul(1 - beta[1]));
      const step = m.ref.div(correction1.ref).div(np.sqrt(v.ref.div(correction2.ref)).add(epsilon));
      weights[name] = (state.weights[name] as np.Array).sub(step.mul(rate.ref));
      first[name] = m;
      second[name] = v;
    }
    for (const array of [scale, rate, correction1, correction2]) array.dispose();
    return { weights, first, second };
  });

/** The embedding's two uses have gradients of their own: jax-js cannot jit the scatter of the first. */
export const prepareDistill = async (wait: Wait, task: DistillTask): Promise<Prepared> => {
  const [, windows = 1, length = 1] = task.tokens.shape;
  const positions = length - 1;
  const batches = batchesOf(task.tokens);
  const teacher = loadParameters(task.teacher);
  const start = loadParameters(task.student);
  const tables = {
    teacher: rotary(task.teacher.sizes, positions),
    student: rotary(task.student.sizes, positions),
  };
  const embed = (of: Parameters, hidden: number, tokens: np.Array): np.Array =>
    (of[EMBED] as np.Array).ref.slice(tokens).reshape([windows, positions, hidden]);

  const lossAndGradients = jit(
    (teacherX: np.Array, teacherWeights: Parameters, x: np.Array, weights: Parameters) => {
      const target = nn.logSoftmax(
        forward(task.teacher.sizes, teacherX, teacherWeights, tables.teacher),
      );
      return valueAndGrad((student: { x: np.Array; weights: Parameters }) => {
        const guess = nn.logSoftmax(
          forward(task.student.sizes, student.x, student.weights, tables.student),
        );
        return np.mean(np.sum(np.exp(target.ref).mul(target.sub(guess)), -1));
      })({ x, weights });
    },
  );
  const update = updater(task);
  const scatter = (tokens: np.Array, adjoint: np.Array, vocab: number, hidden: number): np.Array =>
    valueAndGrad((table: np.Array) => np.sum(table.slice(tokens).mul(adjoint)))(
      np.zeros([vocab, hidden]),
    )[1];

  let state: Moments & { weights: Parameters } = {
    weights: share(start),
    first: zerosLike(start),
    second: zerosLike(start),
  };
  let step = 0;
  const doStep = (): np.Array => {
    const tokens = batches[step % batches.length] as np.Array;
    const { hidden_size: hidden, vocab_size: vocab } = task.student.sizes;
    const [loss, adjoints] = lossAndGradients(
      embed(teacher, task.teacher.sizes.hidden_size, tokens.ref),
      share(teacher),
      embed(state.weights, hidden, tokens.ref),
      share(state.weights),
    );
    const gradients = adjoints.weights as Parameters;
    const lookup = scatter(
      tokens.ref,
      (adjoints.x as np.Array).reshape([windows * positions, hidden]),
      vocab,
      hidden,
    );
    gradients[EMBED] = (gradients[EMBED] as np.Array).add(lookup);
    const rate = task.rates[step % task.rates.length] ?? 0;
    const [beta1, beta2] = task.beta;
    step++;
    const scalars = np.array([rate, 1 - beta1 ** step, 1 - beta2 ** step]);
    state = update(state, gradients, scalars);
    return loss;
  };
  const restart = (): void => {
    disposeAll(state.weights);
    disposeAll(state.first);
    disposeAll(state.second);
    state = { weights: share(start), first: zerosLike(start), second: zerosLike(start) };
    step = 0;
  };
  const finish = () => blockUntilReady(Object.values(state.weights));
  return {
    time: (repeats) =>
      wait(
        timed(async () => {
          for (let repeat = 0; repeat < repeats; repeat++) {
            const loss = doStep();
            await loss.data();
          }
          await finish();
        }),
      ),
    result: async () => {
      restart();
      const losses: number[] = [];
      for (let at = 0; at < task.rates.length; at++)
        losses.push((await wait(doStep().data()))[0] ?? Number.NaN);
      return [Float32Array.from(losses)];
    },
  };
};

/** Per window: the mean over positions of absolute values, squared and summed over windows. */
const activation = (x: np.Array): np.Array => np.sum(np.square(np.mean(np.abs(x), 1)), 0);

const norms = (x: np.Array): np.Array => np.sqrt(np.sum(np.square(x), -1));

const cosine = (a: np.Array, b: np.Array): np.Array => {
  const dot = np.sum(a.ref.mul(b.ref), -1);
  return np.sum(dot.div(norms(a).mul(norms(b))));
};

export const prepareScore = async (wait: Wait, task: ScoreTask): Promise<Prepared> => {
  const [count = 1, windows = 1, length = 1] = task.tokens.shape;
  const positions = length - 1;
  const batches = batchesOf(task.tokens);
  const weights = loadParameters(task.model);
  const { sizes } = task.model;
  const tables = rotary(sizes, positions);
  const measure = jit((x: np.Array, weights: Parameters) => {
    const hidden: np.Array[] = [];
    const query: np.Array[] = [];
    const mlp: np.Array[] = [];
    const layer: np.Array[] = [];
    const logits = forward(sizes, x, weights, tables, (place, value, after) => {
      if (place === "layer") layer.push(cosine(value as np.Array, after as np.Array));
      else if (place === "query") query.push(activation(norms(value as np.Array)));
      else (place === "mlp" ? mlp : hidden).push(activation(value as np.Array));
    });
    logits.dispose();
    return { hidden, query, mlp, layer };
  });
  type Sums = ReturnType<typeof measure>;
  const doBatch = (at: number): Sums => {
    const tokens = batches[at % batches.length] as np.Array;
    const x = (weights[EMBED] as np.Array).ref
      .slice(tokens.ref)
      .reshape([windows, positions, sizes.hidden_size]);
    return measure(x, share(weights));
  };
  const arrays = (sums: Sums): np.Array[] => Object.values(sums).flat();
  return {
    time: (repeats) =>
      wait(
        timed(async () => {
          for (let at = 0; at < repeats; at++) {
            const all = arrays(doBatch(at));
            await blockUntilReady(all);
            for (const array of all) array.dispose();
          }
        }),
      ),
    result: async () => {
      const read = async (list: readonly np.Array[]): Promise<number[][]> =>
        Promise.all(list.map(async (x) => [...(await wait(x.data()))] as number[]));
      const totals: Record<keyof Sums, number[][]> = { hidden: [], query: [], mlp: [], layer: [] };
      for (let at = 0; at < count; at++) {
        const sums = doBatch(at);
        for (const place of ["hidden", "query", "mlp", "layer"] as const) {
          const values = await read(sums[place] as np.Array[]);
          totals[place] = values.map((list, row) =>
            list.map((value, unit) => value + (totals[place][row]?.[unit] ?? 0)),
          );
        }
      }
      const root = (lists: readonly number[][]) => lists.map((list) => list.map(Math.sqrt));
      const hidden = root(totals.hidden).reduce((sum, list) =>
        sum.map((v, i) => v + (list[i] ?? 0)),
      );
      const tokens = count * windows * positions;
      return [
        Float32Array.from(hidden),
        Float32Array.from(root(totals.mlp).flat()),
        Float32Array.from(root(totals.query).flat()),
        Float32Array.from(totals.layer.flat(), (sum) => 1 - sum / tokens),
      ];
    },
  };
};
