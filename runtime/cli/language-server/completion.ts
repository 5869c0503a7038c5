/** What may be written at a place: words of declarations and settings, and the names that are known there. */
import { type CompletionItem, CompletionItemKind, MarkupKind } from "vscode-languageserver/node";
import type { Host } from "../../../compiler/host.js";
import { SETTINGS } from "../../../compiler/recipe/settings.js";
import type { SourceFile } from "../../../grammar/ast.js";
import { DECLARATIONS } from "../../../grammar/declarations.js";
import { type Declared, declaredFor, headOf } from "./declared.js";
import { stageAt } from "./names.js";

/** After these words only what was declared by one of those. */
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  loss: ["loss", "function"],
  by: ["criterion"],
  rate: ["schedule"],
  of: ["model", "prune", "distill", "search"],
  from: ["model", "prune", "distill", "search"],
  export: ["model", "prune", "distill", "search"],
  on: ["data"],
  using: ["score"],
};

/** Names that no spec writes. */
const UNWRITTEN = ["architecture", "profile"];

const KINDS: Readonly<Record<string, CompletionItemKind>> = {
  param: CompletionItemKind.Constant,
  let: CompletionItemKind.Constant,
  data: CompletionItemKind.Variable,
  score: CompletionItemKind.Variable,
  model: CompletionItemKind.Variable,
  prune: CompletionItemKind.Variable,
  distill: CompletionItemKind.Variable,
  search: CompletionItemKind.Variable,
};

const itemOf = (declared: Declared): CompletionItem => ({
  label: declared.name,
  kind: KINDS[declared.keyword] ?? CompletionItemKind.Function,
  detail: headOf(declared).split("\n")[0] ?? declared.name,
  ...(declared.doc === null
    ? {}
    : { documentation: { kind: MarkupKind.Markdown, value: declared.doc } }),
});

const words = (labels: readonly string[]): CompletionItem[] =>
  labels.map((label) => ({ label, kind: CompletionItemKind.Keyword }));

const settingsOf = (keyword: keyof typeof SETTINGS): CompletionItem[] =>
  Object.entries(SETTINGS[keyword]).map(([label, { example }]) => ({
    label,
    kind: CompletionItemKind.Property,
    detail: example,
  }));

/** Of several declarations of a name, as of a criterion and a function, each; of equal ones the first. */
const distinct = (items: readonly CompletionItem[]): CompletionItem[] => [
  ...new Map(items.map((item) => [`${item.label} ${item.detail ?? ""}`, item])).values(),
];

export const completionsAt = (
  file: SourceFile,
  offset: number,
  host: Host,
): readonly CompletionItem[] => {
  const before = file.text.slice(0, offset);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const typed = line.replace(/[\w.]*$/, "");
  const stage = stageAt(file, offset);
  const isHead = /^\s*$/.test(typed) || /[{;]\s*$/.test(typed);
  if (isHead && stage?.body != null && before.length > (stage.keywordSpan.end ?? 0))
    return settingsOf(stage.keyword);
  if (isHead) return words(DECLARATIONS);
  const word = [...typed.matchAll(/[A-Za-z_]+/g)].map(([found]) => found);
  const last = word.findLast((found) => found in TAKEN);
  const keywords = last === undefined ? null : (TAKEN[last] ?? null);
  const declared = declaredFor(file, host).filter(({ keyword }) =>
    keywords === null ? !UNWRITTEN.includes(keyword) : keywords.includes(keyword),
  );
  return distinct(declared.map(itemOf));
};
