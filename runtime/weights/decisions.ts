/**
 * decisions.json: what each pruning kept, and why. Every scored axis with its scores in the original order, whether it was
 * cut or not. Scores are f32 written as the shortest decimal that reads back as the same number.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import type { Fold, ModelLayout, Pairs, PruneStage } from "../../compiler/plan.js";
import type { Arithmetic } from "../../kernels/operand.js";
import { fileError, RunError, systemCode } from "../errors.js";
import { bestTokens, type TokenParts } from "../formats/token-parts.js";
import type { Folding } from "./fold.js";
import type { Kept, KeptAxis } from "./kept.js";
import { partnersOf, selectKept, withoutRun } from "./select.js";

const index = z.int().nonnegative();

const axisSchema = z.object({
  axis: z.string(),
  /** How the units were judged; null where the axis needed no scores, as all stay or the spec names those that do. */
  criterion: z.string().nullable(),
  from: index,
  keep: index,
  /** One entry for each place of the axes along which kept sets differ. */
  sets: z.array(
    z.object({
      /** Where, by axis and in the source's numbers: { layer: 3, group: 1 }; {} where there is one set. */
      at: z.record(z.string(), index),
      /** Of every unit, in the original order; of runs, the shortest first and those in the order of their first units. */
      scores: z.array(z.number()),
      /** Original indices, ascending. */
      kept: z.array(index),
    }),
  ),
});

const pruneSchema = z.object({
  name: z.string(),
  source: z.string(),
  /** The score stage, its data, and which windows of it, in the order they were looked at; null and none without scores. */
  scores: z.string().nullable(),
  data: z.string().nullable(),
  windows: z.array(index),
  /** What products with the model's weights were computed in when it was scored. */
  arithmetic: z.enum(["f32", "f16"]).nullable(),
  axes: z.array(axisSchema),
});

export const decisionsSchema = z.object({ format: z.literal(1), prunes: z.array(pruneSchema) });

export type PruneRecord = z.infer<typeof pruneSchema>;
export type DecisionsFile = z.infer<typeof decisionsSchema>;

/**
 * Scores of one axis: over `along`, then the axis, row-major, in the original order; or of its runs, the shortest first and
 * those in the order of their first units. A unit may have several numbers.
 */
export interface AxisScores {
  readonly axis: string;
  readonly criterion: string;
  readonly along: readonly { readonly name: string; readonly size: number }[];
  readonly size: number;
  /** Axes after the unit's own, where a unit has a number for each place of them. */
  readonly within: readonly { readonly name: string; readonly size: number }[];
  readonly runs: boolean;
  readonly scores: readonly number[];
}

/** What a score stage found. */
export interface Scores {
  readonly data: string;
  readonly windows: readonly number[];
  readonly arithmetic: Arithmetic;
  readonly tables: readonly AxisScores[];
}

export interface Decisions {
  readonly kept: Kept;
  readonly foldings: readonly Folding[];
  readonly record: PruneRecord;
}

/** A table of one number for each unit, the sum of what it has. */
const summed = (table: AxisScores): AxisScores => {
  const inner = table.within.reduce((product, { size }) => product * size, 1);
  if (inner === 1) return { ...table, within: [] };
  const scores = Array.from({ length: table.scores.length / inner }, (_, unit) =>
    Math.fround(
      table.scores.slice(unit * inner, (unit + 1) * inner).reduce((sum, score) => sum + score, 0),
    ),
  );
  return { ...table, within: [], scores };
};

/** The indices of each place of some axes, row-major. */
const places = (along: KeptAxis["along"]): Record<string, number>[] =>
  along.reduce<Record<string, number>[]>(
    (sofar, { name, size }) =>
      sofar.flatMap((at) => Array.from({ length: size }, (_, i) => ({ ...at, [name]: i }))),
    [{}],
  );

const whole = (size: number): number[] => Array.from({ length: size }, (_, unit) => unit);

/** What some axes say of their units besides scores. */
interface Bound {
  /** Units that stay or go two by two; null where none do. */
  readonly paired: Pairs | null;
  /** Units are tokens, some of which others need. */
  readonly tokens: TokenParts | null;
}

const setsOf = (table: AxisScores, keep: number, { paired, tokens }: Bound): KeptAxis["sets"] => {
  const { along, size, runs, scores } = table;
  if (runs) return [withoutRun(scores, size, keep)];
  if (tokens !== null) return [bestTokens(scores, keep, tokens)];
  const sizes = along.map((step) => step.size);
  return selectKept(scores, sizes, size, keep, paired);
};

const keptOf = (table: AxisScores, keep: number, bound: Bound): KeptAxis => {
  const { axis, along, size } = table;
  try {
    return { axis, along, from: size, keep, sets: setsOf(table, keep, bound) };
  } catch (cause) {
    if (!(cause instanceof RunError)) throw cause;
    throw new RunError(`axis ${axis}: ${cause.message}`, { cause });
  }
};

const recordOf = (table: AxisScores, kept: KeptAxis): PruneRecord["axes"][number] => ({
  axis: table.axis,
  criterion: table.criterion,
  from: table.size,
  keep: kept.keep,
  sets: places(table.along).map((at, place) => ({
    at,
    scores: table.runs
      ? [...table.scores]
      : table.scores.slice(place * table.size, (place + 1) * table.size),
    kept: [...(kept.sets[place] ?? [])],
  })),
});

const foldingOf = (fold: Fold, tables: readonly AxisScores[], kept: Kept): Folding => {
  const table = tables.find(({ axis }) => axis === fold.axis);
  const keep = kept.get(fold.axis)?.keep;
  if (table === undefined || table.runs || keep === undefined)
    throw new RunError(`axis ${fold.axis} is folded, but not cut unit by unit`);
  const { size, scores } = table;
  const partners = Array.from({ length: scores.length / size }, (_, place) =>
    partnersOf(scores.slice(place * size, (place + 1) * size), keep),
  );
  return { fold, partners };
};

/**
 * Decides what a pruning keeps: for each cut the best by its scores; axes without a cut stay whole. `tokens` are the source's
 * where its tokens are cut.
 */
export const decide = (
  stage: PruneStage,
  source: ModelLayout,
  found: Scores | null,
  tokens: TokenParts | null = null,
): Decisions => {
  const named = new Set(stage.cuts.flatMap(({ axis, units }) => (units === undefined ? [] : axis)));
  const tables = (found?.tables ?? []).filter(({ axis }) => !named.has(axis)).map(summed);
  const kept = new Map<string, KeptAxis>();
  const axes: PruneRecord["axes"] = [];
  for (const { axis, from, keep, units } of stage.cuts) {
    if (source.axes[axis] !== from)
      throw new RunError(`axis ${axis} of ${source.name} is ${source.axes[axis]}, not ${from}`);
    if (tables.some((table) => table.axis === axis)) continue;
    // Keeping all needs no scores.
    if (units === undefined && keep !== from)
      throw new RunError(
        `axis ${axis} is cut, but ${stage.scores ?? "nothing"} has no scores of it`,
      );
    kept.set(axis, { axis, along: [], from, keep, sets: [units ?? whole(from)] });
    const sets = units === undefined ? [] : [{ at: {}, scores: [], kept: [...units] }];
    axes.push({ axis, criterion: null, from, keep, sets });
  }
  for (const table of tables) {
    const cut = stage.cuts.find(({ axis }) => axis === table.axis);
    const bound = {
      paired: source.paired[table.axis] ?? null,
      tokens: table.axis === stage.tokens ? tokens : null,
    };
    const choice = keptOf(table, cut?.keep ?? table.size, bound);
    if (cut !== undefined) kept.set(table.axis, choice);
    axes.push(recordOf(table, choice));
  }
  const foldings = stage.folds.map((fold) => foldingOf(fold, tables, kept));
  const { name, source: from } = stage;
  const record = {
    name,
    source: from,
    scores: stage.scores,
    data: found?.data ?? null,
    windows: [...(found?.windows ?? [])],
    arithmetic: found?.arithmetic ?? null,
    axes,
  };
  return { kept, foldings, record };
};

const decisionsPath = (out: string): string => join(out, "decisions.json");

/** decisions.json of an output folder; null where there is none yet. */
export const readDecisions = async (out: string): Promise<DecisionsFile | null> => {
  const path = decisionsPath(out);
  try {
    return decisionsSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    if (systemCode(error) !== null) throw fileError("read", path, error);
    throw new RunError(`${path} is not a record of decisions`, { cause: error });
  }
};

/** Adds a pruning to decisions.json, in the place of an earlier one of its name. */
export const writeDecisions = async (out: string, { record }: Decisions): Promise<void> => {
  const before = (await readDecisions(out))?.prunes ?? [];
  const prunes = [...before.filter(({ name }) => name !== record.name), record];
  const file: DecisionsFile = { format: 1, prunes };
  try {
    await writeFileAtomic(decisionsPath(out), `${JSON.stringify(file, null, 1)}\n`);
  } catch (error) {
    throw fileError("write", decisionsPath(out), error);
  }
};
