/** The words that the grammar and the library know, from where they are known. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtins } from "../compiler/library/builtins.js";
import { SETTINGS } from "../compiler/recipe/settings.js";
import { CLAUSES, DECLARATIONS } from "../grammar/declarations.js";
import { OPERATOR_WORDS, UNITS } from "../grammar/tokens.js";

export interface Words {
  readonly declarations: readonly string[];
  readonly clauses: readonly string[];
  /** Words that lines within a declaration begin with or have between values. */
  readonly lines: readonly string[];
  readonly settings: readonly string[];
  readonly operators: readonly string[];
  readonly units: readonly string[];
  readonly builtins: readonly string[];
}

/** Keywords are contextual: a parser asks for each where it may stand. */
const askedFor = (text: string): readonly string[] =>
  [...text.matchAll(/\.(?:word|isWord|skipWord)\("([a-z]+)"\)/g)].map(([, word = ""]) => word);

const wordsIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => askedFor(readFileSync(join(folder, name), "utf8")));

const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort();

/** `root` is the project's folder. */
export const wordsOf = (root: string): Words => {
  const lines = wordsIn(join(root, "grammar"));
  const known = [...DECLARATIONS, ...CLAUSES, ...OPERATOR_WORDS];
  return {
    declarations: sorted(DECLARATIONS),
    clauses: sorted(CLAUSES),
    lines: sorted(lines.filter((word) => !known.includes(word) || word === "weight")),
    settings: sorted(Object.values(SETTINGS).flatMap((stage) => Object.keys(stage))),
    operators: sorted(OPERATOR_WORDS),
    units: sorted(UNITS),
    builtins: sorted(builtins),
  };
};
