/** Whether and how the work of a generated kernel is cut into pieces that keep within the binding limit. */
import { type Box, boxesOf } from "../emit/pieces.js";
import { walksOf } from "../emit/walks.js";
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import type { Group } from "../passes/fuse.js";

/** What a group computes without storing it. */
export const innerNodes = (root: Node, isStored: (node: Node) => boolean): readonly Node[] => {
  const seen = new Set<Node>([root]);
  const visit = (node: Node): void => {
    if (seen.has(node) || isStored(node)) return;
    seen.add(node);
    operandsOf(node).forEach(visit);
  };
  operandsOf(root).forEach(visit);
  seen.delete(root);
  return [...seen].filter((node) => node.op !== "const" && node.op !== "index");
};

/** The pieces of a group; null where it must be taken apart first (a reduction can be cut only where it is the root). */
export const groupBoxes = (
  { root, inner }: Group,
  isStored: (node: Node) => boolean,
  maxBinding: number,
): readonly Box[] | null => {
  const boxes = boxesOf([...walksOf(root, isStored).values()], maxBinding);
  const cutsInner = inner.some(({ name }) => boxes?.[0]?.has(name));
  if (boxes === null || !cutsInner) return boxes;
  const alone = innerNodes(root, isStored).every((node) => node.op !== "reduce");
  return root.op === "reduce" && alone ? boxes : null;
};

/** Whether a piece continues what an earlier one began: not the first along the axes that a reduction runs over. */
export const continues = ({ inner }: Group, box: Box): boolean =>
  inner.some(({ name }) => (box.get(name)?.start ?? 0) > 0);
