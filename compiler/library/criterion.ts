/**
 * Criteria: the score of every unit of an axis. Summed over the taps of the axis (or the weights that carry it), and
 * over layers unless kept sets may differ by layer.
 */
import type { Argument } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Builder } from "../ir/build.js";
import type { Axis, Input, Node } from "../ir/tensor.js";
import type { ConfigPlace } from "./architecture.js";
import { apply, bindAxes } from "./elaborate.js";
import { nodeOf } from "./environment.js";
import { forward, tokenAxis } from "./forward.js";
import {
  type CriterionUse,
  type Forward,
  type Library,
  type ModelShape,
  type Outcome,
  type Tap,
  weightInput,
} from "./library.js";
import { recordOf, rootEnvironment } from "./loss.js";
import { mistake, outcome } from "./report.js";
import { layersOf, leftOut, RUN_LENGTH, runsOf, scoresRuns, takesRunLength, upTo } from "./runs.js";
import { numberValue, tensorValue, type Value } from "./value.js";

export interface ScoreSubject {
  readonly forward: Forward;
  /** u32 [window, position], both: what the pass reads, and the tokens after those. */
  readonly tokens: Input;
  readonly labels: Input;
  /** Of the recipe's random choices. */
  readonly seed: number;
  /** Prefix of the weights' input names. */
  readonly model: string;
  readonly axis: string;
  /** Where the criterion is used, for diagnostics. */
  readonly place?: ConfigPlace;
  /** Where mistakes in lines of the criterion are gathered when it is only tried. */
  readonly found?: Diagnostic[];
}

interface Piece {
  readonly layer: number | null;
  readonly node: Node;
}

const argumentsOf = (use: CriterionUse): Argument[] =>
  [...use.args]
    .filter(([name]) => name !== RUN_LENGTH || !takesRunLength(use))
    .map(([name, value]) => ({
      name: { kind: "name", name, span: value.span },
      value,
      span: value.span,
    }));

interface Scoring {
  readonly use: CriterionUse;
  readonly library: Library;
  readonly builder: Builder;
  readonly shape: ModelShape;
  readonly subject: ScoreSubject;
  /** The axes a piece keeps: `along` without the layer axis, then the axis itself. */
  readonly keeps: readonly Axis[];
}

/** What a criterion sees besides what it looks at. */
const surroundings = ({ shape, subject }: Scoring, layer: number | null): [string, Value][] => [
  ["model", recordOf(subject.forward.values)],
  ["labels", { kind: "indices", input: subject.labels, of: tokenAxis(shape) }],
  ["seed", numberValue(subject.seed)],
  ["layer", numberValue(layer ?? 0)],
];

const axesOf = (value: Value): readonly Axis[] => (value.kind === "tensor" ? value.node.axes : []);

/** Applies the criterion to what it looks at; `bracketed` are the axes that its brackets stand for. */
const applyTo = (
  scoring: Scoring,
  values: readonly Value[],
  bracketed: readonly string[],
  layer: number | null,
): Node => {
  const { use, library, builder } = scoring;
  const { decl, file } = use.definition;
  const { names: seenNames = [], weight = null } = decl.subject ?? {};
  const names = weight === null ? seenNames : [...seenNames, weight];
  if (names.length !== values.length)
    return mistake(
      "wrong-arguments",
      scoring.subject.place ?? file,
      scoring.subject.place?.span ?? decl.name.span,
      {
        reason: `\`${decl.name.name}\` looks at ${names.length} values, and the tap of \`${scoring.subject.axis}\` gives ${values.length}`,
      },
    );
  const given = new Map<string, Value>([
    ...surroundings(scoring, layer),
    ...names.flatMap((name, at) => {
      const value = values[at];
      return value === undefined ? [] : [[name.name, value] as const];
    }),
  ]);
  const seen = [...values.flatMap(axesOf), ...scoring.keeps, ...scoring.subject.labels.axes];
  const axes = new Map(seen.map((axis) => [axis.name, axis] as const));
  const { found, forward: pass } = scoring.subject;
  const env = { ...rootEnvironment(library, builder, file, given), axes, found, cut: pass.cut };
  const axisArguments = decl.axes.length === 0 ? null : bracketed;
  const span = decl.name.span;
  return nodeOf(
    env,
    apply(env, use.definition, axisArguments, argumentsOf(use), span, given),
    span,
  );
};

/** The axes of `node` that the criterion keeps besides the units, of those that its brackets stand for. */
const withinOf = (
  { use, keeps, shape, subject }: Scoring,
  node: Node,
  bracketed: readonly string[],
): string[] => {
  const { decl, file } = use.definition;
  const names = decl.subject?.keeps ?? [];
  if (names.length === 0 || subject.axis === shape.layerAxis) return [];
  const bound = bindAxes(file, decl, bracketed, decl.name.span);
  const inner = names.flatMap(
    ({ name, span }) =>
      bound.get(name) ??
      mistake("axis-missing", file, span, { axis: name, has: [...bound.keys()].join(", ") }),
  );
  return node.axes
    .map(({ name }) => name)
    .filter((name) => inner.includes(name) && keeps.every((axis) => axis.name !== name));
};

/** Sums what is left over but the kept axes, and orders those. */
const settle = (scoring: Scoring, node: Node, bracketed: readonly string[]): Node => {
  const { builder, keeps, subject, use } = scoring;
  const wanted = [...keeps.map((axis) => axis.name), ...withinOf(scoring, node, bracketed)];
  const missing = wanted.find((name) => !node.axes.some((axis) => axis.name === name));
  if (missing !== undefined)
    return mistake(
      "axis-missing",
      subject.place ?? use.definition.file,
      subject.place?.span ?? use.definition.decl.name.span,
      {
        axis: missing,
        has: `[${node.axes.map((axis) => axis.name).join(", ")}] after \`${use.definition.decl.name.name}\``,
      },
    );
  const extra = node.axes.map((axis) => axis.name).filter((name) => !wanted.includes(name));
  return builder.permute(builder.sum(node, extra), wanted);
};

const scored = (
  scoring: Scoring,
  values: readonly Value[],
  bracketed: readonly string[],
  layer: number | null,
): Node => settle(scoring, applyTo(scoring, values, bracketed, layer), bracketed);

/** Axes of a value other than those that are kept and those of the data. */
const otherAxes = ({ keeps, subject }: Scoring, axes: readonly Axis[]): string[] => {
  const known = new Set([...keeps, ...subject.labels.axes].map(({ name }) => name));
  return axes.map(({ name }) => name).filter((name) => !known.has(name));
};

/** The weight that a tap goes into, as the model has it. */
const weightAfter = (scoring: Scoring, { into, layer }: Tap): Node => {
  const { shape, subject, builder, use } = scoring;
  const weight = shape.weights.find(({ name }) => name === into?.weight);
  if (weight !== undefined)
    return builder.input(
      weightInput(subject.model, weight.name, weight.perLayer ? layer : null),
      weight.dims.flat(),
    );
  const { decl, file } = use.definition;
  const { name } = decl.name;
  const others = subject.forward.taps.filter((t) => t.axis === subject.axis && t.into !== null);
  const [other] = others.flatMap((t) => (t.name === null ? [] : [t.name]));
  return mistake("wrong-arguments", subject.place ?? file, subject.place?.span ?? decl.name.span, {
    reason: `\`${name}\` looks at a tap and the weight that it goes into, and this tap of \`${subject.axis}\` names none`,
    hint:
      other === undefined
        ? `score \`${subject.axis}\` by a criterion of the tap or of weights alone, or write \`into WEIGHT\` after the tap in the architecture`
        : `write \`${subject.axis} by ${name} of ${other}\`, a tap that names one`,
  });
};

const fromTaps = (scoring: Scoring): Piece[] =>
  scoring.subject.forward.taps
    .filter((tap) => tap.axis === scoring.subject.axis && tap.name === scoring.use.tap)
    .map((tap) => {
      const { layer, values } = tap;
      const seen = values[0]?.axes ?? [];
      const withWeight = scoring.use.definition.decl.subject?.weight !== null;
      const weight = withWeight ? weightAfter(scoring, tap) : null;
      // Of a weight too, the brackets stand for what only that has.
      const others =
        weight === null
          ? otherAxes(scoring, seen)
          : otherAxes(scoring, weight.axes).filter((name) => !seen.some((a) => a.name === name));
      const nodes = weight === null ? values : [...values, weight];
      return {
        layer,
        node: scored(scoring, nodes.map(tensorValue), others, layer),
      };
    });

const fromWeights = (scoring: Scoring): Piece[] => {
  const { shape, subject, builder, keeps } = scoring;
  const kept = new Set(keeps.map((axis) => axis.name));
  return shape.weights
    .filter((weight) => weight.dims.flat().some((axis) => axis.name === subject.axis))
    .flatMap((weight) => {
      const axes = weight.dims.flat();
      const others = axes.map((axis) => axis.name).filter((name) => !kept.has(name));
      const piece = (layer: number | null): Piece => {
        const node = builder.input(weightInput(subject.model, weight.name, layer), axes);
        return {
          layer,
          node: scored(scoring, [tensorValue(node)], others, layer),
        };
      };
      return weight.perLayer ? layersOf(shape).map(piece) : [piece(null)];
    });
};

/** Refuses what is only said of layers. */
const onlyLayers = ({ shape, subject, use }: Scoring, what: string): void => {
  const { decl, file } = use.definition;
  if (subject.axis === shape.layerAxis) return;
  mistake("wrong-arguments", subject.place ?? file, subject.place?.span ?? decl.name.span, {
    reason: `\`${decl.name.name}\` scores ${what}, and \`${subject.axis}\` is not the axis of layers`,
  });
};

/** Layers are scored by the model without them; what comes before them is shared with the whole model's pass. */
const fromRest = (scoring: Scoring): Piece[] => {
  onlyLayers(scoring, "a model without some of its layers");
  const { builder, shape, subject, use } = scoring;
  const { model, tokens } = subject;
  return leftOut(use, shape).map((without, at) => {
    const pass = forward(shape, builder, { model, tokens, without });
    if (!pass.ok) throw new Error("the pass works with all layers, but not without some");
    const rest = recordOf(pass.value.values);
    return { layer: at, node: scored(scoring, [rest], [], without.start) };
  });
};

/** A run is scored by what comes into its first layer and what leaves its last. */
const fromRuns = (scoring: Scoring): Piece[] => {
  onlyLayers(scoring, "runs of layers");
  const { shape, subject, use } = scoring;
  const taps = subject.forward.taps.filter((t) => t.axis === subject.axis && t.name === use.tap);
  return runsOf(use, layersOf(shape).length).map(({ start, length }, at) => {
    const first = taps.find(({ layer }) => layer === start)?.values[0];
    const last = taps.find(({ layer }) => layer === start + length - 1)?.values.at(-1);
    const ends = [first, last].filter((node) => node !== undefined);
    const others = otherAxes(scoring, ends[0]?.axes ?? []);
    const values = ends.map(tensorValue);
    return { layer: at, node: scored(scoring, values, others, start) };
  });
};

/** Of a criterion that looks at nothing: one piece for each set of units. */
const fromNothing = (scoring: Scoring): Piece[] => {
  const { shape, subject, keeps } = scoring;
  const units = keeps.map(({ name }) => name);
  const piece = (layer: number | null): Piece => ({
    layer,
    node: scored(scoring, [], units, layer),
  });
  return isPerLayer(shape, subject.axis) ? layersOf(shape).map(piece) : [piece(null)];
};

const piecesOf = (scoring: Scoring): Piece[] => {
  const { decl, file } = scoring.use.definition;
  const of = decl.subject?.of ?? "nothing";
  switch (of) {
    case "tap":
      return fromTaps(scoring);
    case "weight":
      return fromWeights(scoring);
    case "rest":
    case "gap":
      return fromRest(scoring);
    case "run":
      return fromRuns(scoring);
    case "nothing":
      return fromNothing(scoring);
    case "choice":
    case "answer":
      return mistake("wrong-arguments", file, decl.subject?.span ?? decl.name.span, {
        reason: `only a metric is of ${of === "choice" ? "a choice" : "an answer"}`,
      });
    default:
      return of satisfies never;
  }
};

/** The sum; what not all of them have is summed in each first. */
const total = (builder: Builder, nodes: readonly Node[]): Node => {
  const has = (node: Node, name: string): boolean => node.axes.some((axis) => axis.name === name);
  const [first, ...others] = nodes.map((node) => {
    const own = node.axes.map(({ name }) => name);
    return builder.sum(
      node,
      own.filter((name) => !nodes.every((other) => has(other, name))),
    );
  });
  return others.reduce(
    (sum, node) => builder.binary("add", sum, node),
    first ?? builder.constant(0),
  );
};

/** Whether an axis has scores for each layer: kept sets may differ by layer, or it is the layer axis. */
const isPerLayer = ({ along, layerAxis }: ModelShape, axis: string): boolean =>
  axis === layerAxis || (along.get(axis) ?? []).some(({ name }) => name === layerAxis);

/** How many nodes `scoreOf` gives. */
export const scoreCount = (use: CriterionUse, shape: ModelShape, axis: string): number => {
  const layers = layersOf(shape).length;
  if (scoresRuns(use)) return runsOf(use, layers).length;
  return isPerLayer(shape, axis) ? layers : 1;
};

/** The axes of scores after the units' own: those of a criterion that keeps some. */
export const scoresWithin = ([first]: readonly Node[], axis: string): readonly string[] => {
  const names = first?.axes.map(({ name }) => name) ?? [];
  return names.includes(axis) ? names.slice(names.indexOf(axis) + 1) : [];
};

/**
 * One node per layer where kept sets may differ by layer (or the axis is the layer axis), else one; of a criterion of runs,
 * one for each run that is scored, the shortest first and those in the order of their first layers.
 */
export const scoreOf = (
  use: CriterionUse,
  library: Library,
  builder: Builder,
  shape: ModelShape,
  subject: ScoreSubject,
): Outcome<readonly Node[]> =>
  outcome(() => {
    const { axis } = subject;
    const along = shape.along.get(axis) ?? [];
    const own = shape.axes.filter((a) => a.name === axis && axis !== shape.layerAxis);
    const keeps = [...along.filter((a) => a.name !== shape.layerAxis), ...own];
    const scoring: Scoring = { use, library, builder, shape, subject, keeps };
    const pieces = piecesOf(scoring);
    if (!isPerLayer(shape, axis))
      return [
        total(
          builder,
          pieces.map((piece) => piece.node),
        ),
      ];
    return upTo(scoreCount(use, shape, axis)).map((layer) =>
      total(
        builder,
        pieces.filter((piece) => piece.layer === layer).map((piece) => piece.node),
      ),
    );
  });
