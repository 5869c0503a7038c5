/**
 * A cut model without cutting: its own forward pass, over all units of the weights it was cut from, every sum and maximum
 * over an axis taken of the kept units alone. It is worked out layer by layer, as what is kept may differ by layer.
 */
import { hasAxis } from "../compiler/ir/axes.js";
import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Axis, Dense, Node } from "../compiler/ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../compiler/ir/traverse.js";
import { forward } from "../compiler/library/forward.js";
import { carriedInput, type ModelShape, weightInput } from "../compiler/library/library.js";
import { rescaled } from "../compiler/library/rescale.js";
import type { Kept, KeptAxis } from "../runtime/weights/kept.js";
import { fill, type Place } from "./dense.js";
import { setAt } from "./elements.js";
import { Broken, type Draw, Untold } from "./law.js";
import { feedsOf, type Model, made, weightsOf } from "./model.js";

/** Below any number that a maximum is taken of. */
const LEAST = -1e300;

interface Masking {
  readonly builder: Builder;
  readonly kept: Kept;
  /** By axis that is cut, as it is before. */
  readonly full: ReadonlyMap<string, Axis>;
  readonly layerAxis: string | null;
}

const maskName = (axis: string): string => `kept/${axis}`;

/** Axes of a mask: those along which kept sets differ, in a layer, and the axis itself. */
const maskAxes = ({ layerAxis }: Masking, { axis, along, from }: KeptAxis): readonly Axis[] => [
  ...along.filter(({ name }) => name !== layerAxis),
  { name: axis, size: from },
];

/** 1 at kept units. */
const maskAt = (masking: Masking, cut: KeptAxis, layer: number | null): Dense => {
  const here: Place = layer === null ? {} : { [masking.layerAxis ?? ""]: layer };
  const isKept = (place: Place): boolean =>
    setAt(masking.kept, cut.axis, { ...here, ...place })?.includes(place[cut.axis] ?? 0) === true;
  return fill(maskAxes(masking, cut), (place) => Number(isKept(place)));
};

/** The value with `otherwise` at units that are not kept of the axes it is reduced over. */
const masked = (
  masking: Masking,
  value: Node,
  over: readonly string[],
  otherwise: number,
): Node => {
  const { builder, kept } = masking;
  return over.reduce((node, axis) => {
    const cut = kept.get(axis);
    if (cut === undefined || cut.keep === cut.from || axis === masking.layerAxis) return node;
    const axes = maskAxes(masking, cut);
    const lacking = axes.find(({ name }) => !hasAxis(node.axes, name));
    if (lacking !== undefined)
      throw new Untold(`units of ${axis} are summed where ${lacking.name} is not told apart`);
    const mask = builder.input(maskName(axis), axes);
    const order = node.axes.map(({ name }) => name);
    return builder.permute(builder.select(mask, node, builder.constant(otherwise)), order);
  }, value);
};

const isFloat = (node: Node): boolean => node.op === "input" && node.dtype === "f32";

/** The same operation over all units, reductions over those that are kept. */
const overAll = (masking: Masking, node: Node, operands: readonly Node[]): Node => {
  const { builder, full } = masking;
  const all = (axes: readonly Axis[]): Axis[] => axes.map((axis) => full.get(axis.name) ?? axis);
  const within = (at: number, over: readonly string[], otherwise: number): Node[] =>
    operands.map((operand, i) => (i === at ? masked(masking, operand, over, otherwise) : operand));
  switch (node.op) {
    case "input":
      return builder.input(node.name, isFloat(node) ? all(node.axes) : node.axes, node.dtype);
    case "index":
      return builder.index(all(node.axes)[0] ?? { name: "", size: 1 });
    case "reduce":
      return rebuild(builder, node, within(0, node.over, node.fn === "sum" ? 0 : LEAST));
    case "kth":
      return rebuild(builder, node, within(0, [node.axis], LEAST));
    case "contract":
      return rebuild(builder, node, within(0, node.over, 0));
    case "attention":
      return rebuild(builder, node, within(0, [node.dim], 0));
    default:
      return rebuild(builder, node, operands);
  }
};

/** The outputs of a segment over all units. */
const segmentOf = (masking: Masking, outputs: Readonly<Record<string, Node>>) => {
  const copies = new Map<Node, Node>();
  const copyOf = (node: Node): Node => {
    const copy = copies.get(node);
    if (copy === undefined) throw new Error(`${node.op} before what it reads`);
    return copy;
  };
  for (const node of nodesOf({ outputs }))
    copies.set(node, overAll(masking, node, operandsOf(node).map(copyOf)));
  return Object.fromEntries(Object.entries(outputs).map(([name, node]) => [name, copyOf(node)]));
};

/** The source's weights under the names of the cut model, rescaled as cutting rescales them. */
const sourceWeights = (model: Model, cut: ModelShape, layerOf: (layer: number) => number) => {
  const changes = made(rescaled(model.shape, cut));
  const own = weightsOf(model);
  const layers = cut.axes.find(({ name }) => name === cut.layerAxis)?.size ?? 0;
  const found = new Map<string, Dense>();
  for (const { name, perLayer } of cut.weights)
    for (let layer = 0; layer < (perLayer ? layers : 1); layer++) {
      const [to, from] = perLayer ? [layer, layerOf(layer)] : [null, null];
      const dense = own.get(weightInput("model", name, from));
      if (dense === undefined) throw new Broken(`the model has no ${name} to cut`);
      const { scale, shift } = changes.get(name) ?? { scale: 1, shift: 0 };
      const data =
        changes.has(name) === false
          ? dense.data
          : dense.data.map((w) => Math.fround(scale * w + shift));
      found.set(weightInput("cut", name, to), { axes: dense.axes, data });
    }
  return found;
};

/** Logits of the model cut to `cut`, by all units of the model it is cut from. */
export const maskedLogits = (model: Model, cut: ModelShape, kept: Kept, draw: Draw): Dense => {
  const { layerAxis } = model.shape;
  const full = new Map(
    [...kept.values()]
      .filter(({ axis }) => axis !== layerAxis)
      .map(({ axis, from }) => [axis, { name: axis, size: from }]),
  );
  const passes = new Builder();
  const { axes, values } = feedsOf(model.shape, draw);
  const tokens = passes.input("tokens", axes, "u32");
  const pass = made(forward(cut, passes, { model: "cut", tokens, cut: true }));
  const logits = pass.values.get("logits");
  if (logits === undefined) throw new Broken("the forward pass gives no logits");
  const layerOf = (layer: number): number => kept.get(layerAxis ?? "")?.sets[0]?.[layer] ?? layer;
  const known = new Map<string, Dense>(sourceWeights(model, cut, layerOf));
  known.set("tokens", values.tokens);
  const segments = [...pass.carried.map((c) => Object.fromEntries(c)), { logits }];
  let last: Dense | undefined;
  segments.forEach((outputs, at) => {
    const inLayer = at > 0 && at < segments.length - 1;
    const masking: Masking = { builder: new Builder(), kept, full, layerAxis };
    for (const keptAxis of kept.values())
      if (keptAxis.axis !== layerAxis)
        known.set(
          maskName(keptAxis.axis),
          maskAt(masking, keptAxis, inLayer ? layerOf(at - 1) : null),
        );
    const found = interpret({ outputs: segmentOf(masking, outputs) }, known);
    for (const [name, dense] of Object.entries(found))
      known.set(carriedInput("cut", name, at + 1), dense);
    last = found.logits;
  });
  if (last === undefined) throw new Broken("the forward pass gives no logits");
  return last;
};
