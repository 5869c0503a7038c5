/** A law of the product as tests: it holds, and each of its mutants breaks it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Mutation, mutant, type Product } from "./mutant.js";
import * as product from "./product.js";
import { type Measured, subjectsOf } from "./subjects.js";

export type Law = (product: Product) => Promise<void>;

/** Holds of every drawn case; a mutant need only be caught, not shrunk. */
export const always =
  <Case>(
    cases: fc.Arbitrary<Case>,
    holds: (product: Product, drawn: Case) => void | Promise<void>,
    numRuns = 100,
  ): Law =>
  (tested) =>
    fc.assert(
      fc.asyncProperty(cases, async (drawn) => holds(tested, drawn)),
      { numRuns, endOnFailure: tested !== product },
    );

export const law = (name: string, holds: Law, mutations: readonly Mutation[]): void => {
  describe(name, () => {
    test("holds", () => holds(product));

    test.each(mutations)("fails with $replace", async (mutation) => {
      await expect(holds(await mutant(mutation))).rejects.toThrow(/Property failed/);
    });
  });
};

const newSeed = (): number => Math.floor(Math.random() * 2 ** 31);

/** A law that the product has itself, on so many random models of each architecture. */
const ofProduct =
  (name: string, measured: Measured, runs: number): Law =>
  async (tested) => {
    const found = tested.LAWS.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no law ${name}`);
    for (const subject of subjectsOf(tested, measured)) {
      const options = { runs, seed: newSeed(), quick: tested !== product };
      const verdict = await tested.tryLaw(found, subject, options);
      if (verdict.kind === "broken")
        throw new Error(`Property failed of ${subject.name}: ${JSON.stringify(verdict.by)}`);
      expect(verdict).toEqual({ kind: "holds", runs });
    }
  };

export const productLaw = (
  name: string,
  mutations: readonly Mutation[],
  measured: Measured = {},
  runs = 50,
): void => law(name, ofProduct(name, measured, runs), mutations);
