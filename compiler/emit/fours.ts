/**
 * Four elements along the innermost axes at once: what of them lies side by side in a buffer is loaded and stored as one
 * vector. SwiftShader works out anew at each access where a binding lies, which is two fifths of one.
 */
import type { Axis, Node } from "../ir/tensor.js";

/** So many elements at once. */
export const FOUR = 4;

/** The four elements that a scope is about, and which of them it computes. */
export interface Fours {
  /** Of each axis along which the four follow each other, from a multiple of four on: the index of the four. */
  readonly indices: ReadonlyMap<string, () => string>;
  readonly at: number;
  /** Lines before those of all four, and what they name, by what it is. */
  readonly lines: string[];
  readonly known: Map<string, string>;
}

/** Which tensors a kernel could load (or, of its root, store) in fours: those of which it loads nothing otherwise. */
export class FoursFound {
  private readonly fit = new Map<Node, boolean>();

  note(node: Node, fits: boolean): void {
    this.fit.set(node, fits && this.fit.get(node) !== false);
  }

  nodes(): ReadonlySet<Node> {
    return new Set([...this.fit].flatMap(([node, fits]) => (fits ? [node] : [])));
  }
}

/** Whether an axis is cut into fours evenly. */
export const isWhole = (count: number): boolean => count % FOUR === 0;

/** Whether four elements with these indices lie side by side, from a multiple of four on. */
export const lieTogether = (
  axes: readonly Axis[],
  indices: ReadonlyMap<string, string>,
  fours: Fours,
): boolean => {
  let stride = 1;
  let found = false;
  for (const { name, size } of [...axes].reverse()) {
    if (indices.get(name) !== "0u") {
      const along = fours.indices.has(name);
      if (along ? stride !== 1 : !isWhole(stride)) return false;
      found ||= along;
    }
    stride *= size;
  }
  return found;
};
