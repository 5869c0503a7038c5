/** Gives peers `navigator.gpu`: the adapter that Espalier would use, through the same Dawn with the same toggles. */
import { chooseAdapter } from "../../runtime/adapter.js";
import { dawnSources } from "../../runtime/dawn.js";
import { waitFor } from "../../runtime/wait.js";
import type { ContestantOptions } from "../contestant.js";

/** How a peer waits: with Espalier's slowed pump, or as it would by itself. */
export type Wait = <T>(pending: Promise<T>) => Promise<T>;

/** Iterator helpers that jax-js calls and Node 20 has not. */
const addIteratorHelpers = (): void => {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const map = function (this: Iterable<unknown>, by: (value: unknown, index: number) => unknown) {
    return Array.from(this, by);
  };
  if (!("map" in prototype))
    Object.defineProperty(prototype, "map", { value: map, writable: true, configurable: true });
};

export const provideNavigator = async (options: ContestantOptions): Promise<Wait> => {
  const { offer } = await chooseAdapter(options.adapter, dawnSources);
  const { globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = {
    requestAdapter: async () => offer.adapter,
    getPreferredCanvasFormat: () => "bgra8unorm",
  };
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "node", language: "en" },
    configurable: true,
  });
  addIteratorHelpers();
  return options.slowPump ? waitFor : (pending) => pending;
};

/** The version of an installed package. */
export const versionOf = async (name: string): Promise<string> => {
  const { createRequire } = await import("node:module");
  const { readFile } = await import("node:fs/promises");
  const { dirname, join } = await import("node:path");
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    const manifest = JSON.parse(
      await readFile(join(folder, "package.json"), "utf8").catch(() => "{}"),
    ) as { name?: string; version?: string };
    if (manifest.name === name) return manifest.version ?? "?";
    const parent = dirname(folder);
    if (parent === folder) return "?";
    folder = parent;
  }
};
