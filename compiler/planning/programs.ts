/** Collects lowered programs and their kernels while a plan is built; equal kernels are kept once. */
import type { Graph } from "../ir/tensor.js";
import type { Kernel, Program } from "../plan.js";
import { lowerInOrder, type Placed } from "../schedule/lower.js";
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

/** Lowers graphs that run one after the other and keeps the program; gives its name back. */
export const addParts = (into: Programs, name: string, parts: readonly Placed[]): string => {
  const lowered = lowerInOrder(name, parts, into.target);
  into.programs.set(name, lowered.program);
  addKernels(into, lowered.kernels);
  return name;
};

/** Lowers a graph and keeps the program; gives its name back. */
export const addGraph = (
  into: Programs,
  name: string,
  graph: Graph,
  placement: Placement,
): string => addParts(into, name, [{ graph, placement }]);

/** Device memory that programs take together: states once, the rest of each, all at once. */
export const heldBytes = ({ programs }: Programs, names: Iterable<string>): number => {
  const states = new Map<string, number>();
  let own = 0;
  for (const name of names)
    for (const { id, role, bytes } of programs.get(name)?.buffers ?? [])
      if (role === "state") states.set(id, Math.max(bytes, states.get(id) ?? 0));
      else own += bytes;
  return [...states.values()].reduce((sum, bytes) => sum + bytes, own);
};

/** What the tuner takes for a moment: a copy of what a dispatch with several launches writes. */
export const tuningBytes = ({ buffers, dispatches }: Program): number => {
  const scratch = new Set(buffers.flatMap(({ id, role }) => (role === "scratch" ? [id] : [])));
  const copied = dispatches.map(({ launches, bindings }) =>
    launches.length < 2
      ? 0
      : Math.max(0, ...bindings.map(({ buffer, bytes }) => (scratch.has(buffer) ? bytes : 0))),
  );
  return Math.max(0, ...copied);
};
