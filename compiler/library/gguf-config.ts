/**
 * A GGUF file's metadata as config.json, by an architecture's `gguf` block: a `key` line is read where it holds a key of
 * config.json (or `key ?? …`), a `config` line always, and a `list` line gives those below it the numbers of a tensor.
 */
import type {
  ArchitectureDecl,
  Expr,
  GgufItem,
  GgufKeyItem,
  GgufListItem,
} from "../../grammar/ast.js";
import type { GgufHeader } from "../host.js";
import { Builder } from "../ir/build.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { type Environment, withValue } from "./environment.js";
import { ARCHITECTURE, configKey, ggufItem, mustHold, pathOf } from "./gguf-block.js";
import type { Library, Located, ModelShape, Outcome } from "./library.js";
import { namesIn } from "./live.js";
import { rootEnvironment } from "./loss.js";
import { diagnose, mistake, outcome } from "./report.js";
import { fromJson, NULL, toJson, type Value } from "./value.js";

type Config = Readonly<Record<string, unknown>>;
type Json = { [key: string]: unknown };

/** What names of tensors are found under, without numbers of layers: `tensors.blk.attn_q.bias` is null where there is none. */
const TENSORS = "tensors";

const unnumbered = (name: string): string => name.replaceAll(/\.\d+(?=\.)/g, "");

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

/** Whether an expression says yes or no, which config.json spells otherwise than 1 and 0. */
const isYesOrNo = (expr: Expr): boolean =>
  (expr.kind === "name" && (expr.name === "true" || expr.name === "false")) ||
  (expr.kind === "unary" && expr.op === "not") ||
  (expr.kind === "binary" && ["==", "!=", "<", ">", "<=", ">=", "and", "or"].includes(expr.op));

/** Undefined where config.json is to have no such key. */
const jsonOf = (expr: Expr, value: Value): unknown => {
  if (value.kind === "number" && isYesOrNo(expr)) return value.value !== 0;
  return toJson(value) ?? undefined;
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

/** With what a file has under a list's name, and the axis that it goes along. */
const withList = (
  env: Environment,
  item: GgufListItem,
  header: GgufHeader,
  place: ConfigPlace,
): Environment => {
  const found = header.numbers(item.file.value);
  if (found === null) return env;
  if (!found.ok) return mistake("wrong-arguments", place, place.span, { reason: found.reason });
  const { name } = item.axis.name;
  const axes = new Map(env.axes).set(name, { name, size: found.values.length });
  return withValue({ ...env, axes }, item.name.name, fromJson(found.values));
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
    if (item.kind === "gguf-list") env = withList(env, item, header, place);
    if (item.kind === "config") set(item.key.name, jsonOf(item.value, evaluate(env, item.value)));
  }
  for (const item of block?.items ?? [])
    if (item.kind === "require")
      mustHold(env, item, file, place, `GGUF's ${block?.name.value ?? ""}`);
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
