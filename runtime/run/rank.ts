/**
 * Ranking a search: its candidates by what the stage before measured of each, the best first, written to search.json and
 * shown. Those that do not go on are left out of all later stages, so that a hopeless shape costs no training.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Chapter, RankStage } from "../../compiler/plan.js";
import { RunError, systemCode } from "../errors.js";
import { candidateOf, taskOf, trainingOf } from "./candidacy.js";
import type { RunContext } from "./context.js";
import type { DistillResult } from "./distill.js";
import type { EvaluateResult } from "./evaluate.js";
import { writeWhole } from "./write-whole.js";

const rowSchema = z.object({
  id: z.int(),
  model: z.string(),
  sizes: z.record(z.string(), z.int()),
  parameters: z.int(),
  flopsPerToken: z.number(),
  /** Of the metric; null for those that an earlier ranking left out. */
  value: z.number().nullable(),
  /** Whether it goes on. */
  kept: z.boolean(),
  /** Steps after which its training was given up; null where it was not. */
  givenUpAfter: z.int().nullable().default(null),
});

const rankingSchema = z.object({
  search: z.string(),
  /** What was ranked: the search, or a distillation of it. */
  of: z.string(),
  metric: z.string(),
  /** The best first. */
  rows: z.array(rowSchema),
});

export const searchSchema = z.object({ format: z.literal(1), rankings: z.array(rankingSchema) });

export type Ranking = z.infer<typeof rankingSchema>;

type Done = Pick<RunContext, "plan" | "journal">;

const rankingsOf = ({ plan, journal }: Done, search: string): Ranking[] =>
  plan.stages.flatMap((stage, index) => {
    const result = stage.kind === "rank" && stage.search === search ? journal.result(index) : null;
    return result === null || result === undefined
      ? []
      : [(result as { ranking: Ranking }).ranking];
  });

/** Candidates of a search whose training was given up, and after how many steps. */
const givenUp = ({ plan, journal }: Done, search: string): ReadonlyMap<number, number> =>
  new Map(
    plan.stages.flatMap((stage, index) => {
      const candidate = trainingOf(stage);
      if (candidate?.search !== search) return [];
      const result = journal.result(index) as Partial<DistillResult> | undefined;
      const reason = result?.givenUp ?? null;
      return reason === null ? [] : [[candidate.id, reason.step] as const];
    }),
  );

/** Candidates of a search that some ranking has left out, or whose training was given up. */
const leftOut = (done: Done, search: string): ReadonlySet<number> =>
  new Set([
    ...givenUp(done, search).keys(),
    ...rankingsOf(done, search).flatMap(({ rows }) =>
      rows.filter(({ kept }) => !kept).map(({ id }) => id),
    ),
  ]);

/** Whether a stage is about a candidate that no longer goes on. */
export const isLeftOut = (done: Done, stage: Chapter["stages"][number]): boolean => {
  const candidate = candidateOf(stage);
  return candidate !== null && leftOut(done, candidate.search).has(candidate.id);
};

/** The candidate that the last ranking of a search put first. */
export const bestOf = (done: Done, search: string): number => {
  const [first] = rankingsOf(done, search).at(-1)?.rows ?? [];
  if (first?.kept !== true) throw new RunError(`no candidate of ${search} goes on`);
  return first.id;
};

/** The last measure of a model by a metric; null where it is no finite number. */
const measured = ({ plan, journal }: Done, model: string, metric: string): number | null => {
  const values = plan.stages.flatMap((stage, index) => {
    const result = taskOf(stage).kind === "evaluate" ? journal.result(index) : undefined;
    return ((result as EvaluateResult | undefined)?.measures ?? [])
      .filter((measure) => measure.model === model && measure.metric === metric)
      .map(({ value }) => value);
  });
  const last = values.at(-1);
  return last !== undefined && Number.isFinite(last) ? last : null;
};

/** The least is the best; what has no measure comes last. */
const order = (value: number | null, best: RankStage["best"]): number => {
  if (value === null) return Number.POSITIVE_INFINITY;
  return best === "least" ? value : -value;
};

const rank = (done: Done, stage: RankStage): Ranking => {
  const out = leftOut(done, stage.search);
  const steps = givenUp(done, stage.search);
  const rows = stage.candidates
    .map(({ id, model, sizes }) => {
      const { parameters = 0, flopsPerToken = 0 } = done.plan.models[model] ?? {};
      const value = out.has(id) ? null : measured(done, model, stage.metric);
      const givenUpAfter = steps.get(id) ?? null;
      return { id, model, sizes: { ...sizes }, parameters, flopsPerToken, value, givenUpAfter };
    })
    .sort((a, b) => {
      const [first, second] = [order(a.value, stage.best), order(b.value, stage.best)];
      return first === second ? a.id - b.id : first - second;
    });
  const keep = stage.keep ?? rows.length;
  const { search, of, metric } = stage;
  return {
    search,
    of,
    metric,
    rows: rows.map((row, at) => ({ ...row, kept: at < keep && row.value !== null })),
  };
};

const verdictOn = ({ kept, givenUpAfter }: Ranking["rows"][number]): string => {
  if (givenUpAfter !== null) return `given up after ${givenUpAfter} steps`;
  return kept ? "" : "left out";
};

const cells = (ranking: Ranking): string[][] => {
  const axes = Object.keys(ranking.rows[0]?.sizes ?? {});
  const head = ["rank", ...axes, "parameters", "MFLOP/token", ranking.metric, ""];
  const rows = ranking.rows.map((row, at) => [
    String(at + 1),
    ...axes.map((axis) => String(row.sizes[axis])),
    row.parameters.toLocaleString("en"),
    (row.flopsPerToken / 1e6).toFixed(2),
    row.value === null ? "-" : row.value.toFixed(4),
    verdictOn(row),
  ]);
  return [head, ...rows];
};

/** The ranking as lines of a table. */
export const rankingLines = (ranking: Ranking): string[] => {
  const all = cells(ranking);
  const widths = (all[0] ?? []).map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  return all.map((row) =>
    row
      .map((cell, column) => cell.padStart(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
};

const searchPath = (out: string): string => join(out, "search.json");

const readRankings = async (out: string): Promise<readonly Ranking[]> => {
  try {
    return searchSchema.parse(JSON.parse(await readFile(searchPath(out), "utf8"))).rankings;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw new RunError(`${searchPath(out)} is not a record of a search`, { cause: error });
  }
};

/** Ranks, keeps the table and shows it. */
export const runRank = async (
  context: Done & Pick<RunContext, "out" | "reporter">,
  stage: RankStage,
): Promise<{ readonly ranking: Ranking }> => {
  const ranking = rank(context, stage);
  const before = (await readRankings(context.out)).filter(({ of }) => of !== ranking.of);
  const file = { format: 1, rankings: [...before, ranking] };
  await writeWhole(searchPath(context.out), `${JSON.stringify(file, null, 1)}\n`);
  for (const line of rankingLines(ranking)) context.reporter.line(line);
  return { ranking };
};
