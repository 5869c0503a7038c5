/** `espalier time`: every dispatch of every program is timed, and nothing is run that a spec would not. */
import { rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, tinySpec } from "../support/tiny-project.js";

const project = makeTinyProject(tinySpec(2));
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

interface Timed {
  readonly name: string;
  readonly milliseconds: number;
  readonly kernels: readonly {
    readonly count: number;
    readonly milliseconds: number;
    readonly flops: number;
  }[];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

test("times all that explain counts", async () => {
  const explained = await espalier(["explain", project.spec, "--json"]);
  const { stages } = JSON.parse(explained.stdout) as {
    stages: { programs: { name: string; dispatches: number; flops: number }[] }[];
  };
  const { code, stdout } = await espalier(["time", project.spec, "--json"]);
  expect(code).toBe(0);
  const { ceiling, programs } = JSON.parse(stdout) as {
    ceiling: Record<string, number>;
    programs: Timed[];
  };
  expect(Object.values(ceiling).every((rate) => rate > 1e6)).toBe(true);
  const counted = programs.map(({ name, kernels }) => ({
    name,
    dispatches: sum(kernels.map(({ count }) => count)),
    flops: sum(kernels.map(({ flops }) => flops)),
  }));
  for (const { name, dispatches, flops } of stages.flatMap((stage) => stage.programs))
    expect(counted).toContainEqual({ name, dispatches, flops });
  for (const { milliseconds, kernels } of programs)
    for (const time of [milliseconds, ...kernels.map((kernel) => kernel.milliseconds)])
      expect(time).toBeGreaterThan(0);
});

test("a program that is not there is said with those that are", async () => {
  const { code, stderr } = await espalier(["time", project.spec, "--program", "gradeint"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: no program is named gradeint; there are merit\.batch/m);
});
