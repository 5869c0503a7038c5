/** A law of the product as tests: it holds, and each of its mutants breaks it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Mutation, mutant, type Product } from "./mutant.js";
import * as product from "./product.js";

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
