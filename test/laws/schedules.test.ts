/** Law: any tile, any split into pieces, fused or not, gives the same result. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Dispatch } from "../../compiler/plan.js";
import { portableTarget, type Target } from "../../compiler/schedule/target.js";
import { graphCase } from "../support/arbitraries/graph.js";
import { worstError } from "../support/numbers.js";
import { drawnGraph, feedPlacement, runLowered } from "../support/run-graph.js";
import { type Mutation, mutant, type Product } from "./mutant.js";
import * as product from "./product.js";

/** `from`: the schedule of each kernel to begin with, of those that run here; not tiles in workgroup memory, slow to compile. */
const ways: readonly { readonly target: Partial<Target>; readonly from: number }[] = [
  { target: {}, from: 0 },
  { target: {}, from: 7 },
  { target: { fuse: false }, from: 6 },
  { target: { maxBinding: 512 }, from: 0 },
  { target: { maxBinding: 900 }, from: 8 },
  { target: { maxBinding: 640, fuse: false }, from: 7 },
];

const turned = (dispatch: Dispatch, from: number): Dispatch => {
  const at = from % dispatch.launches.length;
  return {
    ...dispatch,
    launches: [...dispatch.launches.slice(at), ...dispatch.launches.slice(0, at)],
  };
};

/** How many of `runs` random graphs gave one result whatever the way; throws where they differ. */
const law = async (tested: Product, runs: number): Promise<number> => {
  const { lower, BindingTooLarge } = tested;
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(graphCase(), async (drawn) => {
      const graph = drawnGraph(drawn);
      const results = [];
      for (const { target, from } of ways) {
        try {
          const lowered = lower("case", graph.graph, feedPlacement(graph), {
            ...portableTarget,
            ...target,
          });
          const { program } = lowered;
          const dispatches = program.dispatches.map((dispatch) => turned(dispatch, from));
          results.push(
            await runLowered({ ...lowered, program: { ...program, dispatches } }, graph.values),
          );
        } catch (error) {
          // An attention whose window alone is too large is refused by name.
          if (!(error instanceof BindingTooLarge)) throw error;
        }
      }
      const [first, ...others] = results;
      for (const other of others)
        for (const [name, values] of first ?? []) {
          const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
          expect(worstError(other.get(name), values)).toBeLessThan(1e-4 * most);
          compared++;
        }
    }),
    // A mutant need only be caught, not shrunk.
    { numRuns: runs, endOnFailure: tested !== product },
  );
  return compared;
};

test("one result, whatever the schedule", async () => {
  expect(await law(product, 60)).toBeGreaterThan(240);
});

const mutations: readonly (readonly [string, Mutation])[] = [
  [
    "a slab that forgets where its range begins",
    {
      file: "compiler/emit/pieces.ts",
      find: "start += range.start * stride;",
      replace: "start += 0 * stride;",
    },
  ],
  [
    "a tile that drops the last k",
    {
      file: "kernels/matmul-subgroup.ts",
      find: '"for (; i < p.k; i++) {"',
      replace: '"for (; i + 1u < p.k; i++) {"',
    },
  ],
  [
    "axes indexed as one that do not lie side by side",
    {
      file: "compiler/emit/collapse.ts",
      find: "return at < 0 ? !order.includes(second) : order[at + 1] === second;",
      replace: "return at < 0 ? !order.includes(second) : order.includes(second);",
    },
  ],
];

test.each(mutations)("the law catches %s", async (_name, mutation) => {
  await expect(law(await mutant(mutation), 300)).rejects.toThrow(/Property failed/);
});
