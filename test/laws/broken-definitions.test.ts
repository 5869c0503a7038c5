/** `espalier test` catches definitions that check and yet are wrong: for each law one that breaks it, by its name. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { LAWS } from "../../laws/all.js";
import { subjectsIn } from "../../laws/of-library.js";
import { type SmallSubject, subjectsOf } from "../../laws/of-recipe.js";
import { tryLaw, type Verdict } from "../../laws/try-law.js";
import { models } from "../check/sotu.js";
import { memoryHost } from "../support/memory-host.js";

const page = readFileSync(new URL("../../docs/extending.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```prune\n(.*?)^```$/gms)].map(([, text = ""]) => text);
const ARCHITECTURE = examples.find((text) => text.includes("architecture parallel")) ?? "";

const CONFIG = {
  architectures: ["ParallelForCausalLM"],
  num_hidden_layers: 3,
  hidden_size: 64,
  num_attention_heads: 4,
  vocab_size: 2048,
};

const OWN = `edition 1

criterion good of tap x = mean[window, position](x * x)

/// Less than nothing has no logarithm.
criterion unsaid of tap x = log(mean[window, position](x) - 5)

/// What is left of rounding.
criterion noise of tap x = mod(sum[window, position](x * x) * 1e13, 1)

/// Channels count by where they stand.
criterion placed[others] of weight w = sum[others](abs(w) * (1 + index(others)))

loss squares(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  gap = target - guess
  mean[window, position, vocab](gap * gap)
}

/// The root of 0 has no slope.
loss rooted(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  gap = target - guess
  sqrt(mean[window, position, vocab](gap * gap))
}

/// Least where they are not the same.
loss shifted(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  gap = target - guess + 0.01
  mean[window, position, vocab](gap * gap)
}

/// Right, with a corner wherever both are the same.
loss variation(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  mean[window, position](sum[vocab](abs(softmax[vocab](target) - softmax[vocab](guess))))
}

/// No divergence, and right: the entropy of the teacher where both are the same.
loss soft(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  mean[window, position](-sum[vocab](softmax[vocab](target) * log_softmax[vocab](guess)))
}
`;

interface Parts {
  readonly architecture?: string;
  readonly criterion?: string;
  readonly loss?: string;
}

const SPEC = ({ criterion = "good", loss = "squares() + 0.1 * cross_entropy()" }: Parts): string =>
  `edition 1
use "./architecture.prune"
use "./own.prune"
model teacher = open("models/parallel")
data texts = text("texts/*.txt") { window 8 }
score merit of teacher on texts {
  hidden, head, mlp by ${criterion}
  layer by block_influence
}
prune student from teacher using merit { mlp -> 50% }
distill healed = student from teacher on texts {
  loss ${loss}
  stop 4 steps
  batch 2 windows
  rate constant(1e-3)
}
`;

const hostWith = (architecture: string) =>
  memoryHost({
    models: { ...models, "models/parallel": CONFIG },
    texts: { "architecture.prune": architecture, "own.prune": OWN },
  });

/** The recipe of a spec or a file of definitions, with which nothing is wrong. */
const recipeOf = (path: string, text: string, architecture = ARCHITECTURE): Recipe => {
  const { recipe, diagnostics } = check(path, text, hostWith(architecture));
  expect(diagnostics).toEqual([]);
  if (recipe === null) throw new Error("no recipe");
  return recipe;
};

const subjectOf = (parts: Parts): SmallSubject => {
  const recipe = recipeOf("spec.prune", SPEC(parts), parts.architecture);
  const [subject] = subjectsOf(recipe);
  if (subject === undefined) throw new Error("no subject");
  return subject;
};

const tried = (name: string, subject: SmallSubject, runs: number): Promise<Verdict> => {
  const law = LAWS.find((candidate) => candidate.name === name);
  if (law === undefined) throw new Error(`no law ${name}`);
  return tryLaw(law, subject, { runs, seed: 1, quick: true });
};

/** The architecture with some of its text changed, which must stand there once. */
const changed = (...changes: readonly (readonly [string, string])[]): Parts => {
  const architecture = changes.reduce((text, [find, replace]) => {
    const parts = text.split(find);
    expect(parts).toHaveLength(2);
    return parts.join(replace);
  }, ARCHITECTURE);
  return { architecture };
};

const names = LAWS.map(({ name }) => name);

describe("what is right holds", () => {
  const good = subjectOf({});

  test.each(names)("%s", async (name) => {
    expect(await tried(name, good, 12)).toEqual({ kind: "holds", runs: 12 });
  });

  test("a cross-entropy of the teacher's probabilities", async () => {
    const verdict = await tried("divergence", subjectOf({ loss: "soft()" }), 40);
    expect(verdict).toEqual({ kind: "holds", runs: 40 });
  });
});

test("the gradient of a loss with corners holds beside them", async () => {
  const verdict = await tried("gradients", subjectOf({ loss: "variation()" }), 60);
  expect(verdict).toEqual({ kind: "holds", runs: 60 });
});

const rescaled = (by: string): Parts =>
  changed(["  config head_dim = dim\n", `  config head_dim = dim\n  cut embed = embed * ${by}\n`]);

const numbered = () => changed(["n . v)\n", "n . v) * (1 + index(head))\n"]);

const sameTensor = () => changed(["h.{layer}.ln.bias", "h.{layer}.ln.weight"]);

/** Units of heads that are rotated in pairs, and can be cut one by one. */
const apart = () => changed([" in pairs", ""]);

/** Halves of heads that are rotated against each other, and neighbours that stay together. */
const mispaired = () => changed([" in pairs", " in adjacent pairs"]);

const BROKEN: readonly (readonly [string, string, () => Parts])[] = [
  [
    "full-size",
    "a scale that is not 1 where nothing is cut",
    () => rescaled("sqrt(before.hidden / (hidden + 1))"),
  ],
  ["dead-units", "heads that count by their number", numbered],
  ["permutation", "heads that count by their number", numbered],
  ["permutation", "a criterion that counts channels by theirs", () => ({ criterion: "placed" })],
  ["masking", "rotated pairs that are cut apart", apart],
  ["pairs", "pairs that are not those that are rotated", mispaired],
  ["nesting", "scores that are no numbers", () => ({ criterion: "unsaid" })],
  ["by-steps", "a scale of differences", () => rescaled("(before.hidden - hidden + 1)")],
  ["gradients", "a loss with a corner where both are the same", () => ({ loss: "rooted()" })],
  ["divergence", "a loss that is least elsewhere", () => ({ loss: "squares() + shifted()" })],
  ["batch-split", "a criterion of what rounding leaves", () => ({ criterion: "noise" })],
  ["parameters", "two weights in one tensor", sameTensor],
  ["export-import", "two weights in one tensor", sameTensor],
];

test("there is a broken definition for each law", () => {
  expect([...new Set(BROKEN.map(([name]) => name))].sort()).toEqual([...names].sort());
});

describe("what is wrong is caught", () => {
  test.each(BROKEN)("by %s: %s", async (name, _what, parts) => {
    const verdict = await tried(name, subjectOf(parts()), 150);
    expect(verdict.kind).toBe("broken");
  });

  test("by the smallest model that shows it, and again by its seed and path", async () => {
    const subject = subjectOf(apart());
    const law = LAWS.find(({ name }) => name === "masking");
    if (law === undefined) throw new Error("no law");
    const verdict = await tryLaw(law, subject, { runs: 100, seed: 3 });
    if (verdict.kind !== "broken") throw new Error(verdict.kind);
    const { by } = verdict;
    expect(by.sizes).toMatchObject({ layer: 1, hidden: 2, dim: 4 });
    expect(by.reason).toMatch(/dim \d -> \d.*differ/);
    const { seed, path } = by;
    const again = await tryLaw(law, subject, { runs: 100, seed, path });
    expect(again.kind === "broken" ? again.by.sizes : null).toEqual(by.sizes);
    expect(again.kind === "broken" ? again.by.draw : null).toEqual(by.draw);
  });
});

describe("a file of definitions by itself", () => {
  const subjectsOfFile = (path: string, text: string): readonly SmallSubject[] => {
    const { library, file } = recipeOf(path, text);
    return subjectsIn(library, file);
  };

  test("its architecture, in sizes of its own", async () => {
    const subjects = subjectsOfFile("architecture.prune", ARCHITECTURE);
    expect(subjects.map(({ name }) => name)).toEqual(["parallel"]);
    const [subject] = subjects;
    if (subject === undefined) throw new Error("no subject");
    // Measured and trained by what the library has.
    for (const name of ["masking", "gradients", "divergence", "nesting", "batch-split"])
      expect(await tried(name, subject, 10), name).toEqual({ kind: "holds", runs: 10 });
  });

  test("every architecture of the library in small sizes", async () => {
    const { library } = recipeOf("architecture.prune", ARCHITECTURE);
    for (const { file, decl } of library.architectures.values())
      for (const subject of subjectsIn(library, file))
        expect(await tried("batch-split", subject, 3), decl.name.name).toEqual({
          kind: "holds",
          runs: 3,
        });
  });

  test("its criteria and losses, on an architecture of the library that has what they look at", async () => {
    const subjects = subjectsOfFile("own.prune", OWN);
    expect(subjects.flatMap(({ criteria }) => criteria)).toHaveLength(4);
    expect(subjects.flatMap(({ losses }) => losses)).toHaveLength(5);
    const [subject] = subjects;
    if (subject === undefined) throw new Error("no subject");
    for (const name of ["nesting", "batch-split", "gradients", "divergence"])
      expect((await tried(name, subject, 150)).kind, name).toBe("broken");
  });
});
