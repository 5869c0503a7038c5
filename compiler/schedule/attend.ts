/** Attention and its gradient as calls of the hand-written kernels, piece by piece along the batch where tensors are large. */
import { type AttentionSpec, attention } from "../../kernels/attention.kernel.js";
import {
  attentionGradKeyValue,
  attentionGradQuery,
} from "../../kernels/attention-gradient.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import { type Box, boxesOf, slabOf, type Walked } from "../emit/pieces.js";
import { ruleKey } from "../ir/key.js";
import { type Axis, type Node, sizeOf } from "../ir/tensor.js";
import type { Buffers } from "./buffers.js";
import { BindingTooLarge, type Use } from "./storage.js";

type Forward = Extract<Node, { op: "attention" }>;
type Grad = Extract<Node, { op: "attention_grad" }>;

/** A call with its bindings in the order of the call's operands. */
export interface BoundCall {
  readonly call: KernelCall;
  readonly label: string;
  readonly uses: readonly Use[];
}

const size = (axes: readonly Axis[], name: string): number =>
  axes.find((axis) => axis.name === name)?.size ?? 1;

/** Head axes in keys too are groups; head axes of queries alone share their keys. */
const specOf = (node: Forward | Grad): AttentionSpec => {
  const { q, k, position, dim, scale, cap, within } = node;
  const at = q.axes.findIndex((axis) => axis.name === position);
  const heads = q.axes.slice(at + 1, -1);
  const inKeys = (axis: Axis): boolean => k.axes.some((a) => a.name === axis.name);
  return {
    batch: sizeOf(q.axes.slice(0, at)),
    position: size(q.axes, position),
    groups: sizeOf(heads.filter(inKeys)),
    queries: sizeOf(heads.filter((axis) => !inKeys(axis))),
    dim: size(q.axes, dim),
    scale,
    scores: { cap, within },
  };
};

type Kind = "rows" | "keys" | "lse";

const walked = (spec: AttentionSpec, kind: Kind): Walked => {
  const keys = spec.position * spec.groups;
  const rest = {
    keys: keys * spec.dim,
    rows: keys * spec.queries * spec.dim,
    lse: keys * spec.queries,
  };
  return {
    name: kind,
    axes: [
      { axis: "batch", size: spec.batch },
      { axis: null, size: rest[kind] },
    ],
  };
};

interface Piece {
  readonly spec: AttentionSpec;
  readonly slab: (kind: Kind) => ReturnType<typeof slabOf> | null;
}

const pieceOf = (spec: AttentionSpec, box: Box): Piece => {
  const range = box.get("batch");
  if (range === undefined) return { spec, slab: () => null };
  const slab = (kind: Kind) => slabOf(walked(spec, kind), box);
  const base = (kind: Kind): number => {
    const { axes } = walked(spec, kind);
    return range.start * (axes[1]?.size ?? 1) - slab(kind).start;
  };
  const bases = { rows: base("rows"), keys: base("keys"), lse: base("lse") };
  return { spec: { ...spec, batch: range.length, bases }, slab };
};

const piecesOf = (spec: AttentionSpec, maxBinding: number): readonly Piece[] => {
  const kinds = (["rows", "keys", "lse"] as const).map((kind) => walked(spec, kind));
  const boxes = boxesOf(kinds, maxBinding);
  if (boxes === null)
    throw new BindingTooLarge(
      `attention over ${spec.position} positions binds more than ${maxBinding} bytes a window; take shorter windows`,
    );
  return boxes.map((box) => pieceOf(spec, box));
};

export interface AttentionLowering {
  readonly buffers: Buffers;
  readonly nodes: readonly Node[];
  readonly maxBinding: number;
}

/** Where a part of a kernel with several outputs goes; a part that nobody reads still needs room. */
const target = (
  { buffers }: AttentionLowering,
  part: Node | undefined,
  key: string,
  elements: number,
  slab: ReturnType<Piece["slab"]>,
): Use => (part === undefined ? buffers.unused(key, elements, slab) : buffers.use(part, slab));

/** All parts of an attention: `key` is the same for nodes that the same calls compute. */
export const attentionCalls = (
  lowering: AttentionLowering,
  node: Forward,
): { readonly key: string; readonly calls: () => readonly BoundCall[] } => {
  const { q, k, v } = node;
  const rule = ruleKey(node);
  const key = `attention ${q.id} ${k.id} ${v.id} ${rule}`;
  const part = (name: "out" | "lse"): Node | undefined =>
    lowering.nodes.find(
      (other) =>
        other.op === "attention" &&
        other.part === name &&
        other.q === q &&
        other.k === k &&
        other.v === v &&
        ruleKey(other) === rule,
    );
  const elements = sizeOf(q.axes);
  const rows = elements / size(q.axes, node.dim);
  const calls = () =>
    piecesOf(specOf(node), lowering.maxBinding).map(({ spec, slab }) => ({
      call: attention(spec),
      label: "attention",
      uses: [
        lowering.buffers.use(q, slab("rows")),
        lowering.buffers.use(k, slab("keys")),
        lowering.buffers.use(v, slab("keys")),
        target(lowering, part("out"), `${key} out`, elements, slab("rows")),
        target(lowering, part("lse"), `${key} lse`, rows, slab("lse")),
      ],
    }));
  return { key, calls };
};

/** The gradient's part for queries, or both parts for keys and values. */
export const attentionGradCalls = (
  lowering: AttentionLowering,
  node: Grad,
): { readonly key: string; readonly calls: () => readonly BoundCall[] } => {
  const inputs = [node.q, node.k, node.v, node.lse, node.dOut, node.delta];
  const kinds: readonly Kind[] = ["rows", "keys", "keys", "lse", "rows", "lse"];
  const ofQueries = node.part === "q";
  const key = `attention gradient ${ofQueries ? "q" : "k v"} ${inputs.map(({ id }) => id).join(" ")} ${ruleKey(node)}`;
  const part = (name: "k" | "v"): Node | undefined =>
    lowering.nodes.find(
      (other) =>
        other.op === "attention_grad" &&
        other.part === name &&
        other.dOut === node.dOut &&
        other.q === node.q &&
        other.k === node.k &&
        other.v === node.v &&
        ruleKey(other) === ruleKey(node),
    );
  const elements = sizeOf(node.k.axes);
  const calls = () =>
    piecesOf(specOf(node), lowering.maxBinding).map(({ spec, slab }): BoundCall => {
      const reads = inputs.map((input, at) =>
        lowering.buffers.use(input, slab(kinds[at] ?? "rows")),
      );
      if (ofQueries)
        return {
          call: attentionGradQuery(spec),
          label: "attention gradient q",
          uses: [...reads, lowering.buffers.use(node, slab("rows"))],
        };
      const writes = (["k", "v"] as const).map((name) =>
        target(lowering, part(name), `${key} ${name}`, elements, slab("keys")),
      );
      return {
        call: attentionGradKeyValue(spec),
        label: "attention gradient k v",
        uses: [...reads, ...writes],
      };
    });
  return { key, calls };
};
