/** Keys of config.json that hold a list with an entry for each layer, as `config KEY = …` within `each` says. */
import type { ConfigItem } from "../../grammar/ast.js";
import { evaluate } from "./elaborate.js";
import { type Environment, withValue } from "./environment.js";
import type { ModelShape } from "./library.js";
import { mistake } from "./report.js";
import { fromJson, NULL, numberValue, toJson, type Value } from "./value.js";

/** The entries of each such key, by key. */
export type LayerLists = ReadonlyMap<string, readonly Value[]>;

type Sized = Pick<ModelShape, "architecture" | "config" | "axes">;

export interface Place {
  readonly path: string;
  readonly span: { readonly start: number; readonly end: number };
}

const itemsOf = ({ architecture }: Pick<ModelShape, "architecture">) =>
  architecture.decl.items.flatMap((item) =>
    item.kind === "each-item"
      ? item.items
          .filter((inner): inner is ConfigItem => inner.kind === "config")
          .map((inner) => ({ axis: item.axis.name, key: inner.key.name, value: inner.value }))
      : [],
  );

/** What config.json has for each layer; null where it has no list. */
const listIn = (
  shape: Sized,
  key: string,
  layers: number,
  place: Place,
): readonly Value[] | null => {
  const found = fromJson(shape.config[key]);
  if (found.kind !== "list") return null;
  const entries = found.items.length;
  if (entries !== layers)
    return mistake("config-layers", place, place.span, { key, entries, layers });
  return found.items;
};

/** Reads the lists: in an item's expression its key is the layer's entry (null without a list), and the axis its number. */
export const readLayerLists = (env: Environment, shape: Sized, place: Place): LayerLists => {
  const lists = new Map<string, readonly Value[]>();
  for (const { axis, key, value } of itemsOf(shape)) {
    const layers = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
    const found = listIn(shape, key, layers, place);
    const entries = Array.from({ length: layers }, (_, layer) => {
      const own = withValue(env, axis, numberValue(layer));
      return evaluate(withValue(own, key, found?.[layer] ?? NULL), value);
    });
    lists.set(key, entries);
  }
  return lists;
};

/** Whether all layers have the same entry, so that it does not matter which of them stay. */
export const isUniform = (entries: readonly Value[]): boolean =>
  new Set(entries.map((entry) => JSON.stringify(toJson(entry)))).size <= 1;

/** Whether the same entries are left whichever run of layers goes, so that `layers` stay. */
export const sameWithoutRun = (entries: readonly Value[], layers: number): boolean => {
  const length = entries.length - layers;
  const left = Array.from({ length: layers + 1 }, (_, start) =>
    JSON.stringify(entries.filter((_, at) => at < start || at >= start + length).map(toJson)),
  );
  return new Set(left).size === 1;
};

/** As they stand in config.json; lists of nothing are left out. */
export const listsInConfig = (lists: LayerLists): Readonly<Record<string, readonly unknown[]>> =>
  Object.fromEntries(
    [...lists].flatMap(([key, entries]) =>
      entries.every(({ kind }) => kind === "null") ? [] : [[key, entries.map(toJson)]],
    ),
  );
