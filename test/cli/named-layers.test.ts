/** Layers that the spec names, without scores: what is exported is theirs, and the run says which they are. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import { decisionsSchema } from "../../runtime/weights/decisions.js";
import { espalier } from "../support/espalier.js";
import { makeTinyProject } from "../support/tiny-project.js";

const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
prune student from teacher { layer 2 -> [1] }
evaluate student on texts { loss }
export student to "cut" { dtype f32 }
`;

test("the second of two layers is left, and becomes the first", async () => {
  const project = makeTinyProject(SPEC);
  try {
    const out = join(project.folder, "out");
    const explained = await espalier(["explain", project.spec]);
    expect(explained.stdout).toMatch(/prune student from teacher\n +layer 2 -> 1, which are 1\n/);
    const { code, stderr } = await espalier(["run", project.spec, "--out", out]);
    expect(stderr).toMatch(/prune student: layer 2 -> 1/);
    expect(code).toBe(0);
    const path = join(out, "decisions.json");
    const [prune] = decisionsSchema.parse(JSON.parse(readFileSync(path, "utf8"))).prunes;
    expect(prune).toMatchObject({ scores: null, data: null, windows: [], arithmetic: null });
    const sets = [{ at: {}, scores: [], kept: [1] }];
    expect(prune?.axes).toEqual([{ axis: "layer", criterion: null, from: 2, keep: 1, sets }]);
    const [before, after] = [
      await openCheckpoint(project.model),
      await openCheckpoint(join(out, "cut")),
    ];
    const weight = (layer: number): string => `model.layers.${layer}.mlp.down_proj.weight`;
    expect(after.has(weight(1))).toBe(false);
    expect(await readFloats(after.tensor(weight(0)))).toEqual(
      await readFloats(before.tensor(weight(1))),
    );
    for (const checkpoint of [before, after]) await checkpoint.close();
  } finally {
    rmSync(project.folder, { recursive: true, force: true });
  }
});
