/** Attention forward and backward against float64, by every schedule, on random shapes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AttentionSpec, attention } from "../../kernels/attention.kernel.js";
import {
  attentionGradKeyValue,
  attentionGradQuery,
} from "../../kernels/attention-gradient.kernel.js";
import {
  referenceAttention,
  referenceAttentionGradient,
} from "../../kernels/attention-reference.js";
import { ALL_SCORES, type ScoreRule } from "../../kernels/attention-scores.js";
import type { Device } from "../../runtime/device.js";
import { everyDevice, sharedDevice } from "../support/device.js";
import { poisoned, randomArray, worstError } from "../support/numbers.js";
import { runKernel, runnable } from "../support/run-kernel.js";
import { expectSameBits, type Written } from "../support/same-bits.js";

/** Few sizes of heads and rules of scores, for each is a pipeline of its own. */
const specsOf = (
  dims: readonly number[],
  rules: readonly ScoreRule[],
): fc.Arbitrary<AttentionSpec> =>
  fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    position: fc.integer({ min: 1, max: 37 }),
    groups: fc.integer({ min: 1, max: 3 }),
    queries: fc.integer({ min: 1, max: 3 }),
    dim: fc.constantFrom(...dims),
    scale: fc.constantFrom(0.25, 1, 3),
    scores: fc.constantFrom(...rules),
  });

const rules: readonly ScoreRule[] = [
  ALL_SCORES,
  { cap: null, within: 5 },
  { cap: 2, within: null },
  { cap: 2, within: 5 },
];

const shared = await sharedDevice();

/** Of more lanes than 4, to run what is for subgroups of any size from there on. */
const withQuads = (device: Device): Device => ({
  ...device,
  report: { ...device.report, features: [...device.report.features, "subgroups-from-4"] },
});

/** Lavapipe's compiler takes seconds for what the embedded adapter's takes tenths for. */
const cases = (await everyDevice()).flatMap((device) => {
  const name = device.report.device;
  return device === shared
    ? [
        { name, device, specs: specsOf([2, 6, 16, 40, 64], rules), runs: 25 },
        { name: `${name}, heads of 128`, device, specs: specsOf([128], [ALL_SCORES]), runs: 3 },
      ]
    : [
        { name, device, specs: specsOf([64], [ALL_SCORES]), runs: 5 },
        { name, device: withQuads(device), specs: specsOf([16], [ALL_SCORES]), runs: 5 },
      ];
});

/** Where a piece begins in its bindings: anywhere, or at pairs or fours, as the schedules that read in such want. */
const bases: fc.Arbitrary<Required<AttentionSpec>["bases"]> = fc
  .record({ rows: fc.nat(9), keys: fc.nat(9), lse: fc.nat(9), of: fc.constantFrom(1, 2, 4, 4) })
  .map(({ rows, keys, lse, of }) => ({ rows: rows * of, keys: keys * of, lse }));

/** The array after so many elements that belong to others and are not numbers. */
const behind = (base: number, data: Float32Array): Float32Array => {
  const whole = poisoned(base + data.length);
  whole.set(data, base);
  return whole;
};

/** What lies after the base, if what lies before it was left alone. */
const after = (base: number, found: Float32Array | undefined): Float32Array | undefined =>
  found?.subarray(0, base).every(Number.isNaN) === true ? found.subarray(base) : undefined;

const operandsOf = (spec: AttentionSpec, seed: number) => {
  const keys = spec.batch * spec.position * spec.groups;
  const rows = keys * spec.queries;
  const q = randomArray(rows * spec.dim, seed);
  const k = randomArray(keys * spec.dim, seed + 1);
  const v = randomArray(keys * spec.dim, seed + 2);
  const dOut = randomArray(rows * spec.dim, seed + 3);
  return { rows, keys, q, k, v, dOut };
};

test.each(
  cases,
)("$name: attention of random shapes is that of float64, by every schedule, anywhere in its bindings, and the same bits by those of one size of subgroup", async ({
  device,
  specs,
  runs,
}) => {
  await fc.assert(
    fc.asyncProperty(specs, bases, fc.nat(), async (spec, base, seed) => {
      const { rows, q, k, v } = operandsOf(spec, seed);
      const expected = referenceAttention(spec, q, k, v);
      const call = attention({ ...spec, bases: base });
      const inputs = {
        q: behind(base.rows, q),
        k: behind(base.keys, k),
        v: behind(base.keys, v),
      };
      const written: Written[] = [];
      for (const variant of runnable(device, call)) {
        const out = poisoned(base.rows + rows * spec.dim);
        const lse = poisoned(base.lse + rows);
        const results = await runKernel(device, call, variant, { ...inputs, out, lse });
        expect(worstError(after(base.rows, results.out), expected.out)).toBeLessThan(2e-5);
        expect(worstError(after(base.lse, results.lse), expected.lse)).toBeLessThan(
          2e-5 * (1 + spec.dim),
        );
        written.push([variant, results]);
      }
      expectSameBits(call, written);
    }),
    { numRuns: runs },
  );
});

test.each(cases)("$name: scores that rise without end leave the softmax finite and right", async ({
  device,
}) => {
  const spec = { batch: 1, position: 37, groups: 1, queries: 1, dim: 16, scale: 1 };
  const q = new Float32Array(37 * 16).fill(1);
  const k = q.map((_, at) => Math.floor(at / 16) / 4);
  const v = randomArray(37 * 16, 1);
  const expected = referenceAttention(spec, q, k, v);
  const call = attention(spec);
  const written: Written[] = [];
  for (const variant of runnable(device, call)) {
    const [out, lse] = [poisoned(37 * 16), poisoned(37)];
    const results = await runKernel(device, call, variant, { q, k, v, out, lse });
    expect(worstError(results.out, expected.out)).toBeLessThan(2e-5);
    expect(worstError(results.lse, expected.lse)).toBeLessThan(2e-5);
    written.push([variant, results]);
  }
  expectSameBits(call, written);
});

test.each(
  cases,
)("$name: its gradients on random shapes are those of float64, by every schedule, anywhere in their bindings, and the same bits by those of one size of subgroup", async ({
  device,
  specs,
  runs,
}) => {
  await fc.assert(
    fc.asyncProperty(specs, bases, fc.nat(), async (spec, base, seed) => {
      const { rows, keys, q, k, v, dOut } = operandsOf(spec, seed);
      const { dim } = spec;
      const forward = referenceAttention(spec, q, k, v);
      const lse = Float32Array.from(forward.lse);
      const delta = Float32Array.from({ length: rows }, (_, row) =>
        Array.from({ length: dim }, (_, i) => row * dim + i).reduce(
          (sum, at) => sum + (forward.out[at] ?? 0) * (dOut[at] ?? 0),
          0,
        ),
      );
      const expected = referenceAttentionGradient(spec, q, k, v, dOut);
      const inputs = {
        q: behind(base.rows, q),
        k: behind(base.keys, k),
        v: behind(base.keys, v),
        lse: behind(base.lse, lse),
        dOut: behind(base.rows, dOut),
        delta: behind(base.lse, delta),
      };
      const near = 1e-5 * (1 + dim) * (1 + spec.scale) * Math.sqrt(spec.position * spec.queries);
      const piece = { ...spec, bases: base };
      const [dqs, dkvs] = [attentionGradQuery(piece), attentionGradKeyValue(piece)];
      const [queries, keysAndValues]: [Written[], Written[]] = [[], []];
      for (const variant of runnable(device, dqs)) {
        const results = await runKernel(device, dqs, variant, {
          ...inputs,
          dq: poisoned(base.rows + rows * dim),
        });
        expect(worstError(after(base.rows, results.dq), expected.dq)).toBeLessThan(near);
        queries.push([variant, results]);
      }
      for (const variant of runnable(device, dkvs)) {
        const none = poisoned(base.keys + keys * dim);
        const results = await runKernel(device, dkvs, variant, { ...inputs, dk: none, dv: none });
        expect(worstError(after(base.keys, results.dk), expected.dk)).toBeLessThan(near);
        expect(worstError(after(base.keys, results.dv), expected.dv)).toBeLessThan(near);
        keysAndValues.push([variant, results]);
      }
      expectSameBits(dqs, queries);
      expectSameBits(dkvs, keysAndValues);
    }),
    { numRuns: runs },
  );
});
