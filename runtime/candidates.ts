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

/**
 * Indices of the kernels to measure. On a software adapter, where compiling one takes up to seconds, those for its size
 * of subgroup alone if there are any; on a GPU all that it can run, as compiling is quick there and makers differ.
 */
export const worthMeasuring = (adapter: Adapter, kernels: readonly Needs[]): readonly number[] => {
  const usable = kernels.flatMap((kernel, index) => (canRun(adapter, kernel) ? [index] : []));
  if (adapter.kind === "gpu") return usable;
  const tailored = usable.filter((index) =>
    kernels[index]?.features.some((feature) => ONE_SIZE.test(feature)),
  );
  return tailored.length > 0 ? tailored : usable;
};
