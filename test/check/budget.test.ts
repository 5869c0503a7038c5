/** `params` in a prune: the axes without a target shrink evenly, to the most that fits. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parametersAt } from "../../compiler/library/parameters.js";
import { checkText, edited } from "./sotu.js";

const SCORED = "hidden, mlp, query, group, dim by activation";
const SIZES = { layer: 6, hidden: 128, group: 4, query: 2, dim: 16, mlp: 384 };

/** The example with these lines in the place of its targets. */
const pruned = (lines: string) => {
  const text = edited([
    ["hidden, mlp, query by activation", SCORED],
    [
      "  hidden 128 -> 96 // the left side is checked against the file, or left out\n",
      `${lines}\n`,
    ],
    ["  mlp    384 -> 256\n", ""],
    ["  params(healed) <= 60% of params(teacher)\n", ""],
  ]);
  const { recipe, diagnostics } = checkText(text);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const [teacher, student] = ["teacher", "student"].map((m) => recipe?.models.get(m)?.shape);
  if (teacher === undefined || student === undefined) throw new Error("no such model");
  const sizes = Object.fromEntries(student.axes.map(({ name, size }) => [name, size]));
  return { teacher, student, sizes };
};

test("a share of the whole model's parameters, by two axes", () => {
  const { teacher, student, sizes } = pruned("  params 60%\n  hidden, mlp");
  // 278/384 of both; the next larger share is 93/128, and 279/384.
  expect([sizes.hidden, sizes.mlp]).toEqual([92, 278]);
  const allowed = 0.6 * teacher.parameters;
  expect(student.parameters).toBeLessThanOrEqual(allowed);
  const next = parametersAt(teacher, new Map([["hidden", 93]]).set("mlp", 279));
  expect(next).toBeGreaterThan(allowed);
});

test("counts are parameters with and without their unit, and other targets stand as they are", () => {
  const lines = "  layer -> 5\n  mlp -> 320";
  const { sizes, student } = pruned(`  params 900K params\n  hidden\n${lines}`);
  expect(sizes).toMatchObject({ layer: 5, mlp: 320 });
  expect(student.parameters).toBeLessThanOrEqual(900_000);
  expect(pruned(`  params -> 0.9M\n  hidden\n${lines}`).sizes).toEqual(sizes);
});

test("a step makes multiples, pairs stay whole, and a budget that is met cuts nothing", () => {
  const { sizes } = pruned("  params 50%\n  hidden step 32\n  mlp step 48\n  dim");
  expect([Number(sizes.hidden) % 32, Number(sizes.mlp) % 48, Number(sizes.dim) % 2]).toEqual([
    0, 0, 0,
  ]);
  expect(pruned("  params 100%\n  hidden, mlp").sizes).toMatchObject(SIZES);
});

test("any budget is met by the largest share that meets it", () => {
  const axes = ["layer", "hidden", "group", "query", "dim", "mlp"] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 40, max: 99 }),
      fc.subarray(axes.slice(1), { minLength: 1 }),
      (percent, named) => {
        const free = ["hidden", ...named.filter((axis) => axis !== "hidden")];
        const { teacher, student, sizes } = pruned(`  params ${percent}%\n  ${free.join(", ")}`);
        const allowed = (percent / 100) * teacher.parameters;
        expect(student.parameters).toBeLessThanOrEqual(allowed);
        const together = (axis: string): number => (axis === "dim" ? 2 : 1);
        const full = (axis: string): number => SIZES[axis as keyof typeof SIZES];
        const shares = free.flatMap((axis) => {
          const next = (sizes[axis] ?? 0) + together(axis);
          return next > full(axis) ? [] : [next / full(axis)];
        });
        // The least larger share at which anything grows.
        const share = Math.min(...shares);
        const grown = free.map((axis): [string, number] => {
          const units = Math.floor((share * full(axis)) / together(axis) + 1e-9) * together(axis);
          return [axis, Math.max(together(axis), units)];
        });
        expect(parametersAt(teacher, new Map(grown))).toBeGreaterThan(allowed);
      },
    ),
    { numRuns: 25 },
  );
});
