/**
 * Which launch of a dispatch to use on an adapter: pinned by a journal or lock, else remembered in the cache folder,
 * else measured. Rounding differs between launches, so the choices are part of what a run's bits depend on.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { AdapterReport } from "./adapter.js";
import { cacheFolder } from "./cache.js";

/** Tuning key → index into the launches. */
export type TuningChoices = Readonly<Record<string, number>>;

export interface Tuning {
  /** For tests: the launch to use of those that the device can run, counted round; null to choose. */
  readonly forced: number | null;
  /** False: what is neither pinned nor remembered takes its first launch. */
  readonly measures: boolean;
  /** The index for a key, or null where it must be measured. `kernels` identifies the candidates. */
  readonly known: (key: string, kernels: string) => Promise<number | null>;
  /** Remembers a measured choice; gives the one to use, which is another process's if that was first. */
  readonly remember: (key: string, kernels: string, index: number) => Promise<number>;
  /** Uses a choice in this run without remembering it for others. */
  readonly use: (key: string, index: number) => void;
  /** All choices of this run, as plain JSON: give them to `createTuning` to repeat it. */
  readonly choices: () => Record<string, number>;
}

export interface TuningOptions {
  /** For tests; default $ESPALIER_SCHEDULE. */
  readonly forced?: number | null;
  /** Default true. */
  readonly tune?: boolean;
  /** Where choices are remembered; null remembers nothing. Default: the cache folder. */
  readonly folder?: string | null;
}

const shortHash = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 16);

const adapterKey = ({ kind, vendor, device, driver }: AdapterReport): string =>
  shortHash([kind, vendor, device, driver].join("\n"));

/** What is on disk; anything else than numbers by name is as good as nothing. */
const readChoices = (path: string): Record<string, number> => {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof parsed !== "object" || parsed === null) return {};
    return Object.fromEntries(
      Object.entries(parsed).filter(([, value]) => Number.isInteger(value) && value >= 0),
    );
  } catch {
    return {};
  }
};

/** Whether a test asks for a certain schedule of every family. */
const forcedByEnvironment = (): number | null => {
  const value = Number.parseInt(process.env.ESPALIER_SCHEDULE ?? "", 10);
  return Number.isInteger(value) && value >= 0 ? value : null;
};

/** Tuning for an adapter. `pinned` choices (of a journal or lock) always win. */
export const createTuning = (
  report: AdapterReport,
  pinned: TuningChoices = {},
  options: TuningOptions = {},
): Tuning => {
  const used: Record<string, number> = { ...pinned };
  const measures = options.tune ?? true;

  const file = async (): Promise<string | null> => {
    if (options.folder === null || !measures) return null;
    return join(options.folder ?? (await cacheFolder()), `tuning-${adapterKey(report)}.json`);
  };

  const entry = (key: string, kernels: string): string => `${key} ${shortHash(kernels)}`;

  return {
    forced: options.forced ?? forcedByEnvironment(),
    measures,
    known: async (key, kernels) => {
      const here = used[key];
      if (here !== undefined) return here;
      const path = await file();
      const before = path === null ? undefined : readChoices(path)[entry(key, kernels)];
      if (before !== undefined) used[key] = before;
      return before ?? null;
    },
    remember: async (key, kernels, index) => {
      const path = await file();
      const name = entry(key, kernels);
      const known = path === null ? {} : readChoices(path);
      const chosen = known[name] ?? index;
      used[key] = chosen;
      if (path !== null && known[name] === undefined)
        // A cache that cannot be written costs time, not the run.
        await writeFileAtomic(path, JSON.stringify({ ...known, [name]: chosen })).catch(
          () => undefined,
        );
      return chosen;
    },
    use: (key, index) => {
      used[key] = index;
    },
    choices: () => ({ ...used }),
  };
};
