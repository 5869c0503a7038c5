/** Where the tensors of one lowered graph live: in states and feeds by its placement, else in scratch. */
import type { Arithmetic, Dtype } from "../../kernels/operand.js";
import type { Slab } from "../emit/pieces.js";
import { type Graph, type Input, type Node, sizeOf } from "../ir/tensor.js";
import { isTable } from "../passes/tables.js";
import type { Dispatch } from "../plan.js";
import { type Storage, type Use, within } from "./storage.js";
import {
  type OutputPlace,
  type Placement,
  storedBytes,
  tensorBytes,
  type Within,
} from "./target.js";

/** A part of a value that graphs hand on, as scratch. */
const keptUse = (value: string, { bytes, offset }: Within, part: number): Use => ({
  kind: "scratch",
  key: `kept ${value}`,
  bytes,
  slab: part === bytes ? null : { start: offset / 4, count: part / 4 },
});

/** A slab of what is itself a slab of something larger. */
const narrower = (whole: Slab | null, slab: Slab | null): Slab | null =>
  whole === null || slab === null
    ? (slab ?? whole)
    : { start: whole.start + slab.start, count: slab.count };

/** What a node's numbers are stored in. */
export const dtypeIn = ({ inputs }: Placement, node: Node): Dtype => {
  const place = node.op === "input" ? inputs.get(node.name) : undefined;
  return place?.kind === "state" ? (place.dtype ?? "f32") : "f32";
};

/** What products with a node may be computed in. */
export const arithmeticIn = ({ inputs }: Placement, node: Node): Arithmetic => {
  const place = node.op === "input" ? inputs.get(node.name) : undefined;
  return place?.kind === "state" ? (place.arithmetic ?? "f32") : "f32";
};

export class Buffers {
  private readonly outputs = new Map<
    Node,
    { readonly name: string; readonly place: OutputPlace }
  >();

  /** `part` tells the graphs of one program apart. */
  constructor(
    graph: Graph,
    private readonly placement: Placement,
    private readonly storage: Storage,
    private readonly part: string,
  ) {
    for (const [name, node] of Object.entries(graph.outputs))
      this.outputs.set(node, { name, place: placement.outputs.get(name) ?? { kind: "output" } });
  }

  /** Whether the node is an output that is added to what is there. */
  accumulates(node: Node): boolean {
    const place = this.outputs.get(node)?.place;
    return place !== undefined && place.kind !== "output" && place.accumulate;
  }

  /** Bytes that the node takes only while someone may still read it; 0 for what lies in a state, a feed or a table. */
  scratchBytes(node: Node): number {
    const place =
      node.op === "input" ? this.placement.inputs.get(node.name) : this.outputs.get(node)?.place;
    if (place === undefined)
      return node.op === "input" || isTable(node) ? 0 : tensorBytes(node.axes);
    return place.kind === "kept" ? tensorBytes(node.axes) : 0;
  }

  dtypeOf(node: Node): Dtype {
    return dtypeIn(this.placement, node);
  }

  arithmeticOf(node: Node): Arithmetic {
    return arithmeticIn(this.placement, node);
  }

  private input(node: Input): Use {
    const bytes = storedBytes(sizeOf(node.axes), this.dtypeOf(node));
    const place = this.placement.inputs.get(node.name);
    if (place === undefined) throw new Error(`input ${node.name} has no place`);
    switch (place.kind) {
      case "state":
        return this.storage.fixed(place.state, "state", place.stateBytes, place.offset, bytes);
      case "kept":
        return keptUse(place.value, place, bytes);
      case "feed": {
        const { bytes: whole, offset } = place.within ?? { bytes, offset: 0 };
        return this.storage.feed(node.name, place.source, whole, offset, bytes);
      }
      default:
        return place satisfies never;
    }
  }

  /** Where a stored node lives, or the slab of it that a piece of work needs. */
  use(node: Node, slab: Slab | null = null): Use {
    const whole = this.whole(node);
    return whole.kind === "fixed"
      ? { kind: "fixed", binding: within(whole.binding, slab, this.dtypeOf(node)) }
      : { ...whole, slab: narrower(whole.slab, slab) };
  }

  private whole(node: Node): Use {
    if (node.op === "input") return this.input(node);
    const bytes = tensorBytes(node.axes);
    const output = this.outputs.get(node);
    if (output === undefined)
      return isTable(node)
        ? this.storage.table(node)
        : { kind: "scratch", key: `${this.part}${node.id}`, bytes, slab: null };
    const { name, place } = output;
    switch (place.kind) {
      case "output":
        return this.storage.fixed(`output.${name}`, "output", bytes, 0, bytes);
      case "kept":
        return keptUse(place.value, place, bytes);
      case "state":
        return this.storage.fixed(place.state, "state", place.stateBytes, place.offset, bytes);
      default:
        return place satisfies never;
    }
  }

  /** Scratch that is written and never read. */
  unused(key: string, elements: number, slab: Slab | null): Use {
    return { kind: "scratch", key: `${this.part}${key}`, bytes: elements * 4, slab };
  }

  /** The positions of an index feed sorted into buckets by value. */
  buckets(indices: Input, size: number): Use {
    this.input(indices);
    const name = `${indices.name}.buckets`;
    const bytes = (size + 1 + sizeOf(indices.axes)) * 4;
    return this.storage.feed(name, { kind: "buckets", of: indices.name, size }, bytes, 0, bytes);
  }

  dispatch(dispatch: Dispatch, uses: readonly Use[]): void {
    this.storage.dispatch(dispatch, uses);
  }

  /** Declares what can be read back, once all is dispatched. */
  declareOutputs(): void {
    for (const [node, { name, place }] of this.outputs)
      if (place.kind !== "kept") this.storage.output(name, this.use(node), node.axes);
  }
}
