/** A config.json of small sizes, made up so that an architecture can be tried without a model of it. */
import type { ArchitectureDecl, AxisItem } from "../../grammar/ast.js";
import { distanceWithin } from "../../grammar/suggest.js";
import type { Axis } from "../ir/tensor.js";
import { axesIn } from "../library/architecture.js";
import { builtins } from "../library/builtins.js";
import { functionNamed } from "../library/elaborate.js";
import type { Library, Located } from "../library/library.js";
import { keyOf } from "../library/resize.js";
import { expressionsOn, localsOf, partsOf } from "./names.js";

type Config = Readonly<Record<string, number>>;
type Architecture = Located<ArchitectureDecl>;

/** Powers of two, so that quotients of them are whole where the first is the larger. */
const SIZES = [8, 16, 4];

/** Two layers: the second meets what the first leaves. */
const LAYERS = 2;

/** Keys whose sizes are tried in every combination. */
const MOST_KEYS = 7;

const axisItems = ({ decl }: Architecture): readonly AxisItem[] =>
  decl.items.filter((item): item is AxisItem => item.kind === "axis");

const layerKey = (architecture: Architecture): string | null => {
  const each = architecture.decl.items.find((item) => item.kind === "each-item");
  const axis = axisItems(architecture).find(
    ({ name }) => each?.kind === "each-item" && name.name === each.axis.name,
  );
  return axis === undefined ? null : keyOf(axis.value);
};

/** Keys that sizes follow from, but that of the layers. */
const sizeKeys = (library: Library, architecture: Architecture): string[] => {
  const items = axisItems(architecture);
  const axes = new Set(items.map(({ name }) => name.name));
  const { names } = partsOf(items.map(({ value }) => value));
  const layers = layerKey(architecture);
  const isFunction = (name: string): boolean =>
    builtins.has(name) || functionNamed(library, architecture.file, name) !== undefined;
  const keys = names
    .map(({ name }) => name)
    .filter((name) => !axes.has(name) && name !== layers && !isFunction(name));
  return [...new Set(keys)];
};

const combinations = function* (keys: readonly string[]): Generator<Config> {
  const [key, ...rest] = keys;
  if (key === undefined) {
    yield {};
    return;
  }
  for (const others of combinations(rest))
    for (const size of SIZES) yield { [key]: size, ...others };
};

/** Whether no axis is so small that it hides what happens along it, nor odd where units come in pairs. */
const isTelling = (architecture: Architecture, axes: readonly Axis[]): boolean =>
  axes.every(({ size }) => size > 1 && size <= 256) &&
  axisItems(architecture).every(
    ({ name, pairs }) =>
      pairs === null || (axes.find((a) => a.name === name.name)?.size ?? 1) % 2 === 0,
  );

/**
 * Keys of config.json that the forward pass, shares of pairs and `config` lines name as if they were always there. A name
 * that is hardly another than one of the pass' own is none of them, but a slip.
 */
const plainKeys = (library: Library, { file, decl }: Architecture): readonly string[] => {
  const forward = decl.items.filter((item) => item.kind === "forward");
  const locals = new Set(localsOf(decl));
  const shares = decl.items.flatMap((item) =>
    item.kind === "axis" && item.pairs !== null && item.pairs.share !== null
      ? [item.pairs.share]
      : [],
  );
  const written = decl.items.flatMap((item) => (item.kind === "config" ? [item.value] : []));
  const { names } = partsOf([
    ...shares,
    ...written,
    ...forward.flatMap(({ body }) => expressionsOn(body.lines)),
  ]);
  return names
    .map(({ name }) => name)
    .filter((name) => !locals.has(name) && !builtins.has(name))
    .filter((name) => functionNamed(library, file, name) === undefined)
    .filter((name) => !isOptional(file.text, name) && !distanceWithin(name, locals, 2));
};

const isOptional = (text: string, key: string): boolean =>
  new RegExp(`\\b${key}\\s*\\?\\?|\\b${key}\\.`).test(text) ||
  ["null", "true", "false"].includes(key);

/** Null where no small sizes give every axis a size. */
export const madeUpConfig = (
  library: Library,
  architecture: Architecture,
): Readonly<Record<string, unknown>> | null => {
  const keys = sizeKeys(library, architecture);
  if (keys.length > MOST_KEYS) return null;
  const layers = layerKey(architecture);
  const plain = Object.fromEntries(plainKeys(library, architecture).map((key) => [key, 1]));
  const place = { path: architecture.file.path, span: architecture.decl.name.span };
  for (const sizes of combinations(keys)) {
    const config = { ...plain, ...sizes, ...(layers === null ? {} : { [layers]: LAYERS }) };
    const axes = axesIn(library, architecture, config, place);
    if (axes.ok && isTelling(architecture, axes.value)) return config;
  }
  return null;
};
