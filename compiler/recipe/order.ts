/** Diagnostics as they are shown: sorted, each once, without those that only follow from a syntax error. */
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Code } from "./report.js";

/** What a line that could not be read would have said. */
const FOLLOWING: ReadonlySet<string> = new Set([
  "unknown-name",
  "missing-setting",
  "missing-clause",
  "setting-form",
  "unknown-source",
  "nothing-scored",
  "nothing-measured",
  "not-evaluated",
  "unscored-axis",
  "unknown-param",
  "unknown-profile-path",
] satisfies Code[]);

const identity = (d: Diagnostic): string =>
  JSON.stringify([d.path, d.span.start, d.span.end, d.code, d.message]);

const unique = (diagnostics: readonly Diagnostic[]): Diagnostic[] => [
  ...new Map(diagnostics.map((d) => [identity(d), d])).values(),
];

/** By position, those of `first` before those of other files. */
export const settled = (
  diagnostics: readonly Diagnostic[],
  first: string,
  unreadable: boolean,
): Diagnostic[] => {
  const rank = (d: Diagnostic): string => (d.path === first ? "" : d.path);
  const told = unreadable ? diagnostics.filter((d) => !FOLLOWING.has(d.code)) : diagnostics;
  return unique(told).sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(a) < rank(b) ? -1 : 1;
    return a.span.start - b.span.start || a.span.end - b.span.end;
  });
};
