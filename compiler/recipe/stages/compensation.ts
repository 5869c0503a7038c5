/**
 * `compensate AXIS by SCORES` in a `prune`: a bias takes in what cut units gave on average (FLAP, arXiv 2312.11983, section
 * 3.3). The architecture says which weight an activation goes into and which bias is added then; a bias that a config.json
 * can ask for is asked for.
 */
import type {
  BodyLine,
  ConfigItem,
  Expr,
  Name,
  Statement,
  TapLine,
  WeightItem,
} from "../../../grammar/ast.js";
import { readArchitecture } from "../../library/architecture.js";
import type { ModelShape } from "../../library/library.js";
import { keyOf } from "../../library/resize.js";
import type { Compensation } from "../../plan.js";
import { type Context, find, passOn, say } from "../context.js";
import type { ScoreEntry } from "../scope.js";
import { axisNamed } from "./axis.js";
import type { Source } from "./targets.js";

const HEAD = "compensate";

export const isCompensation = ({ heads, items }: Statement, { shape }: Source): boolean =>
  heads[0]?.name === HEAD && items.length > 0 && shape.axes.every(({ name }) => name !== HEAD);

const tapsIn = (lines: readonly BodyLine[]): readonly TapLine[] =>
  lines.flatMap((line) =>
    line.kind === "each" ? tapsIn(line.lines) : line.kind === "tap" ? [line] : [],
  );

/** The architecture's taps of an axis. */
const tapsOf = ({ architecture }: ModelShape, axis: string): readonly TapLine[] => {
  const forward = architecture.decl.items.filter((item) => item.kind === "forward");
  const taps = tapsIn(forward.flatMap(({ body }) => body.lines));
  return taps.filter((line) => line.axis.name === axis);
};

const tapName = ({ name }: TapLine): string | null => name?.name ?? null;

/** Where the activation that was scored goes: the architecture's tap of that name. */
const intoOf = (shape: ModelShape, axis: string, tap: string | null) => {
  const own = tapsOf(shape, axis).filter((line) => tapName(line) === tap);
  return own.length === 1 ? (own[0]?.into ?? null) : null;
};

/** Why there is no such place: another tap may have one. */
const goesNowhere = (shape: ModelShape, axis: string): string => {
  const other = tapsOf(shape, axis).find(({ name, into }) => name !== null && into !== null);
  return other === undefined
    ? "the architecture does not say which weight they go into"
    : `what they were scored by goes into no weight as it is; score \`${axis} by average of ${tapName(other)}\``;
};

const weightItem = ({ architecture }: ModelShape, name: string): WeightItem | null => {
  const items = architecture.decl.items.flatMap((item): readonly (WeightItem | ConfigItem)[] =>
    item.kind === "each-item" ? item.items : item.kind === "weight" ? [item] : [],
  );
  const weights = items.filter((item) => item.kind === "weight");
  return weights.find(({ names }) => names.some((own) => own.name === name)) ?? null;
};

/** The key of config.json that is true where the weight is there; null where it is more than a key. */
const switchOf = (condition: Expr | null): string | null =>
  condition === null ? null : keyOf(condition);

/** The shape with a weight that it may lack; null where config.json cannot ask for it by a key. */
const withWeight = (
  context: Context,
  shape: ModelShape,
  weight: string,
  place: Name,
): ModelShape | null => {
  if (shape.weights.some(({ name }) => name === weight)) return shape;
  const key = switchOf(weightItem(shape, weight)?.condition ?? null);
  if (key === null) return null;
  const config = { ...shape.config, [key]: true };
  const at = { path: context.file.path, span: place.span };
  const read = readArchitecture(shape.library, config, at);
  if (!read.ok) passOn(context, read.diagnostics, place.span);
  return read.ok && read.value.weights.some(({ name }) => name === weight) ? read.value : null;
};

const axesOf = ({ weights }: ModelShape, weight: string): readonly string[] =>
  (weights.find(({ name }) => name === weight)?.dims.flat() ?? []).map(({ name }) => name);

interface Found {
  readonly compensation: Compensation;
  readonly shape: ModelShape;
}

/** How an axis was scored. */
interface Scored {
  /** The tap that the criterion looked at. */
  readonly tap: string | null;
  readonly within: readonly string[];
}

/** Which bias takes in what goes into which weight; null after saying why there is none. */
const placed = (
  context: Context,
  { shape }: Source,
  axis: Name,
  using: Name,
  { tap, within }: Scored,
): Found | null => {
  const refuse = (reason: string): null => {
    say(context, "compensation-impossible", axis.span, { axis: axis.name, reason });
    return null;
  };
  const into = intoOf(shape, axis.name, tap);
  if (into === null) return refuse(goesNowhere(shape, axis.name));
  if (into.bias === null)
    return refuse(`the architecture adds no bias to what they give by \`${into.weight.name}\``);
  const [weight, bias] = [into.weight.name, into.bias.name];
  const wider = withWeight(context, shape, bias, axis);
  if (wider === null)
    return refuse(`\`${bias}\` is not there, and no key of config.json asks for it alone`);
  const known = [axis.name, ...within, ...axesOf(wider, bias)];
  const along = shape.along.get(axis.name) ?? [];
  const places = new Set([...known, ...along.map(({ name }) => name)]);
  const rest = axesOf(wider, weight).filter((name) => !places.has(name));
  if (rest.length > 0)
    return refuse(
      `each goes into \`${weight}\` as several numbers, of \`${rest.join("`, `")}\`, and \`${using.name}\` has one of each: score it by a criterion that keeps those, as \`average\` does`,
    );
  return { compensation: { axis: axis.name, scores: using.name, weight, bias }, shape: wider };
};

/** Whether the scores are of this model, and of the axis; returns how it was scored. */
const scoredBy = (
  context: Context,
  source: Source,
  axis: Name,
  using: Name,
  scores: ScoreEntry,
): Scored | null => {
  if (scores.model !== source.model) {
    const parameters = { score: using.name, of: scores.model, model: source.model };
    say(context, "scores-of-other", using.span, parameters);
    return null;
  }
  if (scores.axes !== null && !scores.axes.has(axis.name)) {
    say(context, "unscored-axis", axis.span, { axis: axis.name, score: using.name });
    return null;
  }
  const entry = scores.step?.entries.find((one) => one.axis === axis.name);
  return entry === undefined ? null : { tap: entry.criterion.tap, within: entry.within };
};

const compensationOf = (context: Context, source: Source, line: Statement): Found | null => {
  const [axis, by, using, more] = line.items;
  const named = axis?.kind === "name" && using?.kind === "name" && more === undefined;
  if (!named || by?.kind !== "name" || by.name !== "by" || line.heads.length > 1) {
    const takes = "an axis `by` scores";
    say(context, "setting-form", line.span, {
      name: HEAD,
      takes,
      example: `${HEAD} mlp by SCORES`,
    });
    return null;
  }
  if (axisNamed(context, axis, source.model, source.shape) === null) return null;
  const scores = find(context, "score", using);
  const scored = scores === null ? null : scoredBy(context, source, axis, using, scores);
  return scored === null ? null : placed(context, source, axis, using, scored);
};

export interface Compensations {
  readonly list: readonly Compensation[];
  /** The source's shape with all biases that take something in. */
  readonly shape: ModelShape;
}

/** The compensations of a pruning; null after saying what is wrong with one. */
export const compensationsOf = (
  context: Context,
  source: Source,
  lines: readonly Statement[],
): Compensations | null => {
  let { shape } = source;
  const list: Compensation[] = [];
  for (const line of lines) {
    const found = compensationOf(context, { ...source, shape }, line);
    if (found === null) return null;
    list.push(found.compensation);
    shape = found.shape;
  }
  return { list, shape };
};
