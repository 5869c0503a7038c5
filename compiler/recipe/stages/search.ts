/**
 * `search NAME of MODEL using SCORES { … }`: every shape of a space of sizes that meets some conditions, each pruned by the
 * scores (Minitron, section 2.3). What is said of the search's name after it is done to each candidate.
 */
import type { Expr, Name, StageDecl, Statement } from "../../../grammar/ast.js";
import { flopsAt } from "../../library/flops.js";
import { tokenAxis } from "../../library/forward.js";
import { parametersAt } from "../../library/parameters.js";
import { nameIn, readClauses } from "../clauses.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, find, say } from "../context.js";
import type { Candidate, ScoreEntry } from "../scope.js";
import { readSettings, SETTINGS } from "../settings.js";
import { candidateName } from "./candidates.js";
import { type Condition, conditionOf } from "./condition.js";
import { one } from "./one-model.js";
import { pushPrune } from "./prune-step.js";
import { sizesFit } from "./run-length.js";
import { choicesOf, type Line, linesOf, type Sizes } from "./space.js";
import type { Source } from "./targets.js";

/** Candidates that a run can rank in a lifetime. */
const MOST_CANDIDATES = 500;

/** Tokens of the longest window: what FLOPs of a token are told for. */
const longestWindow = ({ scope }: Context): number =>
  Math.max(1, ...[...scope.declared.keys()].map((name) => scope.peek("data", name)?.window ?? 1));

const isAxisLine = ({ heads }: Statement, { shape }: Source): boolean =>
  !heads.some(({ name }) => Object.hasOwn(SETTINGS.search, name)) ||
  shape.axes.some(({ name }) => name === heads[0]?.name);

/** How many candidates each ranking leaves: `keep 6`, or `keep [6, 3]`; null after saying what is wrong. */
const keepsOf = (context: Context, expr: Expr | null): readonly number[] | null => {
  if (expr === null) return [];
  const items = expr.kind === "list" ? expr.items : [expr];
  const counts = items.map((item) => {
    const value = evaluate(context, item, context.file);
    if (value === null) return null;
    const whole = typeof value !== "string" && value.unit === "number" && value.value >= 1;
    if (whole && Number.isInteger(value.value)) return value.value;
    const takes = "a whole number of at least 1";
    say(context, "value-range", item.span, {
      what: "`keep`",
      takes,
      found: excerpt(context, item.span),
    });
    return null;
  });
  return counts.includes(null) ? null : counts.filter((count) => count !== null);
};

/** The condition of `within`, with FLOPs as a token of the longest window costs. */
const withinOf = (context: Context, { shape }: Source, expr: Expr): Condition | null => {
  const window = longestWindow(context);
  const axes = new Set(shape.axes.map(({ name }) => name));
  const flopsOf = (model: string): number => {
    const entry = context.scope.peek("model", model);
    return entry === null || entry === undefined ? 0 : flopsAt(entry.shape, new Map(), window);
  };
  return conditionOf({ context, axes, flopsOf }, expr);
};

/** The choices that meet the condition; says how near the nearest comes where none does. */
const meeting = (
  context: Context,
  { shape }: Source,
  name: Name,
  choices: readonly Sizes[],
  condition: Condition | null,
): readonly Sizes[] => {
  const window = longestWindow(context);
  const all = new Map(shape.axes.map((axis) => [axis.name, axis.size]));
  const found = choices.filter(
    (sizes) =>
      condition === null ||
      condition({
        params: parametersAt(shape, sizes),
        flops: () => flopsAt(shape, sizes, window),
        sizes: new Map([...all, ...sizes]),
      }),
  );
  if (found.length === 0) {
    const counts = choices.map((sizes) => parametersAt(shape, sizes));
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    say(context, "search-empty", name.span, { choices: choices.length, least, most });
  }
  if (found.length > MOST_CANDIDATES)
    say(context, "search-wide", name.span, { count: found.length, most: MOST_CANDIDATES });
  return found.length > MOST_CANDIDATES ? [] : found;
};

/** Candidates with their shapes; those that config.json cannot say are left out. */
const candidatesOf = (
  context: Context,
  source: Source,
  name: Name,
  choices: readonly Sizes[],
): readonly Candidate[] =>
  choices
    .flatMap((sizes) => {
      const place = { path: context.file.path, span: name.span };
      const shape = context.trials.resized(source.shape, sizes, place);
      return shape.ok ? [{ sizes: Object.fromEntries(sizes), shape: shape.value }] : [];
    })
    .map((candidate, at) => ({ id: at + 1, ...candidate }));

const pushPrunes = (
  context: Context,
  name: Name,
  source: Source,
  scores: string,
  candidates: readonly Candidate[],
): void => {
  for (const { id, sizes, shape } of candidates) {
    const model = candidateName(name.name, id);
    const cuts = source.shape.axes
      .map((axis) => ({ axis: axis.name, from: axis.size, keep: sizes[axis.name] ?? axis.size }))
      .filter(({ from, keep }) => keep < from);
    context.between.set(model, shape);
    const pruning = {
      name: model,
      source: source.model,
      scores,
      cuts,
      folds: [],
      compensations: [],
    };
    pushPrune(context, name, pruning, source.shape, shape);
  }
};

/** Whether the scores are of the model, and of every axis that varies. */
const fitting = (
  context: Context,
  using: Name,
  scores: ScoreEntry,
  source: Source,
  lines: readonly Line[],
): boolean => {
  if (scores.model !== source.model) {
    const parameters = { score: using.name, of: scores.model, model: source.model };
    say(context, "scores-of-other", using.span, parameters);
    return false;
  }
  const unscored = lines.filter(({ axis }) => scores.axes !== null && !scores.axes.has(axis));
  for (const { axis, values } of unscored)
    say(context, "unscored-axis", values.span, { axis, score: using.name });
  return unscored.length === 0;
};

export const checkSearch = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  context.scope.define("model", name.name, null);
  const clauses = readClauses(context, stage);
  const of = nameIn(context, clauses, "of");
  const using = nameIn(context, clauses, "using");
  const entry = of === null ? null : one(context, of);
  const scores = using === null ? null : find(context, "score", using);
  if (of === null || entry === null) return;
  const source = { model: of.name, shape: entry.shape, parameters: entry.shape.parameters };
  const body = stage.body ?? [];
  const settings = readSettings(
    context,
    stage,
    body.filter((line) => !isAxisLine(line, source)),
  );
  const keeps = keepsOf(context, settings.expression("keep"));
  const within = settings.expression("within");
  const condition = within === null ? null : withinOf(context, source, within);
  const lines = linesOf(
    context,
    source,
    body.filter((line) => isAxisLine(line, source)),
  );
  if (lines === null || keeps === null || (within !== null && condition === null)) return;
  const tokens = lines.find(({ axis }) => axis === tokenAxis(source.shape));
  if (tokens !== undefined) {
    say(context, "search-vocabulary", tokens.values.span, { axis: tokens.axis });
    return;
  }
  if (scores !== null && using !== null && !fitting(context, using, scores, source, lines)) return;
  const choices = choicesOf(context, source, lines);
  if (choices === null) return;
  const found = meeting(context, source, name, choices, condition);
  const list = candidatesOf(context, source, name, found);
  const [first] = list;
  const step = scores?.step ?? null;
  if (first === undefined) return;
  if (step !== null && using !== null && !sizesFit(context, using.span, step, source.shape, list))
    return;
  const candidates = { search: name.name, keeps, list };
  context.scope.define("model", name.name, {
    shape: first.shape,
    vocabulary: entry.vocabulary,
    candidates,
  });
  if (using !== null && step !== null) pushPrunes(context, name, source, using.name, list);
};
