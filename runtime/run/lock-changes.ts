/** What has changed since a lock was written, in words. */
import { basename } from "node:path";
import { type InputHash, type Lock, type LockInputs, lockPath } from "./lock.js";

type Texts = Readonly<Record<string, string>>;

/** Names whose value is another, is gone or is new. */
const differing = (before: Texts, now: Texts): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => before[name] !== now[name])
    .sort();

const hashes = (files: Readonly<Record<string, readonly InputHash[]>>): Texts =>
  Object.fromEntries(
    Object.values(files)
      .flat()
      .map(({ path, sha256 }) => [path, sha256]),
  );

const step = (what: string, before: string | undefined, now: string | undefined): string =>
  `${what} ${before ?? "none"} -> ${now ?? "none"}`;

/** Each change in a few words: files by their path, values with what they were and are. */
export const changesSince = (before: LockInputs, now: LockInputs): string[] => {
  const valued = (what: string, old: Texts, current: Texts): string[] =>
    differing(old, current).map((name) => step(`${what}${name}`, old[name], current[name]));
  const files = (lock: LockInputs): Texts => ({
    ...lock.sources,
    ...hashes(lock.models),
    ...hashes(lock.data),
  });
  return [
    ...differing(files(before), files(now)),
    ...(before.seed === now.seed ? [] : [step("seed", `${before.seed}`, `${now.seed}`)]),
    ...valued("param ", before.settings, now.settings),
    ...valued("", before.versions, now.versions),
    ...(before.adapter === now.adapter ? [] : [step("adapter", before.adapter, now.adapter)]),
  ];
};

/** Names shown of a longer list. */
const SHOWN = 5;

/** One line for people, or null where nothing has changed. */
export const changesLine = (spec: string, before: LockInputs, now: LockInputs): string | null => {
  const changes = changesSince(before, now);
  if (changes.length === 0) return null;
  const more = changes.length > SHOWN ? ` and ${changes.length - SHOWN} more` : "";
  return `changed since ${basename(lockPath(spec))}: ${changes.slice(0, SHOWN).join(", ")}${more}`;
};

/**
 * The launches to begin with: those of a lock whose programs and adapter are the same, so that the bits are too;
 * a journal's own come first.
 */
export const pinnedTuning = (
  before: Lock | null,
  now: Pick<LockInputs, "plan" | "adapter">,
  journal: Lock["tuning"],
): Lock["tuning"] =>
  before !== null && before.plan === now.plan && before.adapter === now.adapter
    ? { ...before.tuning, ...journal }
    : journal;

/** What is said where nothing has changed but the results; null where they are the same. */
export const differenceLine = (spec: string, before: Lock, now: Lock): string | null => {
  const differ = differing(before.results, now.results);
  if (differ.length === 0 || changesSince(before, now).length > 0) return null;
  return `warning: other results than in ${basename(lockPath(spec))} from the same inputs: ${differ.join(", ")}`;
};
