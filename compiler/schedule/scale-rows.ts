/**
 * Prepares products that are computed in f16 for its range, which ends at 65,504: what a weight is multiplied with is scaled
 * row by row so that its largest number is 2^14, and the product is scaled back. Activations of models in bf16 may be larger
 * than f16 can say, and gradients smaller; with it, an error depends on how a number compares with the largest of its row
 * alone. The weights stay as they are: the run refuses those beyond the range.
 */
import { Builder } from "../ir/build.js";
import type { Graph, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../ir/traverse.js";

/** Rows of nothing but zeros are divided by this; so are rows of less, which f32 hardly has. */
const LEAST = 2 ** -100;
const LARGEST = 2 ** 14;

type Contract = Extract<Node, { op: "contract" }>;

const scaledProduct = (builder: Builder, node: Contract, other: "left" | "right"): Node => {
  const rows = node[other];
  const size = builder.unary("abs", rows);
  const largest = builder.binary(
    "max",
    builder.reduce("max", size, node.over),
    builder.constant(LEAST),
  );
  const scaled = builder.binary(
    "mul",
    rows,
    builder.binary("div", builder.constant(LARGEST), largest),
  );
  const product =
    other === "left"
      ? builder.contract(scaled, node.right, node.over)
      : builder.contract(node.left, scaled, node.over);
  const back = builder.binary("mul", largest, builder.constant(1 / LARGEST));
  return builder.binary("mul", product, back);
};

/** `isNarrow`: whether products with a node are computed in f16. The graph itself where there are none. */
export const scaleRows = (graph: Graph, isNarrow: (node: Node) => boolean): Graph => {
  const nodes = nodesOf(graph);
  if (!nodes.some(isNarrow)) return graph;
  const builder = new Builder();
  const done = new Map<Node, Node>();
  for (const node of nodes) {
    const made = rebuild(
      builder,
      node,
      operandsOf(node).map((operand) => done.get(operand) ?? operand),
    );
    const narrow = node.op === "contract" && (isNarrow(node.left) || isNarrow(node.right));
    done.set(
      node,
      narrow && made.op === "contract"
        ? scaledProduct(builder, made, isNarrow(made.right) ? "left" : "right")
        : made,
    );
  }
  return {
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, node]) => [name, done.get(node) ?? node]),
    ),
  };
};
