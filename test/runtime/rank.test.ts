/** Rankings of a search from what a journal holds: which values are best, what is left out, and which is the best. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Plan, RankStage, WaitingStage } from "../../compiler/plan.js";
import { createJournal } from "../../runtime/run/journal.js";
import { bestOf, isLeftOut, runRank } from "../../runtime/run/rank.js";
import { silent } from "../../runtime/run/reporter.js";
import { inScratch } from "../support/scratch.js";

const VALUES = [0.25, 0.75, Number.NaN, 0.5];

const evaluation = (id: number): WaitingStage => ({
  kind: "waiting",
  does: {
    kind: "evaluate",
    arithmetic: "f32",
    models: [`shape.${id}`],
    candidate: { search: "shape", id },
  },
});

const ranking = (best: RankStage["best"]): RankStage => ({
  kind: "rank",
  search: "shape",
  of: "shape",
  metric: "measured",
  best,
  keep: 2,
  candidates: VALUES.map((_, at) => ({ id: at + 1, sizes: {}, model: `shape.${at + 1}` })),
});

test.each([
  ["least", [1, 4, 2, 3]],
  ["most", [2, 4, 1, 3]],
] as const)("the %s first, what is no number last; those beyond `keep` are left out", async (best, order) => {
  await inScratch(async (out) => {
    const stage = ranking(best);
    const plan: Plan = {
      format: 1,
      title: "",
      seed: 0,
      limits: { maxBinding: 0, memory: null },
      settings: {},
      data: {},
      models: {},
      stages: [...VALUES.map((_, at) => evaluation(at + 1)), stage],
      programs: {},
      kernels: {},
      decision: null,
      sources: {},
    };
    const begun = { plan: "", base: "", spec: null, adapter: "", tuning: {} };
    const journal = await createJournal(out, begun);
    for (const [at, value] of VALUES.entries()) {
      const measure = { model: `shape.${at + 1}`, data: "texts", metric: "measured", value };
      await journal.commit(at, "evaluate", { kind: "evaluate", measures: [measure] }, 0);
    }
    const result = await runRank({ plan, journal, out, reporter: silent }, stage);
    await journal.commit(VALUES.length, "rank", { kind: "rank", ...result }, 0);
    expect(result.ranking.rows.map(({ id }) => id)).toEqual(order);
    expect(bestOf({ plan, journal }, "shape")).toBe(order[0]);
    const left = order.filter((id) => isLeftOut({ plan, journal }, evaluation(id)));
    expect(left).toEqual(order.slice(2));
    const file = JSON.parse(readFileSync(join(out, "search.json"), "utf8"));
    expect(file.rankings).toHaveLength(1);
  });
});
