/** Tries a law on random cases; one that breaks it is made as small as it gets. */
import fc from "fast-check";
import type { ModelShape } from "../compiler/library/library.js";
import { type Draw, type Given, type Law, type Subject, Untold } from "./law.js";

const draws: fc.Arbitrary<Draw> = fc.record({
  seed: fc.nat(1_000_000),
  keeps: fc.array(fc.nat(100), { minLength: 8, maxLength: 8 }),
  windows: fc.integer({ min: 1, max: 3 }),
  positions: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 6 }),
  pick: fc.nat(999),
});

/** How a law was broken: the smallest case found, and what finds it again. */
export interface Counterexample {
  /** In one line. */
  readonly reason: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly draw: Draw;
  readonly seed: number;
  readonly path: string;
}

export type Verdict =
  | { readonly kind: "holds"; readonly runs: number }
  | { readonly kind: "silent"; readonly why: string }
  | { readonly kind: "broken"; readonly runs: number; readonly by: Counterexample };

export interface TryOptions {
  readonly runs: number;
  readonly seed: number;
  /** Begins at this case, as a counterexample names it. */
  readonly path?: string;
  /** A case that breaks the law is not made smaller. */
  readonly quick?: boolean;
  /** After each case. */
  readonly onCase?: (done: number) => void;
}

/** Of a case that breaks the law, as large as it was drawn. */
type Case<Sizes> = readonly [Sizes, Draw];

const given = <Sizes>({ criteria, losses }: Subject<Sizes>, shape: ModelShape): Given => ({
  shape,
  criteria,
  losses,
});

/** The first drawn shape that config.json can say, to know beforehand what laws speak of; null where none of many can be. */
const anyShape = <Sizes>({ sizes, shapeAt }: Subject<Sizes>, seed: number): ModelShape | null => {
  for (const drawn of fc.sample(sizes, { numRuns: 200, seed })) {
    const shape = shapeAt(drawn);
    if (shape !== null) return shape;
  }
  return null;
};

const reasonOf = (error: unknown): string => {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
};

const counterexample = <Sizes>(
  subject: Subject<Sizes>,
  details: fc.RunDetails<[Case<Sizes>]>,
): Counterexample | null => {
  const [failed] = details.counterexample ?? [];
  if (failed === undefined) return null;
  const [sizes, draw] = failed;
  const axes = subject.shapeAt(sizes)?.axes ?? [];
  return {
    reason: reasonOf(details.errorInstance),
    sizes: Object.fromEntries(axes.map(({ name, size }) => [name, size])),
    draw,
    seed: details.seed,
    path: details.counterexamplePath ?? "",
  };
};

export const tryLaw = async <Sizes>(
  law: Law,
  subject: Subject<Sizes>,
  options: TryOptions,
): Promise<Verdict> => {
  const sample = anyShape(subject, options.seed);
  if (sample === null) return { kind: "silent", why: "config.json has no word for small sizes" };
  const why = law.silent(given(subject, sample));
  if (why !== null) return { kind: "silent", why };
  let done = 0;
  const property = fc.asyncProperty(
    fc.tuple(subject.sizes, draws),
    async ([sizes, draw]: Case<Sizes>) => {
      const shape = subject.shapeAt(sizes);
      fc.pre(shape !== null);
      try {
        await law.holds({ ...given(subject, shape), ...draw });
      } catch (error) {
        fc.pre(!(error instanceof Untold));
        throw error;
      }
      done++;
      options.onCase?.(done);
    },
  );
  const details = await fc.check(property, {
    numRuns: options.runs,
    seed: options.seed,
    ...(options.path === undefined ? {} : { path: options.path }),
    endOnFailure: options.quick === true,
  });
  const by = counterexample(subject, details);
  if (by !== null) return { kind: "broken", runs: details.numRuns, by };
  return details.failed && done === 0
    ? { kind: "silent", why: "no case tells anything" }
    : { kind: "holds", runs: done };
};
