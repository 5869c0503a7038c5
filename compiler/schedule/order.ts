/**
 * The order in which a graph's kernels run: one that leaves less behind than it takes away runs as soon as it can, else
 * the next in the graph's own order. So a weight's gradient is formed when its factors are there, not when all others are.
 */
import type { Node } from "../ir/tensor.js";

/** A kernel, by the tensor it writes, and the tensors that it reads. */
export interface Work {
  readonly node: Node;
  readonly reads: ReadonlySet<Node>;
}

/** `bytesOf`: what a tensor takes while it may still be read. `works` are in an order that is possible. */
export const orderWork = (
  works: readonly Work[],
  bytesOf: (node: Node) => number,
): readonly Node[] => {
  const made = new Set(works.map(({ node }) => node));
  const readers = new Map<Node, Work[]>();
  for (const work of works)
    for (const read of work.reads) readers.set(read, [...(readers.get(read) ?? []), work]);
  const left = new Map([...readers].map(([node, list]) => [node, list.length]));
  const missing = new Map(
    works.map((work) => [work, [...work.reads].filter((read) => made.has(read)).length]),
  );
  const growth = ({ node, reads }: Work): number => {
    let bytes = readers.has(node) ? bytesOf(node) : 0;
    for (const read of reads) if (left.get(read) === 1) bytes -= bytesOf(read);
    return bytes;
  };
  const ready = new Set(works.filter((work) => missing.get(work) === 0));
  const order: Node[] = [];
  const run = (work: Work): void => {
    ready.delete(work);
    order.push(work.node);
    for (const read of work.reads) left.set(read, (left.get(read) ?? 0) - 1);
    for (const reader of readers.get(work.node) ?? []) {
      const still = (missing.get(reader) ?? 0) - 1;
      missing.set(reader, still);
      if (still === 0) ready.add(reader);
    }
  };
  const choose = (): Work | undefined => {
    let least: Work | undefined;
    let best = 0;
    let next: Work | undefined;
    for (const work of ready) {
      if (next === undefined || work.node.id < next.node.id) next = work;
      const bytes = growth(work);
      if (bytes < best || (bytes === best && (least === undefined || work.node.id < least.node.id)))
        if (bytes <= 0) {
          least = work;
          best = bytes;
        }
    }
    return least ?? next;
  };
  for (let work = choose(); work !== undefined; work = choose()) run(work);
  return order;
};
