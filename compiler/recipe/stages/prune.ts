/** `prune NAME from MODEL using SCORES`: how many units of each axis stay (`hidden 128 -> 96`, `mlp -> 66%`). */
import type { Name, StageDecl, Statement } from "../../../grammar/ast.js";
import type { Cut } from "../../plan.js";
import { nameIn, readClauses, sayMissing } from "../clauses.js";
import { type Context, find, say } from "../context.js";
import { label } from "../report.js";
import type { ModelEntry, ScoreEntry } from "../scope.js";
import { readSettings, SETTINGS } from "../settings.js";
import { isTapped } from "./axis.js";
import { budgeted, freeAxis, isBudget, isFree } from "./budget.js";
import { compensationsOf, isCompensation } from "./compensation.js";
import { foldsOf, isFold } from "./fold.js";
import { decidedBefore } from "./layers-decided.js";
import { one } from "./one-model.js";
import { pushRounds } from "./rounds.js";
import { roundsFit } from "./run-length.js";
import { shapeAt } from "./shape-at.js";
import { cutOf, type Source } from "./targets.js";
import { canLose, tokenCut } from "./vocabulary.js";

/** Lines that say how, and not what of an axis, unless there is an axis of that name. */
const isPruneSetting = ({ heads }: Statement, { shape }: Source): boolean =>
  heads.some(({ name }) => Object.hasOwn(SETTINGS.prune, name)) &&
  shape.axes.every(({ name }) => name !== heads[0]?.name);

/** Reports every name that stands at the head of a second line; returns whether there was one. */
const reportRepeated = (context: Context, lines: readonly Statement[]): boolean => {
  const seen = new Set<string>();
  const repeated = lines
    .flatMap((line) => line.heads)
    .filter(({ name }) => seen.has(name) || seen.add(name) === undefined);
  for (const { name, span } of repeated) say(context, "duplicate-setting", span, { name });
  return repeated.length > 0;
};

/**
 * Cuts of all lines; null in the place of a wrong one. Lines without a target are cut evenly until the model has no more
 * parameters than `params` says.
 */
const cutsOf = (context: Context, source: Source, lines: readonly Statement[]): (Cut | null)[] => {
  const repeated = reportRepeated(context, lines);
  const budget = lines.find((line) => isBudget(line, source)) ?? null;
  const free = lines.filter((line) => budget !== null && line !== budget && isFree(line));
  const stated = lines.filter((line) => line !== budget && !free.includes(line));
  const cuts = stated.flatMap((line) =>
    line.heads.map((head) => cutOf(context, source, head, line)),
  );
  const axes = free.flatMap((line) =>
    line.heads.map((head) => freeAxis(context, source, head, line)),
  );
  if (repeated || cuts.includes(null) || axes.includes(null)) return [null, ...cuts];
  if (budget === null) return cuts;
  const good = axes.filter((axis) => axis !== null);
  return [...cuts, ...budgeted(context, source, budget, cuts, good)];
};

/** Whether every axis that shrinks has scores; says of each that has none. */
const checkScored = (
  context: Context,
  stage: StageDecl,
  using: Name,
  scores: ScoreEntry,
  source: Source,
  cuts: readonly Cut[],
): boolean => {
  const place = context.scope.declared.get(using.name);
  const labels = place === undefined ? [] : [label(place.file, place.name.span, "scored here")];
  const heads = (stage.body ?? []).flatMap((line) => line.heads);
  const unscored = cuts.filter(
    (cut) => cut.units === undefined && scores.axes !== null && !scores.axes.has(cut.axis),
  );
  for (const { axis } of unscored) {
    const head = heads.find((h) => h.name === axis);
    const span = head?.span ?? using.span;
    if (head !== undefined && !isTapped(context, head, source.model, source.shape)) continue;
    say(context, "unscored-axis", span, { axis, score: using.name }, { labels });
  }
  return unscored.length === 0;
};

const modelOf = (context: Context, name: Name | null): (Source & ModelEntry) | null => {
  const entry = name === null ? null : one(context, name);
  return name === null || entry === null
    ? null
    : { model: name.name, parameters: entry.shape.parameters, ...entry };
};

/** Whether the scores are of the model that is cut. */
const sameModel = (context: Context, using: Name, scores: ScoreEntry, source: Source): boolean => {
  if (scores.model === source.model) return true;
  const parameters = { score: using.name, of: scores.model, model: source.model };
  say(context, "scores-of-other", using.span, parameters);
  return false;
};

/**
 * Defines the pruned model. Its shape is known as soon as all targets are, even where the scores could not be read,
 * so that what follows is checked.
 */
export const checkPrune = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  context.scope.define("model", name.name, null);
  const clauses = readClauses(context, stage);
  const opened = modelOf(context, nameIn(context, clauses, "from"));
  const using = nameIn(context, clauses, "using");
  const scores = using === null ? null : find(context, "score", using);
  if (opened === null) return;
  const lines = stage.body ?? [];
  const made = lines.filter((line) => isCompensation(line, opened));
  const compensations = compensationsOf(context, opened, made);
  if (compensations === null) return;
  // With room for what is made up for.
  const source = { ...opened, shape: compensations.shape };
  const isSetting = (line: Statement): boolean => isPruneSetting(line, source);
  const settings = readSettings(context, stage, lines.filter(isSetting));
  const rounds = settings.has("rounds") ? (settings.quantity("rounds")?.value ?? null) : 1;
  const folded = lines.filter((line) => isFold(line, source));
  const cuts = cutsOf(
    context,
    source,
    lines.filter((line) => ![...folded, ...made].includes(line) && !isSetting(line)),
  );
  const good = cuts.filter((cut) => cut !== null).filter((cut) => cut.keep < cut.from);
  const folds = foldsOf(context, source, folded, good);
  const same = using !== null && scores !== null && sameModel(context, using, scores, source);
  const scored = !same || checkScored(context, stage, using, scores, source, good);
  if (cuts.includes(null) || !scored || rounds === null) return;
  const step = same ? scores.step : null;
  const byScores = good.filter(({ units }) => units === undefined);
  const named = byScores.length < good.length;
  if (rounds > 1 && named) {
    say(context, "units-rounds", name.span, { rounds });
    return;
  }
  const unscored = !clauses.has("using");
  if (unscored && (!named || byScores.length > 0)) sayMissing(context, stage, "using");
  if (step !== null && !roundsFit(context, using?.span ?? name.span, step, byScores, rounds))
    return;
  const sizes = new Map(good.map((cut) => [cut.axis, cut.keep]));
  const sized = shapeAt(context, name, source, sizes);
  if (sized === null) return;
  const inOneGo = rounds === 1 ? (scores?.step ?? null) : null;
  const shape = decidedBefore(source.shape, sized, good, inOneGo);
  const tokens = tokenCut(source.shape, good);
  if (tokens !== null && !canLose(context, stage, source.model, tokens)) return;
  const vocabulary = tokens === null ? source.vocabulary : name.name;
  context.scope.define("model", name.name, { shape, vocabulary });
  if (step === null && !unscored) return;
  const pruning = {
    name: name.name,
    source: source.model,
    scores: using?.name ?? null,
    cuts: good,
    folds,
    compensations: compensations.list,
  };
  const used = new Set(compensations.list.map((made) => made.scores));
  const others = [...used].map((own) => context.scope.peek("score", own)?.step ?? null);
  const scorings = new Set([step, ...others].filter((scoring) => scoring !== null));
  pushRounds(context, name, source, pruning, [...scorings], rounds);
};
