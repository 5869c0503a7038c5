/** What is asked of the writer of generated kernels, and what it gives. */
import type { Dtype } from "../../kernels/operand.js";
import type { Node } from "../ir/tensor.js";
import type { Group } from "../passes/fuse.js";
import type { Box } from "./pieces.js";

/** One way to share the work out. */
export interface GeneratedLaunch {
  readonly wgsl: string;
  readonly workgroup: readonly [number, number, number];
  readonly workgroups: readonly [number, number, number];
}

export interface GeneratedKernel {
  readonly launches: readonly GeneratedLaunch[];
  /** Tensors read, in binding order after params; the output's binding is last. */
  readonly reads: readonly Node[];
  readonly params: readonly number[];
  /** Rows and elements of one. */
  readonly extent: readonly [number, number];
  readonly flops: number;
}

/** What becomes of the value that the output holds already. */
export type Into = "store" | "add" | "max";

/** A group's kernel, for the part of its work that the box says. */
export interface Job {
  readonly group: Group;
  /** Which nodes have a buffer. */
  readonly isStored: (node: Node) => boolean;
  /** What a stored node's numbers are stored in. */
  readonly dtypeOf: (node: Node) => Dtype;
  readonly into: Into;
  readonly box: Box;
}
