/** Indices of axes in a kernel's text: a flat one is taken apart into one per run of axes. */
import type { Axis } from "../ir/tensor.js";
import type { Names } from "./names.js";
import type { Box } from "./pieces.js";

/** The index of each axis, by name. Those of the whole tensors, also where the kernel covers a box. */
export type Indices = ReadonlyMap<string, string>;

/** Runs of a list of axes that are indexed as one. */
export type Runs = (axes: readonly Axis[]) => readonly (readonly Axis[])[];

/** Iterations over the axes, of which the box may leave only a part. */
export const lengthOf = (axes: readonly Axis[], box: Box): number =>
  axes.reduce((n, { name, size }) => n * (box.get(name)?.length ?? size), 1);

/** Runs of more than one element. */
export const longRuns = (axes: readonly Axis[], runs: Runs, box: Box): (readonly Axis[])[] =>
  runs(axes).filter((run) => lengthOf(run, box) > 1);

/** Takes `flat` apart into indices; the last axis of a run carries the run's, the outermost run comes first. */
export const decompose = (
  axes: readonly Axis[],
  flat: string,
  indices: Map<string, string>,
  lines: string[],
  { names, runs, box }: { readonly names: Names; readonly runs: Runs; readonly box: Box },
): void => {
  let rest = flat;
  const start = (axis: string): string =>
    names.param(`start of ${axis}`, box.get(axis)?.start ?? 0);
  const absolute = (axis: string, index: string): string =>
    box.has(axis) ? `(${index} + ${start(axis)})` : index;
  for (const { name } of axes) indices.set(name, box.has(name) ? start(name) : "0u");
  const long = longRuns(axes, runs, box);
  [...long].reverse().forEach((run, at) => {
    const carrier = run.at(-1)?.name ?? "";
    if (at === long.length - 1) {
      indices.set(carrier, absolute(carrier, rest));
      return;
    }
    const size = names.param(`run to ${carrier}`, lengthOf(run, box));
    const [index, quotient] = [names.fresh("i"), names.fresh("q")];
    lines.push(
      `let ${quotient} = ${rest} / ${size};`,
      `let ${index} = ${rest} - ${quotient} * ${size};`,
    );
    indices.set(carrier, absolute(carrier, index));
    rest = quotient;
  });
};
