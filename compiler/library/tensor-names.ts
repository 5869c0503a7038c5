/** What tensors of weights are called in files. */
import type { ModelShape } from "./library.js";

/** The name of a layer's tensor; outside of layers a name stands for itself. */
export const tensorName = (name: string, layer: number | null): string =>
  layer === null ? name : name.replaceAll("{layer}", String(layer));

/** How tensors' names begin that files may also write without it; "" where they may not. */
export const prefixOf = ({ architecture }: ModelShape): string =>
  architecture.decl.items.find((item) => item.kind === "prefix")?.text.value ?? "";
