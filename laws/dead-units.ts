/**
 * Cutting dead units changes no logit beyond rounding. A unit is dead where nothing reads what it puts out: the weights that
 * it is multiplied with are 0. Only of axes over which the forward pass does nothing but sum such products is this so: norms
 * count every channel.
 */
import { hasAxis } from "../compiler/ir/axes.js";
import { Builder } from "../compiler/ir/build.js";
import type { Node } from "../compiler/ir/tensor.js";
import { operandsOf, reachable } from "../compiler/ir/traverse.js";
import { forward } from "../compiler/library/forward.js";
import type { ModelShape } from "../compiler/library/library.js";
import { cutsOf, cutsText, cuttable } from "./cuts.js";
import { removedAt, zeroed } from "./elements.js";
import { type Law, Untold } from "./law.js";
import { cutTo, keptBy, logitsOf, made, modelOf, randomScores, requireEqual } from "./model.js";

const passOf = (shape: ModelShape): readonly Node[] => {
  const builder = new Builder();
  const axes = ["window", "position"].map((name) => ({ name, size: 1 }));
  const tokens = builder.input("tokens", axes, "u32");
  const logits = made(forward(shape, builder, { model: "model", tokens })).values.get("logits");
  return logits === undefined ? [] : reachable([logits]);
};

/** Nodes that depend on the tokens. */
const ofTokens = (nodes: readonly Node[]): ReadonlySet<Node> => {
  const found = new Set<Node>();
  for (const node of nodes)
    if ((node.op === "input" && node.dtype === "u32") || operandsOf(node).some((n) => found.has(n)))
      found.add(node);
  return found;
};

/** Whether a node ends an axis that an operand of it has. */
const ends = (node: Node, axis: string): boolean =>
  (node.op === "attention" && node.dim === axis) ||
  (!hasAxis(node.axes, axis) && operandsOf(node).some(({ axes }) => hasAxis(axes, axis)));

/** The name of the weight (or `null`) that a product multiplies activations with. */
const readerIn = (node: Node, tokens: ReadonlySet<Node>): string | null => {
  if (node.op !== "contract") return null;
  const [weights, others] = [node.left, node.right].map((side) => !tokens.has(side));
  if (weights === others) return null;
  const side = weights === true ? node.left : node.right;
  const bare = side.op === "permute" ? side.arg : side;
  const [, name = null] = bare.op === "input" ? (/^model\/([^@]+)/.exec(bare.name) ?? []) : [];
  return name;
};

/** Of each axis over which activations are only multiplied with weights and summed, these weights. */
const readersOf = (shape: ModelShape): ReadonlyMap<string, ReadonlySet<string>> => {
  const nodes = passOf(shape);
  const tokens = ofTokens(nodes);
  const found = new Map<string, ReadonlySet<string>>();
  for (const axis of cuttable(shape)) {
    if (axis === shape.layerAxis || shape.paired.has(axis)) continue;
    const readers = nodes
      .filter((node) => tokens.has(node) && ends(node, axis))
      .map((node) => readerIn(node, tokens));
    const named = readers.filter((name) => name !== null);
    if (named.length === readers.length && named.length > 0) found.set(axis, new Set(named));
  }
  return found;
};

export const deadUnits: Law = {
  name: "dead-units",
  says: "cutting units whose outgoing weights are 0 changes no logit",
  silent: ({ shape }) =>
    readersOf(shape).size === 0 ? "the pass sums no axis by products with weights alone" : null,
  holds: async (trial) => {
    const { shape, seed, keeps } = trial;
    const readers = readersOf(shape);
    const model = modelOf(shape, seed);
    const whole = cuttable(shape).filter((axis) => !readers.has(axis));
    const cuts = cutsOf(shape, keeps, whole);
    if (cuts.every(({ from, keep }) => keep === from)) throw new Untold("nothing is cut");
    const kept = keptBy(model, cuts, randomScores(model, seed));
    const dead = zeroed(model, ({ weight, place }) =>
      removedAt(kept, place).some((axis) => readers.get(axis)?.has(weight.weight) === true),
    );
    const cut = await cutTo(dead, kept);
    requireEqual(
      logitsOf(cut, trial),
      logitsOf(dead, trial),
      `logits with and without dead units, ${cutsText(cuts)}`,
    );
  },
};
