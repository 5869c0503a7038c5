/** A kernel family's call as a dispatch of the plan. */
import type { KernelCall } from "../../kernels/kernel.js";
import type { Binding, Dispatch, Kernel } from "../plan.js";
import { kernelId } from "./identity.js";

export interface Called {
  readonly dispatch: Dispatch;
  readonly kernels: readonly (readonly [string, Kernel])[];
}

/** `bindings` follow the call's operands. */
export const dispatchOf = (
  call: KernelCall,
  label: string,
  bindings: readonly Binding[],
): Called => {
  const kernels = call.variants.map((variant): readonly [string, Kernel] => [
    kernelId(`${call.family} ${variant.name}`, variant.wgsl),
    { wgsl: variant.wgsl, workgroup: variant.workgroup, features: variant.features },
  ]);
  return {
    kernels,
    dispatch: {
      label,
      tuning: `${call.family} ${call.shape}`.trim(),
      launches: call.variants.map((variant, at) => ({
        kernel: kernels[at]?.[0] ?? "",
        workgroups: variant.workgroups,
      })),
      bindings,
      params: call.params,
      flops: call.flops,
      bytes: call.bytes,
    },
  };
};
