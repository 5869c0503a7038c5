/** The buffers of a program while it is lowered: by role, and scratch that gets its memory when all lifetimes are known. */
import { DTYPE_BYTES, type Dtype } from "../../kernels/operand.js";
import type { Slab } from "../emit/pieces.js";
import type { Axis, Node } from "../ir/tensor.js";
import { tableScalar } from "../passes/tables.js";
import type { Binding, BufferSpec, Constant, Dispatch, Feed, Program } from "../plan.js";
import { assignSlots, type Lifetime } from "./memory.js";
import { storedBytes, type Target, tensorBytes } from "./target.js";

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
export const within = (whole: Binding, slab: Slab | null, dtype: Dtype = "f32"): Binding =>
  slab === null
    ? whole
    : {
        buffer: whole.buffer,
        offset: whole.offset + DTYPE_BYTES[dtype] * slab.start,
        bytes: storedBytes(slab.count, dtype),
      };

interface Produced {
  readonly use: Use;
  readonly axes: readonly Axis[];
}

export class Storage {
  private readonly specs = new Map<string, BufferSpec>();
  private readonly feeds = new Map<string, Feed>();
  private readonly constants = new Map<string, Constant>();
  private readonly pending: Pending[] = [];
  private readonly outputs = new Map<string, Produced>();

  constructor(readonly target: Target) {}

  fixed(id: string, role: BufferSpec["role"], whole: number, offset: number, bytes: number): Use {
    const known = this.specs.get(id);
    this.specs.set(id, { id, role, bytes: Math.max(whole, known?.bytes ?? 0) });
    return { kind: "fixed", binding: { buffer: id, offset, bytes } };
  }

  /** A feed of `whole` bytes, of which `bytes` from `offset` are bound. */
  feed(name: string, source: Feed["source"], whole: number, offset: number, bytes: number): Use {
    const id = `feed.${name}`;
    this.feeds.set(name, { name, binding: { buffer: id, offset: 0, bytes: whole }, source });
    return this.fixed(id, "feed", whole, offset, bytes);
  }

  /** Equal tables are stored once. */
  table(node: Node): Use {
    const value = tableScalar(node);
    const key = JSON.stringify([node.axes, value]);
    const bytes = tensorBytes(node.axes);
    const known = this.constants.get(key);
    if (known !== undefined) return { kind: "fixed", binding: known.binding };
    const use = this.fixed(`table.${this.constants.size}`, "constant", bytes, 0, bytes);
    if (use.kind === "fixed")
      this.constants.set(key, { binding: use.binding, axes: node.axes, value });
    return use;
  }

  dispatch(dispatch: Dispatch, uses: readonly Use[]): void {
    if (uses.length > this.target.maxStorageBuffers)
      throw new Error(`${dispatch.label} binds ${uses.length} buffers`);
    this.pending.push({ dispatch, uses });
  }

  /** What can be read back after the program. */
  output(name: string, use: Use, axes: readonly Axis[]): void {
    this.outputs.set(name, { use, axes });
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
    return {
      name,
      buffers: [...this.specs.values(), ...scratch],
      feeds: [...this.feeds.values()],
      constants: [...this.constants.values()],
      dispatches: this.pending.map(({ dispatch, uses }) => ({
        ...dispatch,
        bindings: uses.map((use) => bound(dispatch.label, use)),
      })),
      outputs: [...this.outputs].map(([output, { use, axes }]) => ({
        name: output,
        binding: bind(use),
        axes,
      })),
    };
  }
}
