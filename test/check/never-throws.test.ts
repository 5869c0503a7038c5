/** Whatever the text, the check answers with diagnostics that lie within it, sorted. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkText, example } from "./sotu.js";

const TOKENS = example.split(/(\s+|[^\w\s])/).filter((token) => token !== "");

/** The example with a run of tokens removed and a few others put in its place. */
const mangled = fc
  .record({
    at: fc.nat(TOKENS.length - 1),
    removed: fc.nat(6),
    put: fc.array(fc.constantFrom(...new Set(TOKENS)), { maxLength: 3 }),
  })
  .map(({ at, removed, put }) =>
    [...TOKENS.slice(0, at), ...put, ...TOKENS.slice(at + removed)].join(""),
  );

test("mangled specs", () => {
  fc.assert(
    fc.property(mangled, (text) => {
      const { diagnostics, recipe, sources } = checkText(text);
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      expect(recipe === null).toBe(errors.length > 0);
      for (const { path, span } of diagnostics) {
        expect(span.start).toBeGreaterThanOrEqual(0);
        expect(span.end).toBeLessThanOrEqual((sources.get(path) ?? "").length);
      }
      const starts = diagnostics
        .filter((d) => d.path === "sotu-half.prune")
        .map((d) => d.span.start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }),
    { numRuns: 60 },
  );
});
