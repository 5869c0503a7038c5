/**
 * What must hold of every layer's own entries of lists that GGUF has no word for: `each layer { require … }`. Where only the
 * run decides which layers stay, what may be in each place is worked out, for the run to look at.
 */
import type { GgufEachItem, GgufItem } from "../../grammar/ast.js";
import type { LayerRule } from "../plan.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { type Environment, withValue, withValues } from "./environment.js";
import { blockEnvironment, blockOf, mustHold } from "./gguf-block.js";
import type { ModelShape, Outcome } from "./library.js";
import { namesIn } from "./live.js";
import { outcome } from "./report.js";
import { isTrue, NULL, numberValue, toJson, type Value } from "./value.js";

type Entries = readonly (readonly [string, Value])[];

const isEach = (item: GgufItem["items"][number]): item is GgufEachItem => item.kind === "gguf-each";

const layersOf = ({ axes }: ModelShape, axis: string): number =>
  axes.find(({ name }) => name === axis)?.size ?? 0;

/** The number of a layer, and its entries of all lists. */
const atLayer = (
  env: Environment,
  { layerLists }: ModelShape,
  axis: string,
  layer: number,
): Environment =>
  withValues(withValue(env, axis, numberValue(layer)), [
    ...[...layerLists].map(([key, entries]) => [key, entries[layer] ?? NULL] as const),
  ]);

const jsonOf = (entries: Entries): readonly unknown[] => entries.map(([, value]) => toJson(value));

/** What layers have under some keys, each once. */
const kindsOf = ({ layerLists }: ModelShape, keys: readonly string[], layers: number) => {
  const kinds = new Map<string, Entries>();
  for (let layer = 0; layer < layers; layer++) {
    const own: Entries = keys.map((key) => [key, layerLists.get(key)?.[layer] ?? NULL]);
    kinds.set(JSON.stringify(jsonOf(own)), own);
  }
  return [...kinds.values()];
};

const ruleOf = (
  env: Environment,
  shape: ModelShape,
  item: GgufEachItem,
  keys: readonly string[],
): LayerRule => {
  const layers = layersOf(shape, item.axis.name);
  const kinds = kindsOf(shape, keys, layers);
  const fits = Array.from({ length: layers }, (_, layer) => {
    const own = atLayer(env, shape, item.axis.name, layer);
    return kinds
      .filter((kind) => {
        const there = withValues(own, kind);
        return item.items.every(({ condition }) => isTrue(evaluate(there, condition)));
      })
      .map(jsonOf);
  });
  return { keys, fits };
};

/** What the run must find of layers of which it decides which stay; what is known already is refused where it does not hold. */
export const ggufLayers = (shape: ModelShape, place: ConfigPlace): Outcome<LayerRule[]> =>
  outcome(() => {
    const block = blockOf(shape, place);
    const env = blockEnvironment(shape, block);
    const { file } = shape.architecture;
    return block.items.filter(isEach).flatMap((item): LayerRule[] => {
      const keys = namesIn(item).filter((name) => shape.undecided.has(name));
      if (keys.length > 0) return [ruleOf(env, shape, item, keys)];
      for (let layer = 0; layer < layersOf(shape, item.axis.name); layer++) {
        const own = atLayer(env, shape, item.axis.name, layer);
        for (const inner of item.items) mustHold(own, inner, file, place, "GGUF");
      }
      return [];
    });
  });
