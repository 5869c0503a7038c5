/**
 * Writes the kernel of a fused group: one invocation per row (per element where nothing is reduced). Reductions run in
 * phases: those that do not depend on each other share one loop, and elementwise values are computed anew in each.
 * Sizes and strides are params, so that layers and models of other sizes share the pipeline.
 */

import { foldGroups } from "../../kernels/kernel.js";
import type { Axis, Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import type { Group } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";
import { collapse } from "./collapse.js";
import { expression, functionsFor, LEAST, literal } from "./expression.js";
import { type Box, slabOf, type Walked } from "./pieces.js";
import { walksOf } from "./walks.js";

export interface GeneratedKernel {
  readonly wgsl: string;
  /** Tensors read, in binding order after params; the output's binding is last. */
  readonly reads: readonly Node[];
  readonly params: readonly number[];
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
}

/** What becomes of the value that the output holds already. */
export type Into = "store" | "add" | "max";

export const WORKGROUP = 64;

/**
 * Rows longer than LONG are summed in blocks of BLOCK: one f32 sum over n terms errs by up to n roundings, blocks by
 * n / BLOCK + BLOCK (Higham, "The accuracy of floating point summation", 1993).
 */
const LONG = 1024;
const BLOCK = 512;

/** A running sum and its part within a block. */
interface BlockSum {
  readonly total: string;
  readonly part: string;
}

/** Elements that an invocation of an elementwise kernel computes: starting one costs as much as a few elements. */
const ELEMENTS = 4;

type Indices = ReadonlyMap<string, string>;

class KernelWriter {
  readonly reads: Node[] = [];
  readonly params: number[] = [];
  private counter = 0;
  private flops = 0;
  private readonly scalars = new Map<Node, string>();
  /** Lines outside every loop, and the values they hold: what does not change along a row is computed there once. */
  private readonly rowLines: string[] = [];
  private readonly rowIndices = new Map<string, string>();
  private readonly collapsed: ReturnType<typeof collapse>;
  private readonly walks: ReadonlyMap<Node, Walked>;

  constructor(
    private readonly group: Group,
    private readonly isStored: (node: Node) => boolean,
    private readonly into: Into,
    private readonly box: Box,
  ) {
    this.collapsed = collapse(group.root, isStored, box);
    this.walks = box.size === 0 ? new Map() : walksOf(group.root, isStored);
  }

  private param(value: number): string {
    const at = this.params.push(value) - 1;
    return `p.v[${at >> 2}].${"xyzw"[at & 3]}`;
  }
  private fresh(prefix: string): string {
    return `${prefix}${this.counter++}`;
  }
  private bindingOf(node: Node): string {
    const at = this.reads.indexOf(node);
    return `b${at >= 0 ? at : this.reads.push(node) - 1}`;
  }
  /** Indices are those of the whole tensors; a piece binds a slab, whose start is taken off. */
  private offset(tensor: Node, axes: readonly Axis[], indices: Indices): string {
    let stride = 1;
    const terms: string[] = [];
    for (const axis of [...axes].reverse()) {
      const index = indices.get(axis.name);
      if (index === undefined) throw new Error(`no index for axis ${axis.name}`);
      if (index !== "0u") terms.unshift(stride === 1 ? index : `${index} * ${this.param(stride)}`);
      stride *= axis.size;
    }
    const walked = this.walks.get(tensor);
    const at = terms.length === 0 ? "0u" : terms.join(" + ");
    if (!walked?.axes.some(({ axis }) => axis !== null && this.box.has(axis))) return at;
    return `${at} - ${this.param(slabOf(walked, this.box).start)}`;
  }
  private load(node: Node, indices: Indices): string {
    return `${this.bindingOf(node)}[${this.offset(node, node.axes, indices)}]`;
  }

  /** The value of `node` at `indices`; new lets go to `lines`, values seen in this scope are shared. */
  private value(node: Node, indices: Indices, scope: Map<Node, string>, lines: string[]): string {
    const known = this.scalars.get(node) ?? scope.get(node);
    if (known !== undefined) return known;
    if (node.op === "const") return literal(node.value);
    if (lines !== this.rowLines && node.op === "map" && this.isRowLevel(node))
      return this.value(node, this.rowIndices, this.scalars, this.rowLines);
    const text = this.compute(node, indices, scope, lines);
    const name = this.fresh("t");
    lines.push(`let ${name} = ${text};`);
    scope.set(node, name);
    return name;
  }
  private isRowLevel(node: Node): boolean {
    return node.axes.every((axis) => this.group.rows.some((row) => row.name === axis.name));
  }
  private compute(node: Node, indices: Indices, scope: Map<Node, string>, lines: string[]): string {
    if (node !== this.group.root && this.isStored(node)) return this.load(node, indices);
    switch (node.op) {
      case "index":
        return `f32(${indices.get(node.axes[0]?.name ?? "") ?? "0u"})`;
      case "cast":
        return `f32(${this.load(node.arg, indices)})`;
      case "map": {
        this.flops++;
        return expression(
          node.fn,
          node.args.map((arg) => this.value(arg, indices, scope, lines)),
        );
      }
      case "stop":
        return this.value(node.arg, indices, scope, lines);
      case "permute":
      case "shift":
      case "rename":
      case "gather":
        return this.view(node, indices, lines);
      default:
        throw new Error(`${node.op} cannot be generated here`);
    }
  }
  /** A load at other indices. What is looked at is stored. */
  private view(node: Node, indices: Indices, lines: string[]): string {
    if (node !== this.group.root && this.isStored(node)) return this.load(node, indices);
    switch (node.op) {
      case "permute":
        return this.view(node.arg, indices, lines);
      case "rename": {
        const inner = new Map(indices).set(node.from, indices.get(node.to) ?? "0u");
        return this.view(node.arg, inner, lines);
      }
      case "shift": {
        const size = node.axes.find((axis) => axis.name === node.axis)?.size ?? 1;
        const name = this.fresh("j");
        lines.push(
          `let ${name} = (${indices.get(node.axis)} + ${this.param(node.by)}) % ${this.param(size)};`,
        );
        return this.view(node.arg, new Map(indices).set(node.axis, name), lines);
      }
      case "gather": {
        const name = this.fresh("j");
        // Clamped: an index from outside must not read past the table.
        const size = node.table.axes.find((axis) => axis.name === node.axis)?.size ?? 1;
        const { start, length } = this.box.get(node.axis) ?? { start: 0, length: size };
        const row = this.load(node.indices, indices);
        if (this.box.has(node.axis)) {
          const least = this.param(start);
          lines.push(
            `let ${name} = clamp(${row}, ${least}, ${this.param(start + length - 1)});`,
            `let inside = ${row} == ${name};`,
          );
        } else lines.push(`let ${name} = min(${row}, ${this.param(size - 1)});`);
        return this.view(node.table, new Map(indices).set(node.axis, name), lines);
      }
      default:
        return this.load(node, indices);
    }
  }

  /** Decomposes a flat index into one per run of axes (the last axis of a run carries it), outermost first. */
  private decompose(
    axes: readonly Axis[],
    flat: string,
    indices: Map<string, string>,
    lines: string[],
  ): void {
    let rest = flat;
    const absolute = (axis: string, index: string): string => {
      const range = this.box.get(axis);
      return range === undefined ? index : `(${index} + ${this.param(range.start)})`;
    };
    const runs = this.collapsed(axes).filter((run) => this.lengthOf(run) > 1);
    for (const { name } of axes)
      indices.set(name, this.box.has(name) ? this.param(this.box.get(name)?.start ?? 0) : "0u");
    [...runs].reverse().forEach((run, at) => {
      const carrier = run.at(-1)?.name ?? "";
      if (at === runs.length - 1) {
        indices.set(carrier, absolute(carrier, rest));
        return;
      }
      const size = this.param(this.lengthOf(run));
      const [index, quotient] = [this.fresh("i"), this.fresh("q")];
      lines.push(
        `let ${quotient} = ${rest} / ${size};`,
        `let ${index} = ${rest} - ${quotient} * ${size};`,
      );
      indices.set(carrier, absolute(carrier, index));
      rest = quotient;
    });
  }

  /** Iterations over the axes, of which the box may leave only a part. */
  private lengthOf(axes: readonly Axis[]): number {
    return axes.reduce((n, { name, size }) => n * (this.box.get(name)?.length ?? size), 1);
  }

  /** Reductions of the group by the phase they can run in. */
  private phases(): Node[][] {
    const level = new Map<Node, number>();
    const visit = (node: Node): number => {
      const known = level.get(node);
      if (known !== undefined) return known;
      if (node !== this.group.root && this.isStored(node)) return 0;
      const below = Math.max(0, ...operandsOf(node).map(visit));
      const own = node.op === "reduce" ? below + 1 : below;
      level.set(node, own);
      return own;
    };
    visit(this.group.root);
    const reductions = [...level].filter(([node]) => node.op === "reduce");
    const count = Math.max(0, ...reductions.map(([, at]) => at));
    return Array.from({ length: count }, (_, phase) =>
      reductions
        .filter(([, at]) => at === phase + 1)
        .map(([node]) => node)
        .sort((a, b) => a.id - b.id),
    );
  }

  /** A loop over the inner axes; with `sums`, in blocks that each begin sums of their own and end by adding them up. */
  private innerLoop(
    rowIndices: Indices,
    body: (indices: Indices, lines: string[]) => void,
    sums: readonly BlockSum[] = [],
  ): string[] {
    const flat = this.fresh("e");
    const inside: string[] = [];
    const indices = new Map(rowIndices);
    this.decompose(this.group.inner, flat, indices, inside);
    body(indices, inside);
    const count = this.param(this.lengthOf(this.group.inner));
    const loop = (from: string, to: string): string[] => [
      `for (var ${flat} = ${from}; ${flat} < ${to}; ${flat}++) {`,
      ...inside.map((l) => `  ${l}`),
      "}",
    ];
    if (sums.length === 0) return loop("0u", count);
    const [block, end] = [this.fresh("b"), this.fresh("n")];
    return [
      `for (var ${block} = 0u; ${block} < ${count}; ${block} += ${BLOCK}u) {`,
      `  let ${end} = min(${block} + ${BLOCK}u, ${count});`,
      ...sums.map(({ part }) => `  var ${part} = 0.0;`),
      ...loop(block, end).map((l) => `  ${l}`),
      ...sums.map(({ total, part }) => `  ${total} += ${part};`),
      "}",
    ];
  }

  private store(indices: Indices, value: string): string {
    const { root } = this.group;
    const at = this.offset(root, root.axes, indices);
    if (root.op === "gather" && this.box.has(root.axis)) {
      // Each piece of the table fills in the rows that it holds; the first one clears the others.
      const isFirst = `${this.param(this.box.get(root.axis)?.start ?? 0)} == 0u`;
      return `out[${at}] = select(select(out[${at}], 0.0, ${isFirst}), ${value}, inside);`;
    }
    switch (this.into) {
      case "store":
        return `out[${at}] = ${value};`;
      case "add":
        return `out[${at}] = out[${at}] + ${value};`;
      case "max":
        return `out[${at}] = max(out[${at}], ${value});`;
      default:
        return this.into satisfies never;
    }
  }

  write(): GeneratedKernel {
    const { root, rows, inner } = this.group;
    const count = this.lengthOf(rows);
    const rowCount = this.param(count);
    const lines = this.rowLines;
    const indices = this.rowIndices;
    this.decompose(rows, "row", indices, lines);
    for (const phase of this.phases()) lines.push(...this.phase(phase, indices));
    if (inner.length > 0 && root.op !== "reduce" && root.axes.some((axis) => inner.includes(axis)))
      lines.push(
        ...this.innerLoop(indices, (at, body) => {
          body.push(this.store(at, this.value(root, at, new Map(), body)));
        }),
      );
    else lines.push(this.store(indices, this.value(root, indices, this.scalars, lines)));
    const loops = this.lengthOf(inner);
    return {
      wgsl: this.text(rowCount, lines),
      reads: this.reads,
      params: this.params,
      workgroups: foldGroups(Math.ceil(count / (WORKGROUP * this.elements()))),
      flops: this.flops * count * loops,
    };
  }

  private phase(nodes: readonly Node[], indices: Indices): string[] {
    const names = nodes.map(() => this.fresh("r"));
    const start = nodes.map(
      (node, at) =>
        `var ${names[at]} = ${node.op === "reduce" && node.fn === "max" ? LEAST : "0.0"};`,
    );
    const inBlocks = this.lengthOf(this.group.inner) > LONG;
    const parts = nodes.map((node, at) =>
      inBlocks && node.op === "reduce" && node.fn === "sum" ? this.fresh("s") : names[at],
    );
    const sums = names.flatMap((total, at): BlockSum[] => {
      const part = parts[at] ?? total;
      return part === total ? [] : [{ total, part }];
    });
    const body = (at: Indices, lines: string[]): void => {
      const scope = new Map<Node, string>();
      nodes.forEach((node, i) => {
        if (node.op !== "reduce") return;
        const value = this.value(node.arg, at, scope, lines);
        const part = parts[i];
        lines.push(
          node.fn === "max" ? `${part} = max(${part}, ${value});` : `${part} += ${value};`,
        );
      });
    };
    const loop = this.innerLoop(indices, body, sums);
    nodes.forEach((node, at) => {
      this.scalars.set(node, names[at] ?? "0.0");
    });
    return [...start, ...loop];
  }

  /** Reductions own a row each; where there are none, an invocation computes several elements. */
  private elements(): number {
    return this.group.inner.length === 0 ? ELEMENTS : 1;
  }

  private entry(rowCount: string, lines: readonly string[]): string[] {
    const elements = this.elements();
    const strides = Array.from({ length: elements }, (_, at) => at * WORKGROUP);
    return [
      "fn element(row: u32) {",
      `  if (row >= ${rowCount}) { return; }`,
      ...lines.map((line) => `  ${line}`),
      "}",
      "",
      `@compute @workgroup_size(${WORKGROUP})`,
      "fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {",
      `  let first = (w.x + w.y * 65535u) * ${WORKGROUP * elements}u + l.x;`,
      ...strides.map((stride) => `  element(first + ${stride}u);`),
      "}",
    ];
  }

  private text(rowCount: string, lines: readonly string[]): string {
    const words = Math.ceil(this.params.length / 4);
    while (this.params.length < words * 4) this.params.push(0);
    const bindings = this.reads.map((node, at) => {
      const type = node.op === "input" && node.dtype === "u32" ? "u32" : "f32";
      return `@group(0) @binding(${at + 1}) var<storage, read> b${at}: array<${type}>;`;
    });
    return [
      `struct Params { v: array<vec4<u32>, ${words}> }`,
      "@group(0) @binding(0) var<uniform> p: Params;",
      ...bindings,
      `@group(0) @binding(${this.reads.length + 1}) var<storage, read_write> out: array<f32>;`,
      "",
      ...functionsFor(lines),
      ...this.entry(rowCount, lines),
      "",
    ].join("\n");
  }
}

/** The kernel of a group, for the part of its work that the box says. `isStored` says which nodes have a buffer. */
export const generate = (
  group: Group,
  isStored: (node: Node) => boolean,
  into: Into,
  box: Box,
): GeneratedKernel =>
  new KernelWriter(group, (node) => isStored(node) || isTable(node), into, box).write();
