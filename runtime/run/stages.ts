/** The stages of a plan: what each does, what it leaves in the journal, and how it comes back on resume. */
import { resolve } from "node:path";
import type {
  BestStage,
  Chapter,
  DistillStage,
  ExportStage,
  OpenStage,
  PruneStage,
  RandomStage,
  Stage,
  WeightEntry,
} from "../../compiler/plan.js";
import { normals } from "../data/normal.js";
import { RunError } from "../errors.js";
import { cutTokens, cuttableTokens, renumberedConfig } from "../formats/cut-tokens.js";
import { writeGgufModel } from "../formats/gguf-model.js";
import { tokenizerMetadata } from "../formats/gguf-tokenizer-write.js";
import { writeModelFolder } from "../formats/model-folder.js";
import { sideFilesOf, tokenizerAmong } from "../formats/model-source.js";
import { openModel } from "../formats/open-model.js";
import { ofFloats, type StoredTensor } from "../formats/stored-tensor.js";
import { elementsOf, unexpectedTensors, weightsOf } from "../formats/weights.js";
import { compensated } from "../weights/compensate.js";
import { type AxisScores, type Decisions, decide, writeDecisions } from "../weights/decisions.js";
import { pruneFolding } from "../weights/fold.js";
import { taskOf } from "./candidacy.js";
import { dropTraining, openTrained, saveTrained } from "./checkpoint.js";
import { layoutNamed, modelNamed, type RunContext, type RunModel } from "./context.js";
import { type DistillResult, runDistill } from "./distill.js";
import { type EvaluateResult, runEvaluate } from "./evaluate.js";
import { judge, type Verdict } from "./expect.js";
import { openTexts } from "./inputs.js";
import { checkLayers } from "./layer-rules.js";
import { type Ranking, runRank } from "./rank.js";
import { runScore, type ScoreResult } from "./score.js";

/** What a stage that was done leaves in the journal. */
export type DoneResult =
  | { readonly kind: "open" }
  | { readonly kind: "random" }
  | ({ readonly kind: "score" } & ScoreResult)
  | { readonly kind: "prune" }
  | { readonly kind: "best" }
  | ({ readonly kind: "distill" } & DistillResult)
  | ({ readonly kind: "evaluate" } & EvaluateResult)
  | { readonly kind: "rank"; readonly ranking: Ranking }
  | { readonly kind: "expect"; readonly verdicts: readonly Verdict[] }
  | { readonly kind: "export"; readonly folder: string };

/** What a complete stage leaves in the journal: one of a candidate that an earlier ranking left out was not done. */
export type StageResult = DoneResult | { readonly kind: "skipped" };

/** Names shown of a longer list. */
const SHOWN = 3;

/** What is said of tensors that nothing here reads: they change no result, and an export is without them. */
const warnUnused = (context: RunContext, stage: OpenStage, names: readonly string[]): void => {
  if (names.length === 0) return;
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  const tensors = names.length === 1 ? "tensor is" : "tensors are";
  context.reporter.line(
    `warning: ${names.length} ${tensors} not used, as the architecture of ${stage.model} names no such weight: ${names.slice(0, SHOWN).join(", ")}${more}`,
  );
};

const open = async (context: RunContext, stage: OpenStage): Promise<DoneResult> => {
  const path = resolve(context.base, stage.path);
  const layout = layoutNamed(context, stage.model);
  const checkpoint = await openModel(path, stage.gguf, layout);
  try {
    context.models.set(stage.model, {
      weights: weightsOf(checkpoint, layout),
      side: sideFilesOf(path, stage.gguf),
      texts: null,
    });
    warnUnused(context, stage, unexpectedTensors(checkpoint, layout));
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
  return { kind: "open" };
};

/** Weights by counter, made when they are read: the same on resume. */
const randomModel = (context: RunContext, stage: RandomStage): DoneResult => {
  const { seed } = context.plan;
  const { weights, side, texts } = modelNamed(context, stage.like);
  const { config, layerLists } = weights.layout;
  const layout = { ...layoutNamed(context, stage.model), config, layerLists };
  const tensor = (weight: WeightEntry): StoredTensor => {
    const count = elementsOf(weight);
    const start = stage.starts[weight.weight];
    const stream = `${stage.model} ${weight.weight} ${weight.layer ?? ""}`;
    return ofFloats(
      start === undefined
        ? normals(seed, stream, count, stage.deviation)
        : new Float32Array(count).fill(start),
    );
  };
  const close = async (): Promise<void> => {};
  context.models.set(stage.model, { weights: { layout, tensor, close }, side, texts });
  return { kind: "random" };
};

const scoresNamed = (context: RunContext, name: string): ScoreResult => {
  const index = context.plan.stages.findIndex((s) => s.kind === "score" && s.name === name);
  const result = context.journal.result(index);
  if (result === undefined) throw new RunError(`scores ${name} are used before they are made`);
  return result as ScoreResult;
};

const tableOf = ({ tables }: ScoreResult, axis: string): AxisScores => {
  const table = tables.find((one) => one.axis === axis);
  if (table === undefined) throw new RunError(`no scores of ${axis} stand for what it gives`);
  return table;
};

/** The model with the numbers of the tokens it kept: files, ids in config.json, and the data as it now reads it. */
const withTokens = async (
  { plan, base }: RunContext,
  { weights, side }: RunModel,
  kept: readonly number[],
): Promise<RunModel> => {
  const config = renumberedConfig(weights.layout.config, kept);
  const layout = { ...weights.layout, config };
  const files = cutTokens(side, kept);
  const texts = await openTexts(plan, base, tokenizerAmong(files, config, layout.name));
  return { weights: { ...weights, layout }, side: files, texts };
};

/** Makes the pruned model, a view of its source: what is kept follows from the scores, so it comes back on resume. */
const pruneModel = async (context: RunContext, stage: PruneStage): Promise<Decisions> => {
  const { weights, side, texts } = modelNamed(context, stage.source);
  const { layout } = weights;
  const tokens = stage.tokens === null ? null : cuttableTokens(side, layout.config, layout.name);
  const scores = stage.scores === null ? null : scoresNamed(context, stage.scores);
  const decisions = decide(stage, layout, scores, tokens);
  const { kept, foldings } = decisions;
  const target = layoutNamed(context, stage.name);
  const compensating = stage.compensations.map((compensation) => ({
    compensation,
    table: tableOf(scoresNamed(context, compensation.scores), compensation.axis),
  }));
  const whole = compensated(weights, kept, target, compensating);
  const pruned = pruneFolding(whole, kept, foldings, target, stage.rescaled);
  checkLayers(context.plan, pruned.layout);
  const model = { weights: pruned, side, texts };
  const [ids] = kept.get(stage.tokens ?? "")?.sets ?? [];
  context.models.set(stage.name, ids === undefined ? model : await withTokens(context, model, ids));
  return decisions;
};

const runPrune = async (context: RunContext, stage: PruneStage): Promise<DoneResult> => {
  await writeDecisions(context.out, await pruneModel(context, stage));
  return { kind: "prune" };
};

/** The candidate under its new name; its config says what the run knows of its layers. */
const takeBest = (context: RunContext, stage: BestStage): DoneResult => {
  const { weights, side, texts } = modelNamed(context, stage.from);
  const { config, layerLists } = weights.layout;
  const layout = { ...layoutNamed(context, stage.model), config, layerLists };
  // The file is the candidate's, who closes it.
  const close = async (): Promise<void> => {};
  context.models.set(stage.model, { weights: { ...weights, layout, close }, side, texts });
  return { kind: "best" };
};

/** Measures so far, named as expectations name them. */
export const measuresOf = (context: RunContext): Record<string, number> => {
  const measures: Record<string, number> = {};
  for (const [name, layout] of Object.entries(context.plan.models))
    measures[`params(${name})`] = layout.parameters;
  context.plan.stages.forEach((stage, index) => {
    const result = taskOf(stage).kind === "evaluate" ? context.journal.result(index) : undefined;
    for (const measure of (result as EvaluateResult | undefined)?.measures ?? [])
      measures[`${measure.metric}(${measure.model})`] = measure.value;
  });
  return measures;
};

const runExport = async (context: RunContext, stage: ExportStage): Promise<DoneResult> => {
  const model = modelNamed(context, stage.model);
  const folder = resolve(context.out, stage.path);
  if (stage.gguf === null) {
    await writeModelFolder(folder, model.weights, stage.dtype, model.side);
    return { kind: "export", folder };
  }
  const { config } = model.weights.layout;
  const tokenizer = tokenizerMetadata(model.side, config, stage.gguf.pretokenizers);
  await writeGgufModel(folder, model.weights, stage.dtype, stage.gguf, tokenizer);
  return { kind: "export", folder };
};

/** Opens the file in which a distilled model's weights are kept. */
const openDistilled = async (
  context: RunContext,
  stage: Pick<DistillStage, "name" | "student">,
): Promise<void> => {
  const { weights: student, side, texts } = modelNamed(context, stage.student);
  // Which entries of lists by layer are left, the student knows and the plan does not.
  const { config, layerLists } = student.layout;
  const layout = { ...layoutNamed(context, stage.name), config, layerLists };
  const weights = await openTrained(context.out, layout);
  context.models.set(stage.name, { weights, side, texts });
};

const keepDistilled = async (context: RunContext, stage: DistillStage): Promise<DoneResult> => {
  const result = await runDistill(context, stage);
  if (result.givenUp === null) {
    await saveTrained(context.out, layoutNamed(context, stage.name), context.executor);
    await openDistilled(context, stage);
  }
  return { kind: "distill", ...result };
};

/** Does a stage. */
export const runStage = async (context: RunContext, stage: Stage): Promise<DoneResult> => {
  switch (stage.kind) {
    case "open":
      return open(context, stage);
    case "random":
      return randomModel(context, stage);
    case "score":
      return { kind: "score", ...(await runScore(context, stage)) };
    case "prune":
      return runPrune(context, stage);
    case "distill":
      return keepDistilled(context, stage);
    case "evaluate":
      return { kind: "evaluate", ...(await runEvaluate(context, stage)) };
    case "rank":
      return { kind: "rank", ...(await runRank(context, stage)) };
    case "best":
      return takeBest(context, stage);
    case "expect":
      return { kind: "expect", verdicts: judge(stage, measuresOf(context)) };
    case "export":
      return runExport(context, stage);
    default:
      return stage satisfies never;
  }
};

/** What must follow a stage's commit: files that only served to get there. */
export const afterCommit = async (
  context: RunContext,
  listed: Chapter["stages"][number],
): Promise<void> => {
  const stage = taskOf(listed);
  if (stage.kind === "distill") await dropTraining(context.out, stage.name);
};

/** Whether a stage was done to its end; candidates that are left out leave nothing. */
export const isWhole = (result: StageResult): boolean =>
  result.kind === "distill" ? result.givenUp === null : result.kind !== "skipped";

/** Brings back what a complete stage made, without doing it again. */
export const restoreStage = async (
  context: RunContext,
  listed: Chapter["stages"][number],
): Promise<void> => {
  const stage = taskOf(listed);
  switch (stage.kind) {
    case "open":
      await open(context, stage);
      return;
    case "random":
      randomModel(context, stage);
      return;
    case "prune":
      await pruneModel(context, stage);
      return;
    case "best":
      takeBest(context, stage);
      return;
    case "distill":
      await openDistilled(context, stage);
      return;
    case "score":
    case "evaluate":
    case "rank":
    case "expect":
    case "export":
      return;
    default:
      stage satisfies never;
  }
};
