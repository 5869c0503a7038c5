/** How a tensor's dimensions in a GGUF file follow from those in a folder: the same axes, in another order. */
import type { Dimension, GgufTensorItem, SourceFile } from "../../grammar/ast.js";
import type { GgufOrder } from "../plan.js";
import type { ModelShape, WeightShape } from "./library.js";
import { mistake } from "./report.js";

/** Stands for the parts of a tensor that holds several weights, as an axis of as many units. */
const PARTS = "|";

interface Step {
  readonly axis: string;
  readonly size: number;
}

/** The axes of a weight's tensor in the folder, its parts among them. */
const inFolder = ({ dims, part }: WeightShape): readonly Step[] =>
  dims.flatMap((axes, at) => {
    const steps = axes.map(({ name, size }) => ({ axis: name, size }));
    if (part?.dimension !== at) return steps;
    const parts = { axis: PARTS, size: part.sizes.length };
    return [...steps.slice(0, part.shared), parts, ...steps.slice(part.shared)];
  });

/** The axes of one dimension; of several parts, which have the same axes, those of the first. */
const namesOf = ({ axes, parts: [first] }: Dimension): readonly string[] =>
  [...axes, ...(first === undefined ? [] : [{ name: PARTS }, ...first])].map(({ name }) => name);

/** The order that a `tensor` line with dimensions says; null where it is the folder's. */
export const orderOf = (
  { weights }: ModelShape,
  item: GgufTensorItem,
  file: SourceFile,
): GgufOrder | null => {
  const { dims, weights: names } = item;
  const own = names.map(({ name }) => weights.find((weight) => weight.name === name));
  const [first] = own;
  const parts = first?.part?.sizes ?? [];
  const refuse = (reason: string): never => mistake("wrong-arguments", file, item.span, { reason });
  const together = own.every((weight) => weight?.file === first?.file);
  if (!together || names.length !== Math.max(1, parts.length))
    return refuse(`\`${first?.name}\` is not in one tensor with just these`);
  if (first === undefined || dims === null) return null;
  const steps = inFolder(first);
  const wanted = dims.map(namesOf);
  const axes = wanted.flat().map((name) => steps.findIndex(({ axis }) => axis === name));
  if (axes.length !== steps.length || new Set(axes).size < axes.length || axes.includes(-1))
    return refuse(
      `these are not the axes of \`${first.name}\`: ${steps.map(({ axis }) => axis).join(", ")}`,
    );
  if (axes.every((axis, at) => axis === at)) return null;
  if (new Set(parts).size > 1)
    return refuse(
      "weights of different sizes in one tensor stand in GGUF as they do in the folder",
    );
  const sizes = steps.map(({ size }) => size);
  const sizeOf = (name: string): number => steps.find(({ axis }) => axis === name)?.size ?? 1;
  const shape = wanted.map((dim) => dim.reduce((product, name) => product * sizeOf(name), 1));
  return { sizes, axes, shape };
};
