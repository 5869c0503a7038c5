/** What the compiler may ask of the world. The runtime gives an implementation; tests give one in memory. */

export type ReadResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: "missing" | "unreadable" };

export interface Host {
  /** Text of a file beside the spec (a `use`d file): path as resolved by `join`. */
  readText(path: string): ReadResult;
  /** Joins a relative path to the folder of `from`. */
  join(from: string, relative: string): string;
  /** All library sources, by path relative to stdlib ("functions/rope.prune" → text), in order of path. */
  stdlib(): ReadonlyMap<string, string>;
  /** config.json of a model folder (relative to the spec), parsed; `reason` says why not in one line. */
  readConfig(folder: string):
    | {
        readonly ok: true;
        readonly config: Readonly<Record<string, unknown>>;
        readonly text: string;
      }
    | { readonly ok: false; readonly reason: string };
  /** sha256 of a text, in hex. */
  hash(text: string): string;
}
