/**
 * Layers scored by questions, against EleutherAI's harness asking the model without them (make-removal-accuracy.py); and runs
 * of layers scored by loss against the same forward pass.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { runStage } from "../../runtime/run/stages.js";
import { readDecisions } from "../../runtime/weights/decisions.js";
import { sharedDevice } from "../support/device.js";
import { inScratch } from "../support/scratch.js";
import { contextOf, fixture, planFor } from "./example.js";

const removed = z.object({
  start: z.int(),
  length: z.int(),
  acc: z.number(),
  acc_norm: z.number(),
  likelihood: z.number(),
});
const oracle = z
  .object({ whole: z.array(removed), shots2: z.array(removed), gaps: z.array(removed) })
  .parse(fixture("choices/removal.json"));
type Removed = z.infer<typeof removed>;

const here = fileURLToPath(new URL(".", import.meta.url));
const QUIZ = `choices(${JSON.stringify(join(here, "choices/questions.jsonl"))}) {
  window 64
  prompt "Begin: {question}"
  choices "choices.text"
  answer "answerKey"
  labels "choices.label"`;

const plan = planFor(`edition 1
criterion change(measure) of rest less = measure(model) - measure(less)
model teacher = open("models/sotu-1m")
data quiz = ${QUIZ}
}
data shown = ${QUIZ}
  shots 2
}
data speeches = text("data/sotu/train/*.txt") {
  window 32
  take 4 windows
}
score norm of teacher on shown { layer by removal_accuracy(acc_norm) }
score gaps of teacher on quiz { layer by gap_accuracy }
score change of teacher on quiz { layer by change(acc) }
score lost of teacher on speeches { layer by removal_loss }
score gone of teacher on speeches { layer by gap_loss }
score pairs of teacher on quiz { layer by gap_accuracy(length: 2) }
score three of teacher on speeches { layer by gap_loss(length: 3) }
score angles of teacher on speeches { layer by angular_distance }
score angle of teacher on speeches { layer by angular_distance(length: 3) }
prune shallow from teacher using gaps { layer 6 -> 4 }
prune same from teacher using pairs { layer 6 -> 4 }
`);

/** Share of wrong answers, less what tells equal ones apart. */
const scoreOf = (share: number, likelihood: number): number => 1 - share - 1e-6 / (1 - likelihood);

test("layers are scored by what the harness finds without them", async () => {
  await inScratch(async (out) => {
    const context = await contextOf(plan, await sharedDevice(), out);
    const scores = new Map<string, readonly number[]>();
    for (const [index, stage] of plan.stages.entries()) {
      const result = await runStage(context, stage);
      if (stage.kind === "score" && result.kind === "score")
        scores.set(stage.name, result.tables[0]?.scores ?? []);
      await context.journal.commit(index, stage.kind, result, 0);
    }
    const singles = oracle.gaps.filter(({ length }) => length === 1);
    const expectScores = (name: string, all: readonly Removed[], of: (one: Removed) => number) => {
      expect(scores.get(name), name).toHaveLength(all.length);
      for (const [at, one] of all.entries())
        expect(
          Math.abs((scores.get(name)?.[at] ?? Number.NaN) - of(one)),
          `${name} ${at}`,
        ).toBeLessThan(1e-9);
    };
    expectScores("norm", oracle.shots2, (one) => scoreOf(one.acc_norm, one.likelihood));
    expectScores("gaps", oracle.gaps, (one) => scoreOf(one.acc, one.likelihood));
    const whole = oracle.whole[0]?.acc ?? Number.NaN;
    expectScores("change", singles, (one) => whole - one.acc);
    const lost = scores.get("lost") ?? [];
    expect(scores.get("gone")).toHaveLength(21);
    for (const [at, loss] of lost.entries()) expect(scores.get("gone")?.[at]).toBeCloseTo(loss, 5);
    // Runs of 1 are 6, those of 2 are 5.
    expect(scores.get("pairs")).toEqual(scores.get("gaps")?.slice(6, 11));
    const far = [
      ["three", "gone"],
      ["angle", "angles"],
    ] as const;
    for (const [some, every] of far) {
      expect(scores.get(some)).toHaveLength(4);
      for (const [at, score] of (scores.get(some) ?? []).entries())
        expect(score, `${some} ${at}`).toBeCloseTo(scores.get(every)?.[11 + at] ?? 0, 5);
    }
    // Of equal shares the run with likelier answers goes.
    const pairs = oracle.gaps.filter(({ length }) => length === 2);
    const [gone] = [...pairs].sort((a, b) => b.acc - a.acc || b.likelihood - a.likelihood);
    const [kept, same] =
      (await readDecisions(out))?.prunes.map(({ axes }) => axes[0]?.sets[0]?.kept) ?? [];
    expect(same).toEqual(kept);
    expect(gone?.start).toBeDefined();
    expect(kept).toEqual(
      [0, 1, 2, 3, 4, 5].filter((l) => l !== gone?.start && l !== (gone?.start ?? 0) + 1),
    );
    for (const { weights } of context.models.values()) await weights.close();
  });
});
