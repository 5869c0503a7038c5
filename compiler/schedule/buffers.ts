/** The buffers of a program: where every stored tensor lives, and which scratch tensors can share memory. */

import type { Slab } from "../emit/pieces.js";
import { type Graph, type Input, type Node, sizeOf } from "../ir/tensor.js";
import { isTable, tableScalar } from "../passes/tables.js";
import type { Binding, BufferSpec, Constant, Dispatch, Feed, Output, Program } from "../plan.js";
import { assignSlots, type Lifetime } from "./memory.js";
import { type OutputPlace, type Placement, type Target, tensorBytes } from "./target.js";

/** A tensor as bound by a dispatch; scratch ones get their buffer when all lifetimes are known. */
export type Use =
  | { readonly kind: "fixed"; readonly binding: Binding }
  | {
      readonly kind: "scratch";
      readonly key: string;
      /** Of the whole tensor. */
      readonly bytes: number;
      readonly slab: Slab | null;
    };

/** What a dispatch binds of it. */
export const bytesOf = (use: Use): number =>
  use.kind === "fixed" ? use.binding.bytes : use.slab === null ? use.bytes : 4 * use.slab.count;

interface Pending {
  readonly dispatch: Dispatch;
  readonly uses: readonly Use[];
}

/** A tensor is too large for one binding, and cutting it into pieces is not possible here. */
export class BindingTooLarge extends Error {}

/** The part of a tensor's binding that a piece of work needs. */
const within = (whole: Binding, slab: Slab | null): Binding =>
  slab === null
    ? whole
    : { buffer: whole.buffer, offset: whole.offset + 4 * slab.start, bytes: 4 * slab.count };

export class Buffers {
  private readonly outputs = new Map<
    Node,
    { readonly name: string; readonly place: OutputPlace }
  >();
  private readonly specs = new Map<string, BufferSpec>();
  private readonly feeds = new Map<string, Feed>();
  private readonly constants = new Map<Node, Constant>();
  private readonly pending: Pending[] = [];

  constructor(
    graph: Graph,
    private readonly placement: Placement,
    private readonly target: Target,
  ) {
    for (const [name, node] of Object.entries(graph.outputs))
      this.outputs.set(node, { name, place: placement.outputs.get(name) ?? { kind: "output" } });
  }

  /** Whether the node is an output that is added to what is there. */
  accumulates(node: Node): boolean {
    const place = this.outputs.get(node)?.place;
    return place?.kind === "state" && place.accumulate;
  }

  private fixed(
    id: string,
    role: BufferSpec["role"],
    whole: number,
    offset: number,
    bytes: number,
  ): Use {
    const known = this.specs.get(id);
    this.specs.set(id, { id, role, bytes: Math.max(whole, known?.bytes ?? 0) });
    return { kind: "fixed", binding: { buffer: id, offset, bytes } };
  }

  private input(node: Input): Use {
    const bytes = tensorBytes(node.axes);
    const place = this.placement.inputs.get(node.name);
    if (place === undefined) throw new Error(`input ${node.name} has no place`);
    if (place.kind === "state")
      return this.fixed(place.state, "state", place.stateBytes, place.offset, bytes);
    const use = this.fixed(`feed.${node.name}`, "feed", bytes, 0, bytes);
    if (use.kind === "fixed")
      this.feeds.set(node.name, { name: node.name, binding: use.binding, source: place.source });
    return use;
  }

  private table(node: Node): Use {
    const bytes = tensorBytes(node.axes);
    const use = this.fixed(`table.${node.id}`, "constant", bytes, 0, bytes);
    if (use.kind === "fixed")
      this.constants.set(node, { binding: use.binding, axes: node.axes, value: tableScalar(node) });
    return use;
  }

  /** Where a stored node lives, or the slab of it that a piece of work needs. */
  use(node: Node, slab: Slab | null = null): Use {
    const whole = this.whole(node);
    return whole.kind === "fixed"
      ? { kind: "fixed", binding: within(whole.binding, slab) }
      : { ...whole, slab };
  }

  private whole(node: Node): Use {
    if (node.op === "input") return this.input(node);
    const bytes = tensorBytes(node.axes);
    const output = this.outputs.get(node);
    if (output === undefined)
      return isTable(node)
        ? this.table(node)
        : { kind: "scratch", key: `t${node.id}`, bytes, slab: null };
    const { name, place } = output;
    return place.kind === "output"
      ? this.fixed(`output.${name}`, "output", bytes, 0, bytes)
      : this.fixed(place.state, "state", place.stateBytes, place.offset, bytes);
  }

  /** Scratch that is written and never read. */
  unused(key: string, elements: number, slab: Slab | null): Use {
    return { kind: "scratch", key, bytes: elements * 4, slab };
  }

  /** The positions of an index feed sorted into buckets by value. */
  buckets(indices: Input, size: number): Use {
    this.input(indices);
    const name = `${indices.name}.buckets`;
    const bytes = (size + 1 + sizeOf(indices.axes)) * 4;
    const use = this.fixed(`feed.${name}`, "feed", bytes, 0, bytes);
    if (use.kind === "fixed")
      this.feeds.set(name, {
        name,
        binding: use.binding,
        source: { kind: "buckets", of: indices.name, size },
      });
    return use;
  }

  dispatch(dispatch: Dispatch, uses: readonly Use[]): void {
    if (uses.length > this.target.maxStorageBuffers)
      throw new Error(`${dispatch.label} binds ${uses.length} buffers`);
    this.pending.push({ dispatch, uses });
  }

  private lifetimes(): Lifetime[] {
    const lives = new Map<string, { bytes: number; first: number; last: number }>();
    this.pending.forEach(({ uses }, at) => {
      for (const use of uses) {
        if (use.kind !== "scratch") continue;
        const life = lives.get(use.key);
        if (life === undefined) lives.set(use.key, { bytes: use.bytes, first: at, last: at });
        else life.last = at;
      }
    });
    return [...lives].map(([key, life]) => ({ key, ...life }));
  }

  /** The finished program. */
  program(name: string): Program {
    const { slotOf, sizes } = assignSlots(this.lifetimes());
    const scratch = sizes.map(
      (bytes, slot): BufferSpec => ({ id: `scratch.${slot}`, role: "scratch", bytes }),
    );
    const bind = (use: Use): Binding =>
      use.kind === "fixed"
        ? use.binding
        : within(
            { buffer: `scratch.${slotOf.get(use.key) ?? 0}`, offset: 0, bytes: use.bytes },
            use.slab,
          );
    const bound = (label: string, use: Use): Binding => {
      const binding = bind(use);
      if (binding.bytes > this.target.maxBinding)
        throw new BindingTooLarge(
          `${label} binds ${binding.bytes} bytes at once, where the adapter allows ${this.target.maxBinding}`,
        );
      return binding;
    };
    const outputs: Output[] = [...this.outputs].map(([node, { name: output }]) => {
      const use = this.use(node);
      return { name: output, binding: bind(use), axes: node.axes };
    });
    return {
      name,
      buffers: [...this.specs.values(), ...scratch],
      feeds: [...this.feeds.values()],
      constants: [...this.constants.values()],
      dispatches: this.pending.map(({ dispatch, uses }) => ({
        ...dispatch,
        bindings: uses.map((use) => bound(dispatch.label, use)),
      })),
      outputs,
    };
  }
}
