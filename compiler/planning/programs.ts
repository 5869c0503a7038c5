/** Collects lowered programs and their kernels while a plan is built; equal kernels are kept once. */
import type { Graph } from "../ir/tensor.js";
import type { Kernel, Program } from "../plan.js";
import { lower } from "../schedule/lower.js";
import type { Placement, Target } from "../schedule/target.js";

export interface Programs {
  readonly target: Target;
  readonly programs: Map<string, Program>;
  readonly kernels: Map<string, Kernel>;
}

export const createPrograms = (target: Target): Programs => ({
  target,
  programs: new Map(),
  kernels: new Map(),
});

export const addKernels = (into: Programs, kernels: Readonly<Record<string, Kernel>>): void => {
  for (const [id, kernel] of Object.entries(kernels)) into.kernels.set(id, kernel);
};

/** Takes over what another collection holds. */
export const addPrograms = (into: Programs, from: Programs): void => {
  for (const [name, program] of from.programs) into.programs.set(name, program);
  for (const [id, kernel] of from.kernels) into.kernels.set(id, kernel);
};

/** Lowers a graph and keeps the program; gives its name back. */
export const addGraph = (
  into: Programs,
  name: string,
  graph: Graph,
  placement: Placement,
): string => {
  const lowered = lower(name, graph, placement, into.target);
  into.programs.set(name, lowered.program);
  addKernels(into, lowered.kernels);
  return name;
};
