/** What the text of one kernel has handed out: params, bindings, names. */
import type { Node } from "../ir/tensor.js";

/** Types of WGSL that a prefix and a number spell: a name must not hide them. */
const TYPES: ReadonlySet<string> = new Set(["f16", "f32", "i32", "u32"]);

export class Names {
  /** Tensors read, in binding order after params. */
  readonly reads: Node[] = [];
  readonly params: number[] = [];
  private counter = 0;
  private readonly known = new Map<string, string>();

  /**
   * A word of the uniform, one for each meaning. Sizes are params, so that layers and models of other sizes share a
   * pipeline: equal values of different meanings are different words.
   */
  param(meaning: string, value: number): string {
    const known = this.known.get(meaning);
    if (known !== undefined) return known;
    const at = this.params.push(value) - 1;
    const name = `p.v[${at >> 2}].${"xyzw"[at & 3]}`;
    this.known.set(meaning, name);
    return name;
  }

  fresh(prefix: string): string {
    const name = `${prefix}${this.counter++}`;
    return TYPES.has(name) ? this.fresh(prefix) : name;
  }

  binding(node: Node): string {
    const at = this.reads.indexOf(node);
    return `b${at >= 0 ? at : this.reads.push(node) - 1}`;
  }
}
