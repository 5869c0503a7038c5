/** Which of the kernels for one piece of work an adapter can run, and which of those are worth measuring. */
import type { Kernel } from "../compiler/plan.js";
import type { AdapterReport } from "./adapter.js";

type Adapter = Pick<AdapterReport, "kind" | "features" | "limits">;
type Needs = Pick<Kernel, "features" | "workgroup">;

const ONE_SIZE = /^subgroups-of-\d+$/;

/** Whether the adapter has the features and the workgroup size that a kernel needs. */
export const canRun = ({ features, limits }: Adapter, { features: needed, workgroup }: Needs) => {
  const { maxComputeInvocationsPerWorkgroup: most = 0 } = limits;
  return (
    needed.every((feature) => features.includes(feature)) &&
    workgroup[0] * workgroup[1] * workgroup[2] <= most
  );
};

/** Whether a kernel is written for subgroups of one size. */
export const isTailored = ({ features }: Pick<Needs, "features">): boolean =>
  features.some((feature) => ONE_SIZE.test(feature));

/**
 * Indices of the kernels to measure. On a software adapter, where compiling one takes up to seconds, those for its size
 * of subgroup alone if there are any; on a GPU all that it can run, as compiling is quick there and makers differ.
 */
export const worthMeasuring = (adapter: Adapter, kernels: readonly Needs[]): readonly number[] => {
  const indices = (fits: (kernel: Needs) => boolean): readonly number[] =>
    kernels.flatMap((kernel, index) => (fits(kernel) ? [index] : []));
  const usable = indices((kernel) => canRun(adapter, kernel));
  if (adapter.kind === "gpu") return usable;
  const tailored = indices((kernel) => canRun(adapter, kernel) && isTailored(kernel));
  return tailored.length > 0 ? tailored : usable;
};

/**
 * Whether what is fastest for one shape is so for all: of tiles for a software adapter's size of subgroup, which differ in
 * what suits the processor. A GPU is kept busy by some shapes and not by others, as are two cores by rows of one invocation.
 */
export const alikeForAllShapes = (adapter: Adapter, kernels: readonly Needs[]): boolean =>
  adapter.kind !== "gpu" && kernels.every(isTailored);
