/**
 * Criteria: the score of every unit of an axis. Summed over the taps of the axis (or the weights that carry it), and
 * over layers unless kept sets may differ by layer.
 */
import type { Argument } from "../../grammar/ast.js";
import type { Builder } from "../ir/build.js";
import type { Axis, Node } from "../ir/tensor.js";
import type { ConfigPlace } from "./architecture.js";
import { apply } from "./elaborate.js";
import { nodeOf } from "./environment.js";
import {
  type CriterionUse,
  type Forward,
  type Library,
  type ModelShape,
  type Outcome,
  weightInput,
} from "./library.js";
import { rootEnvironment } from "./loss.js";
import { mistake, outcome } from "./report.js";
import { tensorValue, type Value } from "./value.js";

export interface ScoreSubject {
  readonly forward: Forward;
  /** Prefix of the weights' input names. */
  readonly model: string;
  readonly axis: string;
  /** Where the criterion is used, for diagnostics. */
  readonly place?: ConfigPlace;
}

interface Piece {
  readonly layer: number | null;
  readonly node: Node;
}

const argumentsOf = (use: CriterionUse): Argument[] =>
  [...use.args].map(([name, value]) => ({
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

const applyTo = (scoring: Scoring, values: readonly Node[], others: readonly string[]): Node => {
  const { use, library, builder } = scoring;
  const { decl, file } = use.definition;
  const names = decl.subject?.names ?? [];
  if (names.length !== values.length)
    return mistake(
      "wrong-arguments",
      scoring.subject.place ?? file,
      scoring.subject.place?.span ?? decl.name.span,
      {
        reason: `\`${decl.name.name}\` looks at ${names.length} values, and the tap of \`${scoring.subject.axis}\` gives ${values.length}`,
      },
    );
  const given = new Map<string, Value>(
    names.flatMap((name, at) => {
      const node = values[at];
      return node === undefined ? [] : [[name.name, tensorValue(node)] as const];
    }),
  );
  const axes = new Map(
    values.flatMap((node) => node.axes.map((axis) => [axis.name, axis] as const)),
  );
  const env = { ...rootEnvironment(library, builder, file, given), axes };
  const axisArguments = decl.axes.length === 0 ? null : others;
  const span = decl.name.span;
  return nodeOf(
    env,
    apply(env, use.definition, axisArguments, argumentsOf(use), span, given),
    span,
  );
};

/** Sums what is left over but the kept axes, and orders those. */
const settle = (scoring: Scoring, node: Node): Node => {
  const { builder, keeps, subject, use } = scoring;
  const wanted = keeps.map((axis) => axis.name);
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

const fromTaps = (scoring: Scoring): Piece[] =>
  scoring.subject.forward.taps
    .filter((tap) => tap.axis === scoring.subject.axis)
    .map((tap) => ({ layer: tap.layer, node: settle(scoring, applyTo(scoring, tap.values, [])) }));

const fromWeights = (scoring: Scoring): Piece[] => {
  const { shape, subject, builder, keeps } = scoring;
  const layers = shape.axes.find((axis) => axis.name === shape.layerAxis)?.size ?? 0;
  const kept = new Set(keeps.map((axis) => axis.name));
  return shape.weights
    .filter((weight) => weight.dims.flat().some((axis) => axis.name === subject.axis))
    .flatMap((weight) => {
      const axes = weight.dims.flat();
      const others = axes.map((axis) => axis.name).filter((name) => !kept.has(name));
      const piece = (layer: number | null): Piece => {
        const node = builder.input(weightInput(subject.model, weight.name, layer), axes);
        return { layer, node: settle(scoring, applyTo(scoring, [node], others)) };
      };
      return weight.perLayer
        ? Array.from({ length: layers }, (_, layer) => piece(layer))
        : [piece(null)];
    });
};

const total = (builder: Builder, nodes: readonly Node[]): Node =>
  nodes
    .slice(1)
    .reduce((sum, node) => builder.binary("add", sum, node), nodes[0] ?? builder.constant(0));

/** Whether an axis has scores for each layer: kept sets may differ by layer, or it is the layer axis. */
const isPerLayer = ({ along, layerAxis }: ModelShape, axis: string): boolean =>
  axis === layerAxis || (along.get(axis) ?? []).some(({ name }) => name === layerAxis);

/** How many nodes `scoreOf` gives. */
export const scoreCount = (shape: ModelShape, axis: string): number =>
  isPerLayer(shape, axis) ? (shape.axes.find((a) => a.name === shape.layerAxis)?.size ?? 0) : 1;

/** One node per layer where kept sets may differ by layer (or the axis is the layer axis), else one. */
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
    const pieces =
      use.definition.decl.subject?.of === "weight" ? fromWeights(scoring) : fromTaps(scoring);
    if (!isPerLayer(shape, axis))
      return [
        total(
          builder,
          pieces.map((piece) => piece.node),
        ),
      ];
    return Array.from({ length: scoreCount(shape, axis) }, (_, layer) =>
      total(
        builder,
        pieces.filter((piece) => piece.layer === layer).map((piece) => piece.node),
      ),
    );
  });
