/** `rounds` in a prune: the stages that it stands for. */
import { expect, test } from "vitest";
import { checkText, edited } from "./sotu.js";

const stepsOf = (lines: string) => {
  const { recipe, diagnostics } = checkText(
    edited([
      ["  mlp    384 -> 256\n", lines],
      ["hidden, mlp, query by activation", "hidden, mlp, query, dim by activation"],
      ["  params(healed) <= 60% of params(teacher)\n", ""],
    ]),
  );
  expect(diagnostics).toEqual([]);
  if (recipe === null) throw new Error("no recipe");
  const made = recipe.steps.flatMap((step) => {
    if (step.kind === "prune") return [`${step.name} from ${step.source} by ${step.scores}`];
    return step.kind === "score" ? [`${step.name} of ${step.model}`] : [];
  });
  const cuts = recipe.steps.flatMap((step) =>
    step.kind === "prune"
      ? [step.cuts.map(({ axis, from, keep }) => `${axis} ${from} ${keep}`)]
      : [],
  );
  return { recipe, made, cuts };
};

test("scores of what the round before left, sizes in equal parts", () => {
  const { recipe, made, cuts } = stepsOf("  mlp 384 -> 256\n  dim 16 -> 8\n  rounds 3\n");
  expect(made).toEqual([
    "merit of teacher",
    "student.round1 from teacher by merit",
    "merit.student.round1 of student.round1",
    "student.round2 from student.round1 by merit.student.round1",
    "merit.student.round2 of student.round2",
    "student from student.round2 by merit.student.round2",
  ]);
  // 32 channels in three parts; 128 neurons; four pairs of dimensions.
  expect(cuts).toEqual([
    ["hidden 128 117", "mlp 384 341", "dim 16 14"],
    ["hidden 117 107", "mlp 341 299", "dim 14 10"],
    ["hidden 107 96", "mlp 299 256", "dim 10 8"],
  ]);
  const sizes = recipe.models.get("student.round2")?.shape.axes;
  expect(sizes).toEqual(expect.arrayContaining([{ name: "hidden", size: 107 }]));
});

test("one round is none, and an axis with fewer units than rounds loses them when it can", () => {
  expect(stepsOf("  rounds 1\n").made).toEqual([
    "merit of teacher",
    "student from teacher by merit",
  ]);
  const { cuts } = stepsOf("  query 2 -> 1\n  rounds 3\n");
  expect(cuts.map((cut) => cut.filter((text) => text.startsWith("query")))).toEqual([
    [],
    ["query 2 1"],
    [],
  ]);
});
