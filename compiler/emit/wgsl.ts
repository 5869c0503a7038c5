/**
 * Writes the kernel of a fused group. Reductions run in phases, and elementwise values are computed anew in each; what
 * nothing reduces is computed in chunks of the innermost axes.
 */

import { foldGroups } from "../../kernels/kernel.js";
import { bindingType, readersOf } from "../../kernels/operand.js";
import type { Axis, Node } from "../ir/tensor.js";
import type { Group } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";
import { collapse } from "./collapse.js";
import { functionsFor, LEAST } from "./expression.js";
import { FOUR, FoursFound, isWhole } from "./fours.js";
import { decompose, lengthOf, longRuns, type Runs } from "./indices.js";
import type { GeneratedKernel, Job } from "./job.js";
import { Names } from "./names.js";
import { phasesOf, type Reduce } from "./phases.js";
import type { Box } from "./pieces.js";
import {
  CHUNK,
  type Join,
  joined,
  joinFunction,
  onceARow,
  ownership,
  type Sharing,
  sharingsOf,
  type Walk,
  walkOf,
  workgroupCount,
  workgroupMemory,
  workgroupOf,
} from "./sharing.js";
import { type Scope, Values } from "./values.js";
import { walksOf } from "./walks.js";
import { onceWritten } from "./written.js";

/**
 * Invocations that sum more than LONG terms do so in blocks of BLOCK: one f32 sum over n terms errs by up to n
 * roundings, blocks by n / BLOCK + BLOCK (Higham, "The accuracy of floating point summation", 1993).
 */
const LONG = 1024;
const BLOCK = 512;

/** A running sum and its part within a block. */
interface BlockSum {
  readonly total: string;
  readonly part: string;
}

/** Rows and what lies in one; what nothing reduces has the innermost run of its axes for a row. */
interface Extent {
  readonly rows: readonly Axis[];
  readonly inner: readonly Axis[];
}

const extentOf = ({ rows, inner }: Group, runs: Runs, box: Box): Extent => {
  if (inner.length > 0) return { rows, inner };
  const last = longRuns(rows, runs, box).at(-1) ?? [];
  return { rows: rows.filter((axis) => !last.includes(axis)), inner: last };
};

class KernelWriter {
  readonly names = new Names();
  readonly values: Values;
  private readonly rowIndices = new Map<string, string>();
  private readonly row: Scope = {
    lines: [],
    values: new Map(),
    indices: this.rowIndices,
    fours: null,
  };
  private readonly runs: Runs;
  private readonly extent: Extent;
  private readonly joins = new Set<Join>();
  /** What could be read and written in fours. */
  readonly found = new FoursFound();

  /** `inFours`: the tensors to read and write in fours; null where elements go one by one. */
  constructor(
    private readonly job: Job,
    private readonly sharing: Sharing,
    private readonly inFours: ReadonlySet<Node> | null,
  ) {
    const { group, isStored, dtypeOf, box } = job;
    this.runs = collapse(group.root, isStored, box);
    this.extent = extentOf(group, this.runs, box);
    this.values = new Values({
      names: this.names,
      root: group.root,
      isStored,
      dtypeOf,
      box,
      walks: box.size === 0 ? new Map() : walksOf(group.root, isStored),
      row: this.row,
      rowAxes: this.extent.rows,
      inFours: inFours ?? new Set(),
      found: this.found,
    });
  }

  private decompose(
    axes: readonly Axis[],
    flat: string,
    indices: Map<string, string>,
    lines: string[],
  ): void {
    const { names, runs } = this;
    decompose(axes, flat, indices, lines, { names, runs, box: this.job.box });
  }

  /** The axis that carries the index of the innermost run, where rows are one run that four elements at once divide. */
  private carrier(): string | null {
    const { box } = this.job;
    const [run, ...others] = longRuns(this.extent.inner, this.runs, box);
    if (run === undefined || others.length > 0 || box.size > 0) return null;
    return isWhole(lengthOf(run, box)) ? (run.at(-1)?.name ?? null) : null;
  }

  private inside(flat: string, body: (scope: Scope) => void): string[] {
    const lines: string[] = [];
    const indices = new Map(this.rowIndices);
    this.decompose(this.extent.inner, flat, indices, lines);
    const carrier = this.carrier();
    const along = new Map(carrier === null ? [] : [[carrier, () => "four"] as const]);
    const fours = { indices: along, at: 0, lines, known: new Map<string, string>() };
    body({ lines, values: new Map(), indices, fours });
    return lines.map((line) => `  ${line}`);
  }

  /** The four elements of the four of this name. */
  private four(name: string, body: (scope: Scope) => void): string[] {
    const carrier = this.carrier();
    const along = new Map(carrier === null ? [] : [[carrier, () => name] as const]);
    const [lines, known] = [[] as string[], new Map<string, string>()];
    const elements = Array.from({ length: FOUR }, (_, at) => {
      const flat = this.names.fresh("e");
      const own: string[] = [];
      const indices = new Map(this.rowIndices);
      this.decompose(this.extent.inner, flat, indices, own);
      body({
        lines: own,
        values: new Map(),
        indices,
        fours: { indices: along, at, lines, known },
      });
      const named = new RegExp(`\\b${flat}\\b`);
      return own.some((line) => named.test(line))
        ? [`let ${flat} = ${name} * ${FOUR}u + ${at}u;`, ...own]
        : own;
    }).flat();
    return [...lines, ...elements];
  }

  /** What computes elements and stores them: each by itself, or four when they are all there. */
  private element(): (scope: Scope) => void {
    const { root } = this.job.group;
    const { values } = this;
    const four: string[] = [];
    return (scope) => {
      const value = values.value(root, scope);
      if (!values.isFour(root, root.axes, scope)) scope.lines.push(this.store(scope, value));
      else if (four.push(value) === FOUR) {
        const at = values.offsetOfFour(root, root.axes, scope);
        scope.lines.push(this.put(at, `vec4<f32>(${four.join(", ")})`));
      }
    };
  }

  /** A loop over the inner axes; with `sums`, in blocks that each begin sums of their own and end by adding them up. */
  private innerLoop(
    { from, to, step }: Walk,
    body: (scope: Scope) => void,
    sums: readonly BlockSum[] = [],
  ): string[] {
    const flat = this.names.fresh("e");
    const lines =
      this.inFours === null
        ? this.inside(flat, body)
        : this.four(flat, body).map((line) => `  ${line}`);
    const loop = (first: string, end: string): string[] => [
      `for (var ${flat} = ${first}; ${flat} < ${end}; ${flat} += ${step}u) {`,
      ...lines,
      "}",
    ];
    if (sums.length === 0) return loop(from, to);
    const [block, end] = [this.names.fresh("b"), this.names.fresh("n")];
    const terms = (BLOCK * step) / (this.inFours === null ? 1 : FOUR);
    return [
      `for (var ${block} = ${from}; ${block} < ${to}; ${block} += ${terms}u) {`,
      `  let ${end} = min(${block} + ${terms}u, ${to});`,
      ...sums.map(({ part }) => `  var ${part} = 0.0;`),
      ...loop(block, end).map((l) => `  ${l}`),
      ...sums.map(({ total, part }) => `  ${total} += ${part};`),
      "}",
    ];
  }

  /** The elements of a chunk, one after the other; where chunks do not fill rows, the last may have fewer. */
  private chunk(count: number, size: string, body: (scope: Scope) => void): string[] {
    if (this.inFours !== null) return this.four("four", body);
    return Array.from({ length: CHUNK }, (_, at) => {
      const flat = this.names.fresh("e");
      return [
        `let ${flat} = first + ${at}u;`,
        count % CHUNK === 0 ? "{" : `if (${flat} < ${size}) {`,
        ...this.inside(flat, body),
        "}",
      ];
    }).flat();
  }

  private phase(nodes: readonly Reduce[], walk: Walk): string[] {
    const names = nodes.map(() => this.names.fresh("r"));
    const start = nodes.map(({ fn }, at) => `var ${names[at]} = ${fn === "max" ? LEAST : "0.0"};`);
    const inBlocks = lengthOf(this.extent.inner, this.job.box) > LONG * walk.step;
    const parts = nodes.map(({ fn }, at) =>
      inBlocks && fn === "sum" ? this.names.fresh("s") : names[at],
    );
    const sums = names.flatMap((total, at): BlockSum[] => {
      const part = parts[at] ?? total;
      return part === total ? [] : [{ total, part }];
    });
    const body = (scope: Scope): void =>
      nodes.forEach(({ fn, arg }, i) => {
        const value = this.values.value(arg, scope);
        const part = parts[i];
        scope.lines.push(
          fn === "max" ? `${part} = max(${part}, ${value});` : `${part} += ${value};`,
        );
      });
    const loop = this.innerLoop(walk, body, sums);
    const ends = nodes.flatMap(({ fn }, at) => {
      this.joins.add(fn);
      return joined(this.sharing, fn, names[at] ?? "");
    });
    nodes.forEach((node, at) => {
      this.row.values.set(node, names[at] ?? "0.0");
    });
    return [...start, ...loop, ...ends];
  }

  private store(scope: Scope, value: string): string {
    const { root } = this.job.group;
    const at = this.values.offset(root, root.axes, scope);
    const start = root.op === "gather" ? this.job.box.get(root.axis)?.start : undefined;
    if (start !== undefined) {
      // Each piece of the table fills in the rows that it holds; the first one clears the others.
      const isFirst = `${this.names.param(`first of ${root.id}`, start)} == 0u`;
      return `out[${at}] = select(select(out[${at}], 0.0, ${isFirst}), ${value}, inside);`;
    }
    return this.put(at, value);
  }

  private put(at: string, value: string): string {
    switch (this.job.into) {
      case "store":
        return `out[${at}] = ${value};`;
      case "add":
        return `out[${at}] = out[${at}] + ${value};`;
      case "max":
        return `out[${at}] = max(out[${at}], ${value});`;
      default:
        return this.job.into satisfies never;
    }
  }

  write(): GeneratedKernel {
    const { group, isStored, box } = this.job;
    const { root } = group;
    const { rows, inner } = this.extent;
    const [rowCount, innerCount] = [lengthOf(rows, box), lengthOf(inner, box)];
    const { names, values, sharing, row } = this;
    const rowsParam = rows.length === 0 ? null : names.param("rows", rowCount);
    const innerParam =
      this.inFours === null
        ? names.param("elements of a row", innerCount)
        : names.param("fours of a row", innerCount / FOUR);
    this.decompose(rows, "row", this.rowIndices, row.lines);
    const element = this.element();
    const walk = walkOf(sharing, innerParam);
    if (walk === null) row.lines.push(...this.chunk(innerCount, innerParam, element));
    else {
      for (const phase of phasesOf(root, isStored)) row.lines.push(...this.phase(phase, walk));
      const isOfRow = root.op === "reduce" || !root.axes.some((axis) => inner.includes(axis));
      if (isOfRow) row.lines.push(onceARow(sharing, this.store(row, values.value(root, row))));
      else row.lines.push(...this.innerLoop(walk, element));
    }
    return {
      launches: [
        {
          wgsl: this.text(ownership(sharing, rowsParam, innerParam, this.inFours !== null)),
          workgroup: [workgroupOf(sharing), 1, 1],
          workgroups: foldGroups(workgroupCount(sharing, rowCount, innerCount)),
        },
      ],
      reads: names.reads,
      params: names.params,
      extent: [rowCount, innerCount],
      flops: Math.round(
        (values.flops * rowCount * innerCount) /
          (walk === null || this.inFours !== null ? FOUR : 1),
      ),
    };
  }

  private text(ownership: readonly string[]): string {
    const { params, reads } = this.names;
    const words = Math.ceil(params.length / 4);
    while (params.length < words * 4) params.push(0);
    const bindings = reads.map((node, at) => {
      const isIndex = node.op === "input" && node.dtype === "u32";
      const type = isIndex
        ? "u32"
        : bindingType(this.job.dtypeOf(node), this.inFours?.has(node) === true);
      return `@group(0) @binding(${at + 1}) var<storage, read> b${at}: array<${type}>;`;
    });
    return [
      `struct Params { v: array<vec4<u32>, ${words}> }`,
      "@group(0) @binding(0) var<uniform> p: Params;",
      ...bindings,
      `@group(0) @binding(${reads.length + 1}) var<storage, read_write> out: array<${bindingType("f32", this.inFours?.has(this.job.group.root) === true)}>;`,
      "",
      ...(this.joins.size > 0 ? workgroupMemory(this.sharing) : []),
      ...readersOf(reads.map((node) => this.job.dtypeOf(node))),
      ...functionsFor(this.row.lines),
      ...[...this.joins].flatMap((join) => joinFunction(this.sharing, join)),
      `@compute @workgroup_size(${workgroupOf(this.sharing)})`,
      "fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {",
      ...[...ownership, ...this.row.lines].map((line) => `  ${line}`),
      "}",
      "",
    ].join("\n");
  }
}

const write = (job: Job): GeneratedKernel => {
  const { group, box } = job;
  const reduces = group.inner.length > 0;
  const sizes = [lengthOf(group.rows, box), lengthOf(group.inner, box)] as const;
  const sharings = sharingsOf(...sizes, reduces);
  const writers = sharings.map((sharing) => new KernelWriter(job, sharing, null));
  const kernels = writers.map((writer) => writer.write());
  const inFours = writers[0]?.found.nodes() ?? new Set();
  // All launches of a kernel have the same params.
  const [first, ...others] =
    inFours.size === 0
      ? kernels
      : sharings.map((sharing) => new KernelWriter(job, sharing, inFours).write());
  if (first === undefined) throw new Error("a kernel has no way to be shared out");
  return { ...first, launches: [first, ...others].flatMap(({ launches }) => launches) };
};

export const generate = (of: Job): GeneratedKernel =>
  onceWritten({ ...of, isStored: (node) => of.isStored(node) || isTable(node) }, write);
