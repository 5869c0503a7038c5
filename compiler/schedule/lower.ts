/**
 * A graph becomes a program: hand-written families for contractions, attention, scatters and selections, generated kernels for the
 * groups of the rest, buffers for what is stored.
 */
import { embeddingGradient } from "../../kernels/embedding-gradient.kernel.js";
import { sizeClass } from "../../kernels/kernel.js";
import type { Into } from "../emit/job.js";
import { type Box, boxesOf, slabOf, type Walked } from "../emit/pieces.js";
import { walksOf } from "../emit/walks.js";
import { generate } from "../emit/wgsl.js";
import { describeAxes } from "../ir/axes.js";
import { type Graph, type Node, sizeOf } from "../ir/tensor.js";
import { nodesOf } from "../ir/traverse.js";
import { type Group, isBig } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";
import type { Kernel, Launch, Program } from "../plan.js";
import { arrangeOperands } from "./arrange.js";
import { attentionCalls, attentionGradCalls, type BoundCall } from "./attend.js";
import { arithmeticIn, Buffers, dtypeIn } from "./buffers.js";
import { dispatchOf } from "./call.js";
import { continues, groupBoxes } from "./cut.js";
import { kernelId } from "./identity.js";
import { multiplyCalls } from "./multiply.js";
import { orderWork } from "./order.js";
import { scaleRows } from "./scale-rows.js";
import { compactCalls, expandCalls, kthCalls } from "./selections.js";
import { BindingTooLarge, bytesOf, Storage } from "./storage.js";
import type { Placement, Target } from "./target.js";
import { fuseWithin, readsOf } from "./width.js";

export interface Lowered {
  readonly program: Program;
  readonly kernels: Readonly<Record<string, Kernel>>;
}

/** Where there is a choice of launches, it is made for rows of about this number and size. */
const tuningKey = (launches: readonly Launch[], extent: readonly number[]): string => {
  const id = launches[0]?.kernel ?? "";
  return launches.length > 1
    ? `${id} ${extent.map((size) => sizeClass(size, 2 ** 20)).join(" x ")}`
    : id;
};

class Lowering {
  private readonly kernels: Record<string, Kernel> = {};
  private readonly done = new Set<string>();

  constructor(
    private readonly buffers: Buffers,
    private readonly groups: ReadonlyMap<Node, Group>,
    private readonly target: Target,
  ) {}

  private emit({ call, label, uses }: BoundCall): void {
    const { dispatch, kernels } = dispatchOf(call, label, []);
    for (const [id, kernel] of kernels) this.kernels[id] = kernel;
    this.buffers.dispatch(dispatch, uses);
  }

  /** Several nodes can come from the same calls, which are made at the first of them. */
  private once({ key, calls }: { key: string; calls: () => readonly BoundCall[] }): void {
    if (this.done.has(key)) return;
    this.done.add(key);
    for (const call of calls()) this.emit(call);
  }

  private generated(group: Group): void {
    const isStored = (node: Node): boolean => this.isStored(node);
    const boxes = groupBoxes(group, isStored, this.target.maxBinding);
    if (boxes === null)
      throw new BindingTooLarge(
        `${group.root.op} over ${describeAxes(group.root.axes)} cannot be cut into pieces of ${this.target.maxBinding} bytes`,
      );
    const walks = walksOf(group.root, isStored);
    for (const box of boxes) this.piece(group, box, walks);
  }

  private into(group: Group, box: Box): Into {
    const { root } = group;
    if (this.buffers.accumulates(root)) return "add";
    if (!continues(group, box)) return "store";
    return root.op === "reduce" && root.fn === "max" ? "max" : "add";
  }

  private piece(group: Group, box: Box, walks: ReadonlyMap<Node, Walked>): void {
    const { root } = group;
    const kernel = generate({
      group,
      isStored: (node) => this.isStored(node),
      dtypeOf: (node) => this.buffers.dtypeOf(node),
      into: this.into(group, box),
      box,
    });
    const family = root.op === "reduce" || group.inner.length > 0 ? "rows" : "map";
    const launches = kernel.launches.map(({ wgsl, workgroup, workgroups }) => {
      const id = kernelId(family, wgsl);
      this.kernels[id] = { wgsl, workgroup, features: [] };
      return { kernel: id, workgroups };
    });
    const uses = [...kernel.reads, root].map((node) => {
      const walked = walks.get(node);
      const whole = box.size === 0 || walked === undefined;
      return this.buffers.use(node, whole ? null : slabOf(walked, box));
    });
    this.buffers.dispatch(
      {
        label: `${family} ${root.op === "map" ? root.fn : root.op}`,
        tuning: tuningKey(launches, kernel.extent),
        launches,
        bindings: [],
        params: kernel.params.length === 0 ? [0] : kernel.params,
        flops: kernel.flops,
        bytes: uses.reduce((bytes, use) => bytes + bytesOf(use), 0),
      },
      uses,
    );
  }

  private isStored(node: Node): boolean {
    return node.op === "input" || isBig(node) || isTable(node) || this.groups.has(node);
  }

  private scatter(node: Extract<Node, { op: "scatter" }>): void {
    const rows = node.axes.find((axis) => axis.name === node.axis)?.size ?? 1;
    const columns = sizeOf(node.axes) / rows;
    const tokens = sizeOf(node.indices.axes);
    const accumulate = this.buffers.accumulates(node);
    const out: Walked = {
      name: "out",
      axes: [
        { axis: "rows", size: rows },
        { axis: null, size: columns },
      ],
    };
    const boxes = boxesOf([out], this.target.maxBinding);
    if (boxes === null) throw new BindingTooLarge(`a row of ${columns} binds too many bytes`);
    for (const box of boxes) {
      const range = box.get("rows");
      const slab = range === undefined ? null : slabOf(out, box);
      const piece =
        range === undefined || slab === null
          ? {}
          : { piece: { ...range, base: range.start * columns - slab.start } };
      this.emit({
        call: embeddingGradient({ rows, columns, tokens, accumulate, ...piece }),
        label: "embedding gradient",
        uses: [
          this.buffers.use(node.value),
          this.buffers.buckets(node.indices, rows),
          this.buffers.use(node, slab),
        ],
      });
    }
  }

  /** The tensors that get a buffer, in the order in which they are computed. */
  private order(nodes: readonly Node[]): readonly Node[] {
    const works = nodes
      .filter((node) => isBig(node) || this.groups.has(node))
      .map((node) => ({ node, reads: readsOf(this.groups, node) }));
    return orderWork(works, (node) => this.buffers.scratchBytes(node));
  }

  run(nodes: readonly Node[]): Readonly<Record<string, Kernel>> {
    const { maxBinding } = this.target;
    const attention = { buffers: this.buffers, nodes, maxBinding };
    for (const node of this.order(nodes)) {
      const group = this.groups.get(node);
      if (group !== undefined) this.generated(group);
      switch (node.op) {
        case "contract":
          for (const call of multiplyCalls(this.buffers, node, maxBinding)) this.emit(call);
          break;
        case "kth":
          for (const call of kthCalls(this.buffers, node, maxBinding)) this.emit(call);
          break;
        case "compact":
          for (const call of compactCalls(this.buffers, node, maxBinding)) this.emit(call);
          break;
        case "expand":
          for (const call of expandCalls(this.buffers, node, maxBinding)) this.emit(call);
          break;
        case "attention":
          this.once(attentionCalls(attention, node));
          break;
        case "attention_grad":
          this.once(attentionGradCalls(attention, node));
          break;
        case "scatter":
          this.scatter(node);
          break;
        default:
          break;
      }
    }
    return this.kernels;
  }
}

/** A graph with the places of its inputs and outputs. */
export interface Placed {
  readonly graph: Graph;
  readonly placement: Placement;
}

/** Lowers graphs into one program that runs them in order; "kept" places hand values on. Throws BindingTooLarge. */
export const lowerInOrder = (name: string, parts: readonly Placed[], target: Target): Lowered => {
  const storage = new Storage(target);
  const kernels: Record<string, Kernel> = {};
  parts.forEach(({ graph, placement }, part) => {
    const scaled = scaleRows(graph, (node) => arithmeticIn(placement, node) === "f16");
    const arranged = arrangeOperands(scaled, (node) => dtypeIn(placement, node) !== "f32");
    const nodes = nodesOf(arranged);
    const stored = new Set(Object.values(arranged.outputs));
    const groups = fuseWithin(nodes, stored, target);
    const buffers = new Buffers(arranged, placement, storage, `${part}.`);
    Object.assign(kernels, new Lowering(buffers, groups, target).run(nodes));
    buffers.declareOutputs();
  });
  return { program: storage.program(name), kernels };
};

/** Lowers a graph. Inputs and outputs live where `placement` says. Throws BindingTooLarge. */
export const lower = (name: string, graph: Graph, placement: Placement, target: Target): Lowered =>
  lowerInOrder(name, [{ graph, placement }], target);
