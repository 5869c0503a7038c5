/** What a model's files store its weights in. */
import type { Dtype } from "../../kernels/operand.js";
import type { ModelShape, WeightShape } from "./library.js";
import { prefixOf, tensorName } from "./tensor-names.js";

/** By weight; those that are not named are f32. */
export type Dtypes = ReadonlyMap<string, Dtype>;

const NAMED: Readonly<Record<string, Dtype>> = { bfloat16: "bf16", float16: "f16" };

/** The type that a config.json says the weights have. */
export const dtypeOfConfig = ({ dtype, torch_dtype }: ModelShape["config"]): Dtype => {
  const said = dtype ?? torch_dtype;
  return (typeof said === "string" ? NAMED[said] : undefined) ?? "f32";
};

const filesOf = ({ file, perLayer }: WeightShape, layers: number): readonly string[] =>
  perLayer ? Array.from({ length: layers }, (_, layer) => tensorName(file, layer)) : [file];

/**
 * The types of matrices that all layers have in the same 16-bit type, so that layers can be cut and share programs. Vectors
 * are f32: they are small. `typeOf` gives the type of a tensor by its name in a folder; null where that is not known.
 */
export const dtypesOf = (shape: ModelShape, typeOf: (file: string) => Dtype | null): Dtypes => {
  const layers = shape.axes.find(({ name }) => name === shape.layerAxis)?.size ?? 0;
  const prefix = prefixOf(shape);
  const found = (file: string): Dtype | null =>
    typeOf(file) ?? (file.startsWith(prefix) ? typeOf(file.slice(prefix.length)) : null);
  const matrices = shape.weights.filter(({ dims }) => dims.length > 1);
  return new Map(
    matrices.flatMap((weight): [string, Dtype][] => {
      const types = new Set(filesOf(weight, layers).map(found));
      const [type = null] = types;
      return types.size > 1 || type === null || type === "f32" ? [] : [[weight.name, type]];
    }),
  );
};
