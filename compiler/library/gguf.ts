/** A model as GGUF, by its architecture's `gguf` block: metadata from config.json, and where each tensor is. */
import type { Expr, GgufKeyItem } from "../../grammar/ast.js";
import type { GgufKey, GgufTensor } from "../plan.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { numberOf } from "./environment.js";
import {
  ARCHITECTURE,
  blockEnvironment,
  blockOf,
  configKey,
  mustHold,
  pathOf,
} from "./gguf-block.js";
import { orderOf } from "./gguf-order.js";
import type { ModelShape, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { tensorName } from "./tensor-names.js";
import type { Value } from "./value.js";

/** Where each tensor of a shape is in a GGUF file. */
export const ggufTensors = (shape: ModelShape, place: ConfigPlace): Outcome<GgufTensor[]> =>
  outcome(() => {
    const block = blockOf(shape, place);
    const { file } = shape.architecture;
    const env = blockEnvironment(shape, block);
    const layers = shape.axes.find(({ name }) => name === shape.layerAxis)?.size ?? 0;
    return shape.weights.flatMap((weight): GgufTensor[] => {
      const item = block.items.find(
        (line) =>
          line.kind === "gguf-tensor" && line.weights.some(({ name }) => name === weight.name),
      );
      if (item?.kind !== "gguf-tensor")
        return mistake("wrong-arguments", file, block.name.span, {
          reason: `\`gguf\` does not say where \`${weight.name}\` is`,
        });
      // Of several in one tensor, the first stands for all.
      if (item.weights[0]?.name !== weight.name) return [];
      const { interleave, times, plus } = item;
      const has = weight.dims.flat();
      if (interleave !== null && !has.some(({ name }) => name === interleave.axis.name))
        return mistake("axis-missing", file, interleave.axis.span, {
          axis: interleave.axis.name,
          has: has.map(({ name }) => name).join(", "),
        });
      const number = (expr: Expr): number => numberOf(env, evaluate(env, expr), expr.span);
      const order = orderOf(shape, item, file);
      if (interleave !== null && item.weights.length > 1)
        mistake("wrong-arguments", file, interleave.axis.span, {
          reason: "units of several weights in one tensor do not take turns",
        });
      const at = (layer: number): GgufTensor => ({
        file: tensorName(weight.file, layer),
        tensor: tensorName(item.file.value, layer),
        interleave:
          interleave === null
            ? null
            : { axis: interleave.axis.name, parts: number(interleave.parts) },
        order,
        times: times === null ? 1 : number(times),
        plus: plus === null ? 0 : number(plus),
      });
      return weight.perLayer ? Array.from({ length: layers }, (_, layer) => at(layer)) : [at(0)];
    });
  });

/** A key for a value, or one for each member of a record. */
const typed = (key: string, item: GgufKeyItem, value: Value, config: unknown): GgufKey[] => {
  if (typeof config === "boolean") return [{ key, type: "bool", value: config }];
  if (value.kind === "record")
    return [...value.members].flatMap(([name, member]) =>
      typed(`${key}.${name}`, item, member, null),
    );
  if (value.kind === "text") return [{ key, type: "text", value: value.value }];
  if (value.kind !== "number") return [];
  const whole = Number.isInteger(value.value) && value.value >= 0 && !item.real;
  return [{ key, type: whole ? "u32" : "f32", value: value.value }];
};

/** The metadata that a shape is written with. */
export const ggufKeys = (shape: ModelShape, place: ConfigPlace): Outcome<GgufKey[]> =>
  outcome(() => {
    const block = blockOf(shape, place);
    const { decl, file } = shape.architecture;
    const env = blockEnvironment(shape, block);
    for (const item of block.items)
      if (item.kind === "require") mustHold(env, item, file, place, "GGUF");
    const keys = block.items.flatMap((item): GgufKey[] => {
      if (item.kind !== "gguf-key") return [];
      const key = configKey(decl, item);
      const config = key === null ? undefined : shape.config[key];
      return typed(pathOf(item), item, evaluate(env, item.value), config);
    });
    return [{ key: ARCHITECTURE, type: "text", value: block.name.value }, ...keys];
  });
