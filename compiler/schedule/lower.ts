/**
 * A graph becomes a program: hand-written families for contractions, attention and scatters, generated kernels for the
 * groups of the rest, buffers for what is stored.
 */
import { type AttentionSpec, attention } from "../../kernels/attention.kernel.js";
import {
  attentionGradKeyValue,
  attentionGradQuery,
} from "../../kernels/attention-gradient.kernel.js";
import { embeddingGradient } from "../../kernels/embedding-gradient.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import { matmul } from "../../kernels/matmul.kernel.js";
import { generate, WORKGROUP } from "../emit/wgsl.js";
import { type Axis, type Graph, type Node, sizeOf } from "../ir/tensor.js";
import { nodesOf } from "../ir/traverse.js";
import { type Group, isBig } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";
import type { Kernel, Program } from "../plan.js";
import { arrangeOperands } from "./arrange.js";
import { Buffers, type Use } from "./buffers.js";
import { dispatchOf } from "./call.js";
import { productOf } from "./contraction.js";
import { kernelId } from "./identity.js";
import type { Placement, Target } from "./target.js";
import { fuseWithin } from "./width.js";

export interface Lowered {
  readonly program: Program;
  readonly kernels: Readonly<Record<string, Kernel>>;
}

type Grad = Extract<Node, { op: "attention_grad" }>;
type AttentionNode = Extract<Node, { op: "attention" }> | Grad;

const size = (axes: readonly Axis[], name: string): number =>
  axes.find((axis) => axis.name === name)?.size ?? 1;

/** Head axes in keys too are groups; head axes of queries alone share their keys. */
const attentionSpec = (node: AttentionNode): AttentionSpec => {
  const { q, k, position, dim, scale } = node;
  const heads = q.axes.slice(q.axes.findIndex((axis) => axis.name === position) + 1, -1);
  const groups = heads.filter((axis) => k.axes.some((a) => a.name === axis.name));
  const queries = heads.filter((axis) => !k.axes.some((a) => a.name === axis.name));
  const batch = q.axes.slice(
    0,
    q.axes.findIndex((axis) => axis.name === position),
  );
  return {
    batch: sizeOf(batch),
    position: size(q.axes, position),
    groups: sizeOf(groups),
    queries: sizeOf(queries),
    dim: size(q.axes, dim),
    scale,
  };
};

class Lowering {
  private readonly kernels: Record<string, Kernel> = {};
  private readonly done = new Set<string>();

  constructor(
    private readonly buffers: Buffers,
    private readonly groups: ReadonlyMap<Node, Group>,
  ) {}

  private call(
    call: KernelCall,
    label: string,
    operands: readonly (readonly [Node, "read" | "write"])[],
  ): void {
    const bindings = operands.map(([node, access]) => this.buffers.use(node, access));
    this.emit(call, label, bindings);
  }
  private emit(call: KernelCall, label: string, bindings: readonly Use[]): void {
    const { dispatch, kernels } = dispatchOf(call, label, []);
    for (const [id, kernel] of kernels) this.kernels[id] = kernel;
    this.buffers.dispatch(dispatch, bindings);
  }

  private generated(group: Group): void {
    const { root } = group;
    const kernel = generate(group, (node) => this.isStored(node), this.buffers.accumulates(root));
    const family = root.op === "reduce" || group.inner.length > 0 ? "rows" : "map";
    const id = kernelId(family, kernel.wgsl);
    this.kernels[id] = { wgsl: kernel.wgsl, workgroup: [WORKGROUP, 1, 1], features: [] };
    const reads = kernel.reads.map((node) => this.buffers.use(node, "read"));
    this.buffers.dispatch(
      {
        label: `${family} ${root.op === "map" ? root.fn : root.op}`,
        tuning: id,
        launches: [{ kernel: id, workgroups: kernel.workgroups }],
        bindings: [],
        params: kernel.params.length === 0 ? [0] : kernel.params,
        flops: kernel.flops,
        bytes: 4 * (sizeOf(root.axes) + kernel.reads.reduce((n, node) => n + sizeOf(node.axes), 0)),
      },
      [...reads, this.buffers.use(root, "write")],
    );
  }

  private isStored(node: Node): boolean {
    return node.op === "input" || isBig(node) || isTable(node) || this.groups.has(node);
  }

  private contract(node: Extract<Node, { op: "contract" }>): void {
    const product = productOf(node);
    if (product === null) throw new Error("a contraction's axes are not batch, left, right");
    const accumulate = this.buffers.accumulates(node);
    const { leftOrder: _l, rightOrder: _r, ...sizes } = product;
    this.call(matmul({ ...sizes, accumulate }), `matmul ${product.layout}`, [
      [node.left, "read"],
      [node.right, "read"],
      [node, "write"],
    ]);
  }

  /** Both parts of a kernel with several outputs come from one dispatch, at the first of them. */
  private attention(node: Extract<Node, { op: "attention" }>, nodes: readonly Node[]): void {
    const key = `attention ${node.q.id} ${node.k.id} ${node.v.id} ${node.scale}`;
    if (this.done.has(key)) return;
    this.done.add(key);
    const twin = nodes.find(
      (other) =>
        other.op === "attention" &&
        other.part !== node.part &&
        other.q === node.q &&
        other.k === node.k &&
        other.v === node.v,
    );
    const out = node.part === "out" ? node : twin;
    const lse = node.part === "lse" ? node : twin;
    const rows = sizeOf(node.q.axes) / size(node.q.axes, node.dim);
    this.emit(attention(attentionSpec(node)), "attention", [
      this.buffers.use(node.q, "read"),
      this.buffers.use(node.k, "read"),
      this.buffers.use(node.v, "read"),
      out === undefined
        ? this.buffers.unused(`${key} out`, sizeOf(node.q.axes))
        : this.buffers.use(out, "write"),
      lse === undefined ? this.buffers.unused(`${key} lse`, rows) : this.buffers.use(lse, "write"),
    ]);
  }

  private attentionGrad(node: Grad, nodes: readonly Node[]): void {
    const inputs = [node.q, node.k, node.v, node.lse, node.dOut, node.delta];
    const reads = () => inputs.map((input) => this.buffers.use(input, "read"));
    const spec = attentionSpec(node);
    if (node.part === "q") {
      this.emit(attentionGradQuery(spec), "attention gradient q", [
        ...reads(),
        this.buffers.use(node, "write"),
      ]);
      return;
    }
    const key = `attention gradient ${inputs.map((input) => input.id).join(" ")}`;
    if (this.done.has(key)) return;
    this.done.add(key);
    const part = (name: "k" | "v"): Node | undefined =>
      nodes.find(
        (other) =>
          other.op === "attention_grad" &&
          other.part === name &&
          other.dOut === node.dOut &&
          other.q === node.q &&
          other.k === node.k,
      );
    const target = (name: "k" | "v") => {
      const found = part(name);
      return found === undefined
        ? this.buffers.unused(`${key} ${name}`, sizeOf(node.k.axes))
        : this.buffers.use(found, "write");
    };
    this.emit(attentionGradKeyValue(spec), "attention gradient k v", [
      ...reads(),
      target("k"),
      target("v"),
    ]);
  }

  private scatter(node: Extract<Node, { op: "scatter" }>): void {
    const rows = size(node.axes, node.axis);
    const columns = sizeOf(node.axes) / rows;
    const tokens = sizeOf(node.indices.axes);
    const accumulate = this.buffers.accumulates(node);
    this.emit(embeddingGradient({ rows, columns, tokens, accumulate }), "embedding gradient", [
      this.buffers.use(node.value, "read"),
      this.buffers.buckets(node.indices, rows),
      this.buffers.use(node, "write"),
    ]);
  }

  run(nodes: readonly Node[]): Readonly<Record<string, Kernel>> {
    for (const node of nodes) {
      const group = this.groups.get(node);
      if (group !== undefined) this.generated(group);
      switch (node.op) {
        case "contract":
          this.contract(node);
          break;
        case "attention":
          this.attention(node, nodes);
          break;
        case "attention_grad":
          this.attentionGrad(node, nodes);
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

/** Lowers a graph. Inputs and outputs live where `placement` says. */
export const lower = (
  name: string,
  graph: Graph,
  placement: Placement,
  target: Target,
): Lowered => {
  const arranged = arrangeOperands(graph);
  const nodes = nodesOf(arranged);
  const stored = new Set(Object.values(arranged.outputs));
  const groups = fuseWithin(nodes, stored, target.fuse, target.maxStorageBuffers - 1);
  const buffers = new Buffers(arranged, placement, target);
  const kernels = new Lowering(buffers, groups).run(nodes);
  return { program: buffers.program(name), kernels };
};
