/** Laws of the divergence in stdlib/losses/kld.prune, in float64: none of a distribution from itself, and never below none. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dense } from "../../compiler/ir/tensor.js";
import { randomDense } from "../../laws/dense.js";
import { stdlibTexts } from "../support/memory-host.js";
import { type Mutation, mutate } from "./mutant.js";
import { Builder, elaborateLoss, interpret, loadLibrary, parse } from "./product.js";

const KLD = "losses/kld.prune";
const stdlib = stdlibTexts();

/** The standard library, with the divergence's own text in its place. */
const libraryWith = (text: string) => {
  const files = [...stdlib].map(([path, own]) => parse(path, path === KLD ? text : own));
  expect(files.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
  return loadLibrary(files.map(({ file }) => file)).library;
};
type Library = ReturnType<typeof libraryWith>;

interface Case {
  readonly sizes: { readonly window: number; readonly position: number; readonly vocab: number };
  readonly seed: number;
  /** Logits lie between minus this and this. */
  readonly spread: number;
  readonly temperature: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  sizes: fc.record({
    window: fc.integer({ min: 1, max: 3 }),
    position: fc.integer({ min: 1, max: 4 }),
    vocab: fc.integer({ min: 1, max: 9 }),
  }),
  seed: fc.nat(),
  spread: fc.constantFrom(0, 0.01, 1, 30, 1000),
  temperature: fc.integer({ min: 5, max: 2000 }).map((hundredths) => hundredths / 100),
});

const axesOf = ({ sizes }: Case) =>
  (["window", "position", "vocab"] as const).map((name) => ({ name, size: sizes[name] }));

const logits = (drawn: Case, seed: number): Dense => {
  const { axes, data } = randomDense("logits", axesOf(drawn), seed);
  return { axes, data: data.map((value) => value * drawn.spread) };
};

/** `kld(temperature: …)` of a teacher's and a student's logits. */
const divergence = (library: Library, drawn: Case, teacher: Dense, student: Dense): number => {
  const { file, diagnostics } = parse(
    "spec.prune",
    `let loss = kld(temperature: ${drawn.temperature})\n`,
  );
  const [declaration] = file.declarations;
  if (diagnostics.length > 0 || declaration?.kind !== "binding") throw new Error("not a loss");
  const b = new Builder();
  const [window, position, vocab] = axesOf(drawn);
  if (window === undefined || position === undefined || vocab === undefined)
    throw new Error("three axes");
  const axes = [window, position, vocab];
  const loss = elaborateLoss({ file, decl: declaration.value }, library, b, {
    teacher: new Map([["logits", b.input("teacher", axes)]]),
    student: new Map([["logits", b.input("student", axes)]]),
    labels: b.input("labels", [window, position], "u32"),
  });
  if (!loss.ok) throw new Error(loss.diagnostics[0]?.message);
  const inputs = new Map([
    ["teacher", teacher],
    ["student", student],
  ]);
  return interpret({ outputs: { loss: loss.value } }, inputs).loss?.data[0] ?? Number.NaN;
};

/** Σ p (log p − log q) / tokens, each distribution by its definition. */
const byDefinition = ({ sizes, temperature }: Case, teacher: Dense, student: Dense): number => {
  const { vocab } = sizes;
  const tokens = sizes.window * sizes.position;
  const logOf = (row: Float64Array): number[] => {
    const scaled = [...row].map((value) => value / temperature);
    const most = Math.max(...scaled);
    const log = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - most), 0));
    return scaled.map((value) => value - most - log);
  };
  let sum = 0;
  for (let token = 0; token < tokens; token++) {
    const [p, q] = [teacher, student].map(({ data }) =>
      logOf(data.slice(token * vocab, (token + 1) * vocab)),
    );
    p?.forEach((log, i) => {
      sum += Math.exp(log) * (log - (q?.[i] ?? Number.NaN));
    });
  }
  return sum / tokens;
};

type Law = (library: Library) => void;
const RUNS = { numRuns: 200 };

const nothingFromItself: Law = (library) =>
  fc.assert(
    fc.property(cases, (drawn) => {
      const same = logits(drawn, drawn.seed);
      expect(Math.abs(divergence(library, drawn, same, same))).toBe(0);
    }),
    RUNS,
  );

const neverBelow: Law = (library) =>
  fc.assert(
    fc.property(cases, (drawn) => {
      const [p, q] = [logits(drawn, drawn.seed), logits(drawn, drawn.seed + 1)];
      expect(divergence(library, drawn, p, q)).toBeGreaterThanOrEqual(-1e-12);
    }),
    RUNS,
  );

const asDefined: Law = (library) =>
  fc.assert(
    fc.property(cases, (drawn) => {
      const [p, q] = [logits(drawn, drawn.seed), logits(drawn, drawn.seed + 1)];
      const expected = byDefinition(drawn, p, q);
      const gap = Math.abs(divergence(library, drawn, p, q) - expected);
      expect(gap).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
    }),
    RUNS,
  );

const change = (find: string, replace: string): Mutation => ({
  file: `stdlib/${KLD}`,
  find,
  replace,
});

const LAWS: readonly (readonly [string, Law, Mutation])[] = [
  ["there is none of a distribution from itself", nothingFromItself, change("(p - q)", "p")],
  ["it is never below none", neverBelow, change("exp(p) *", "exp(q) *")],
  ["it is what its definition says", asDefined, change("guess / temperature", "guess")],
];

describe.each(LAWS)("%s", (_name, law, mutation) => {
  test("law", () => {
    law(libraryWith(stdlib.get(KLD) ?? ""));
  });

  test("its mutant breaks it", () => {
    const broken = libraryWith(mutate(mutation));
    expect(() => law(broken)).toThrow(/Property failed/);
  });
});
