/**
 * GGUF through an architecture's `gguf` block: metadata to config.json, config.json to metadata, and where each tensor is.
 * A `key` line goes both ways where it holds a key of config.json (or `key ?? …`), else it is written only.
 */
import type {
  ArchitectureDecl,
  Expr,
  GgufEachItem,
  GgufItem,
  GgufKeyItem,
  RequireItem,
} from "../../grammar/ast.js";
import type { GgufHeader } from "../host.js";
import { Builder } from "../ir/build.js";
import type { GgufKey, GgufTensor } from "../plan.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { type Environment, numberOf, withValue } from "./environment.js";
import { configEnvironment } from "./forward.js";
import { orderOf } from "./gguf-order.js";
import type { Library, Located, ModelShape, Outcome } from "./library.js";
import { namesIn } from "./live.js";
import { rootEnvironment } from "./loss.js";
import { diagnose, mistake, outcome } from "./report.js";
import { keyOf } from "./resize.js";
import { tensorName } from "./tensor-names.js";
import { fromJson, NULL, numberValue, type Value } from "./value.js";

type Config = Readonly<Record<string, unknown>>;
type Json = { [key: string]: unknown };

/** What names of tensors are found under, without numbers of layers: `tensors.blk.attn_q.bias` is null where there is none. */
const TENSORS = "tensors";
const ARCHITECTURE = "general.architecture";

const unnumbered = (name: string): string => name.replaceAll(/\.\d+(?=\.)/g, "");

const ggufItem = (decl: ArchitectureDecl): GgufItem | undefined =>
  decl.items.find((item): item is GgufItem => item.kind === "gguf");

/** The block by which files are read; null where an architecture has none, or writes files that are read as another's. */
const readItem = (decl: ArchitectureDecl): GgufItem | null => {
  const block = ggufItem(decl);
  return block === undefined || block.written ? null : block;
};

/** `a.b.c` as members of members. */
const nested = (entries: Iterable<readonly [string, unknown]>): Json => {
  const root: Json = {};
  for (const [path, value] of entries) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    let inside = root;
    for (const part of parts) {
      const next = inside[part];
      const deeper: Json =
        typeof next === "object" && next !== null && !Array.isArray(next) ? (next as Json) : {};
      inside[part] = deeper;
      inside = deeper;
    }
    inside[last] = value;
  }
  return root;
};

/** The key of config.json that a line holds, or null for one that is only written. */
const configKey = (decl: ArchitectureDecl, item: GgufKeyItem): string | null => {
  const key = keyOf(item.value);
  const isAxis = decl.items.some((other) => other.kind === "axis" && other.name.name === key);
  return isAxis ? null : key;
};

const pathOf = (item: GgufKeyItem): string => item.path.map(({ name }) => name).join(".");

/** Whether an expression says yes or no, which config.json spells otherwise than 1 and 0. */
const isYesOrNo = (expr: Expr): boolean =>
  (expr.kind === "name" && (expr.name === "true" || expr.name === "false")) ||
  (expr.kind === "unary" && expr.op === "not") ||
  (expr.kind === "binary" && ["==", "!=", "<", ">", "<=", ">=", "and", "or"].includes(expr.op));

const jsonOf = (expr: Expr, value: Value): unknown => {
  if (value.kind === "number") return isYesOrNo(expr) ? value.value !== 0 : value.value;
  return value.kind === "text" ? value.value : undefined;
};

/** Everything that the block's lines may name: metadata, tensors, and keys of config.json as far as they are known. */
const readEnvironment = (
  library: Library,
  { file, decl }: Located<ArchitectureDecl>,
  header: GgufHeader,
): Environment => {
  const values = new Map<string, Value>();
  for (const name of namesIn(ggufItem(decl) ?? [])) values.set(name, NULL);
  const metadata = fromJson(nested(header.metadata));
  if (metadata.kind === "record")
    for (const [name, value] of metadata.members) values.set(name, value);
  values.set(
    TENSORS,
    fromJson(nested([...header.tensors.keys()].map((name) => [unnumbered(name), {}] as const))),
  );
  return rootEnvironment(library, new Builder(), file, values);
};

/** What a `key` line says of config.json; undefined where the file says nothing and there is no other choice. */
const readKey = (env: Environment, item: GgufKeyItem, header: GgufHeader): unknown => {
  const found = header.metadata.get(pathOf(item));
  if (typeof found === "object")
    return mistake("wrong-value", env.file, item.span, {
      wanted: "one value",
      found: `a list of ${found.count}`,
    });
  if (found !== undefined) return found;
  const { value } = item;
  if (value.kind !== "binary" || value.op !== "??") return undefined;
  return jsonOf(value.right, evaluate(env, value.right));
};

const readConfig = (
  library: Library,
  architecture: Located<ArchitectureDecl>,
  header: GgufHeader,
  place: ConfigPlace,
): Config => {
  const { decl, file } = architecture;
  const block = ggufItem(decl);
  let env = readEnvironment(library, architecture, header);
  const config: Record<string, unknown> = { architectures: [decl.classes[0]?.value] };
  const set = (key: string, value: unknown): void => {
    if (value === undefined) return;
    config[key] = value;
    env = withValue(env, key, fromJson(value));
  };
  for (const item of block?.items ?? []) {
    const key = item.kind === "gguf-key" ? configKey(decl, item) : null;
    if (item.kind === "gguf-key" && key !== null) set(key, readKey(env, item, header));
    if (item.kind === "config") set(item.key.name, jsonOf(item.value, evaluate(env, item.value)));
  }
  for (const item of block?.items ?? []) {
    if (item.kind !== "require") continue;
    const value = evaluate(env, item.condition);
    if (value.kind === "number" && value.value !== 0) continue;
    const requirement = file.text.slice(item.condition.span.start, item.condition.span.end);
    const model = `GGUF's ${block?.name.value ?? ""}`;
    mistake("config-unsupported", place, place.span, { model, requirement });
  }
  return config;
};

/** The config.json that a GGUF file's metadata stands for; what is wrong with it is placed at `place`. */
export const configOfGguf = (
  library: Library,
  header: GgufHeader,
  place: ConfigPlace,
): Outcome<Config> => {
  const all = [...library.architectures.values()];
  const name = header.metadata.get(ARCHITECTURE);
  const found = all.find(({ decl }) => readItem(decl)?.name.value === name);
  if (found !== undefined) return outcome(() => readConfig(library, found, header, place));
  const known = all.flatMap(({ decl }) => {
    const block = readItem(decl);
    return block === null ? [] : [`GGUF's ${block.name.value}`];
  });
  const parameters = { name: `GGUF's ${String(name)}`, near: null, known };
  return {
    ok: false,
    diagnostics: [diagnose("unknown-architecture", place, place.span, parameters)],
  };
};

/** Keys of config.json that a GGUF file has as floating-point numbers. */
export const ggufFloats = ({ architecture: { decl } }: ModelShape): readonly string[] =>
  (ggufItem(decl)?.items ?? []).flatMap((item) => {
    const key = item.kind === "gguf-key" && item.real ? configKey(decl, item) : null;
    return key === null ? [] : [key];
  });

const blockOf = ({ architecture }: ModelShape, place: ConfigPlace): GgufItem =>
  ggufItem(architecture.decl) ??
  mistake("wrong-arguments", place, place.span, {
    reason: `\`${architecture.decl.name.name}\` does not say how GGUF spells it: it has no \`gguf\` block`,
  });

/** Keys of config.json, those that the block names and it has not among them. */
const blockEnvironment = (shape: ModelShape, block: GgufItem): Environment => {
  let env = configEnvironment(shape.library, new Builder(), shape);
  for (const name of namesIn(block)) if (!env.values.has(name)) env = withValue(env, name, NULL);
  return env;
};

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

const typed = (key: string, item: GgufKeyItem, value: Value, config: unknown): GgufKey[] => {
  if (typeof config === "boolean") return [{ key, type: "bool", value: config }];
  if (value.kind === "text") return [{ key, type: "text", value: value.value }];
  if (value.kind !== "number") return [];
  const whole = Number.isInteger(value.value) && value.value >= 0 && !item.real;
  return [{ key, type: whole ? "u32" : "f32", value: value.value }];
};

/** Where lists with an entry for each layer are the layer's own. */
const atLayer = (
  env: Environment,
  { layerLists }: ModelShape,
  axis: string,
  layer: number,
): Environment =>
  [...layerLists].reduce(
    (own, [key, entries]) => withValue(own, key, entries[layer] ?? NULL),
    withValue(env, axis, numberValue(layer)),
  );

/** Refuses what depends on which layers stay. */
const decided = ({ undecided }: ModelShape, item: GgufEachItem, place: ConfigPlace): void => {
  const key = namesIn(item).find((name) => undecided.has(name));
  if (key !== undefined)
    mistake("wrong-arguments", place, place.span, {
      reason: `GGUF has no word for the \`${key}\` of each layer, and which layers stay is known only in the run: keep all layers, or export as safetensors`,
    });
};

/** The metadata that a shape is written with. */
export const ggufKeys = (shape: ModelShape, place: ConfigPlace): Outcome<GgufKey[]> =>
  outcome(() => {
    const block = blockOf(shape, place);
    const { decl, file } = shape.architecture;
    let env = blockEnvironment(shape, block);
    for (const { name, size } of shape.axes) env = withValue(env, name, numberValue(size));
    const hold = (own: Environment, { condition }: RequireItem): void => {
      const value = evaluate(own, condition);
      if (value.kind === "number" && value.value !== 0) return;
      const requirement = file.text.slice(condition.span.start, condition.span.end);
      mistake("config-unsupported", place, place.span, { model: "GGUF", requirement });
    };
    for (const item of block.items) {
      if (item.kind === "require") hold(env, item);
      if (item.kind !== "gguf-each") continue;
      decided(shape, item, place);
      const count = shape.axes.find(({ name }) => name === item.axis.name)?.size ?? 0;
      for (let layer = 0; layer < count; layer++)
        for (const inner of item.items) hold(atLayer(env, shape, item.axis.name, layer), inner);
    }
    const keys = block.items.flatMap((item): GgufKey[] => {
      if (item.kind !== "gguf-key") return [];
      const key = configKey(decl, item);
      const config = key === null ? undefined : shape.config[key];
      return typed(pathOf(item), item, evaluate(env, item.value), config);
    });
    return [{ key: ARCHITECTURE, type: "text", value: block.name.value }, ...keys];
  });
