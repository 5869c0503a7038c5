/**
 * Gradients through a pass that is cut at its layers. What a segment hands on has the gradient by it as an input, which the
 * next segment hands back: so each segment's part follows from its own values and weights alone (the chain rule).
 */
import type { Builder } from "../ir/build.js";
import type { Node } from "../ir/tensor.js";
import { reachable } from "../ir/traverse.js";
import { differentiateFrom } from "../passes/differentiate.js";
import { type Carried, type CutPass, carriedInput } from "./library.js";

/** What is handed back for a value that was handed on; no name of a value has spaces. */
const returnedName = ({ losses }: CutPass, loss: Node, value: string): string =>
  `gradient ${[...losses].indexOf(loss)} by ${value}`;

/** Where gradients of the loss come from: from itself, and as inputs from behind each cut. */
const sourcesOf = (builder: Builder, cut: CutPass, loss: Node): ReadonlyMap<Node, Node> => {
  cut.losses.add(loss);
  const sources = new Map<Node, Node>([[loss, builder.constant(1)]]);
  cut.carried.forEach((values, at) => {
    for (const [value, node] of values) {
      const name = carriedInput(cut.model, returnedName(cut, loss, value), at + 1);
      const given = builder.input(name, node.axes);
      const before = sources.get(node);
      sources.set(node, before === undefined ? given : builder.map("add", before, given));
    }
  });
  return sources;
};

/** The gradient of `loss`, which has no axes, by `node`; null where the loss was not made from it. Throws NotDifferentiable. */
export const cutGradient = (
  builder: Builder,
  cut: CutPass,
  loss: Node,
  node: Node,
): Node | null => {
  const sources = sourcesOf(builder, cut, loss);
  if (!reachable([...sources.keys()]).includes(node)) return null;
  return differentiateFrom(builder, sources, [node]).get(node) ?? null;
};

/** What each segment but the first hands back, by name: of every loss, the gradients by what the segment takes. */
export const returnedBy = (builder: Builder, cut: CutPass): readonly Carried[] => {
  const sources = [...cut.losses].map((loss) => [loss, sourcesOf(builder, cut, loss)] as const);
  if (sources.length === 0) return [];
  return cut.carried.map((values, at): Carried => {
    const taken = [...values].map(
      ([value, { axes }]) =>
        [value, builder.input(carriedInput(cut.model, value, at + 1), axes)] as const,
    );
    return new Map(
      sources.flatMap(([loss, of]) => {
        const gradients = differentiateFrom(
          builder,
          of,
          taken.map(([, input]) => input),
        );
        return taken.flatMap(([value, input]) => {
          const gradient = gradients.get(input);
          return gradient === undefined ? [] : [[returnedName(cut, loss, value), gradient]];
        });
      }),
    );
  });
};
