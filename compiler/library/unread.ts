/** Keys of a config.json that its architecture does not look at: what they ask for is not done. */
import type { ArchitectureItem, Declaration } from "../../grammar/ast.js";
import type { ModelShape } from "./library.js";
import { namesIn } from "./live.js";

/** Keys that some lines say change nothing. */
export const ignoredIn = (lines: readonly (ArchitectureItem | Declaration)[]): readonly string[] =>
  lines.flatMap((line) =>
    line.kind === "ignore-config"
      ? line.keys.map((key) => ("value" in key ? key.value : key.name))
      : [],
  );

/** Keys that an item reads, or writes. How GGUF files spell a model says nothing of a folder. */
const knownTo = (item: ArchitectureItem): readonly string[] => {
  if (item.kind === "gguf") return [];
  const written = item.kind === "config" ? [item] : [];
  const listed = item.kind === "each-item" ? item.items : [];
  const keys = [...written, ...listed].flatMap((inner) =>
    inner.kind === "config" ? [inner.key.name] : [],
  );
  return [...keys, ...namesIn(item)];
};

/** Null, and a list or an object of nothing, ask for nothing. */
const asks = (value: unknown): boolean =>
  value !== null && (typeof value !== "object" || Object.keys(value).length > 0);

/** Keys that ask for something which the architecture neither reads nor ignores, in their order. */
export const unreadKeys = ({
  library,
  architecture,
  config,
}: Pick<ModelShape, "library" | "architecture" | "config">): readonly string[] => {
  const { items } = architecture.decl;
  const known = new Set([...library.ignoredKeys, ...ignoredIn(items), ...items.flatMap(knownTo)]);
  return Object.entries(config).flatMap(([key, value]) =>
    asks(value) && !known.has(key) ? [key] : [],
  );
};
