/** Schedules for one size of subgroup, among which a tuner chooses on a software adapter, must not differ in any bit. */
import { expect } from "vitest";
import type { KernelCall } from "../../kernels/kernel.js";
import { isTailored } from "../../runtime/candidates.js";

/** What a kernel's variant, by its index, wrote. */
export type Written = readonly [variant: number, results: Readonly<Record<string, Float32Array>>];

export const expectSameBits = ({ variants }: KernelCall, written: readonly Written[]): void => {
  const [first, ...others] = written.filter(([index]) => {
    const variant = variants[index];
    return variant !== undefined && isTailored(variant);
  });
  for (const [, results] of others) expect(results).toEqual(first?.[1]);
};
