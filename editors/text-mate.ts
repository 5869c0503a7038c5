/** The grammar of tokens as TextMate has it: regular expressions with the scopes that themes colour. */
import type { TokenType } from "chevrotain";
import * as t from "../grammar/tokens.js";
import type { Words } from "./words.js";

const any = (words: readonly string[]): string => `(?:${words.join("|")})`;

const sourceOf = ({ PATTERN }: TokenType): string =>
  PATTERN instanceof RegExp ? PATTERN.source : String(PATTERN);

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/** Between values; the longest first. */
const OPERATORS: readonly TokenType[] = [
  ...[t.Arrow, t.Range, t.Fallback, t.AtMost, t.AtLeast, t.Equal, t.Unequal, t.Assign],
  ...[
    t.Less,
    t.Greater,
    t.Plus,
    t.Minus,
    t.Times,
    t.Divide,
    t.Power,
    t.PlusMinus,
    t.Percent,
    t.Bar,
  ],
];

const NAME = sourceOf(t.Identifier);

const comments = {
  patterns: [
    { name: "comment.line.documentation.prune", match: "///.*$" },
    { name: "comment.line.double-slash.prune", match: "//.*$" },
    { name: "comment.line.disabled.prune", match: `${escaped(sourceOf(t.SlashDash))}.*$` },
  ],
};

const strings = {
  name: "string.quoted.double.prune",
  begin: '"',
  end: '"|$',
  patterns: [
    { name: "constant.character.escape.prune", match: "\\\\." },
    { name: "variable.other.placeholder.prune", match: `\\{${NAME}\\}` },
  ],
};

const numbers = ({ units }: Words) => ({
  match: `(?<![\\w])(${sourceOf(t.NumberToken)})(?:[ \\t]*(${any(units)})\\b|([ \\t]*%))?`,
  captures: {
    1: { name: "constant.numeric.prune" },
    2: { name: "keyword.other.unit.prune" },
    3: { name: "keyword.other.unit.prune" },
  },
});

/** After a word that is no name there: what it takes, and no `=`, `(` or `.`. */
const AHEAD = '(?=[ \\t]+["A-Za-z_0-9]|[ \\t]*\\{|[ \\t]*$)';

/** After a declaration's word and name. */
const BEHIND_NAME = '(?=[ \\t]+["A-Za-z_0-9]|[ \\t]*[{=\\[(,.]|[ \\t]*$)';

const declarations = (words: Words) => ({
  match: `^((?:private[ \\t]+)?${any(words.declarations)})\\b(?:[ \\t]+(${NAME}))?${BEHIND_NAME}`,
  captures: {
    1: { name: "keyword.control.declaration.prune" },
    2: { name: "entity.name.prune" },
  },
});

const lines = (words: Words) => ({
  match: `(?:^|(?<=[{;]))[ \\t]*(${any([...words.lines, ...words.settings])})\\b${AHEAD}`,
  captures: { 1: { name: "keyword.other.setting.prune" } },
});

/** Between values of a line. */
const between = (words: Words) => ({
  name: "keyword.other.prune",
  match: `(?<=[ \\t])${any([...words.clauses, ...words.lines])}\\b(?=[ \\t]+["A-Za-z_0-9(-])(?![ \\t]*[=:])`,
});

const calls = (words: Words) => ({
  patterns: [
    { name: "support.function.prune", match: `\\b${any(words.builtins)}\\b(?=[ \\t]*[\\[(])` },
    { name: "entity.name.function.prune", match: `\\b${NAME}(?=\\(|\\[[^\\]\\n]*\\]\\()` },
  ],
});

export const textMate = (words: Words) => ({
  name: "prune",
  scopeName: "source.prune",
  fileTypes: ["prune"],
  patterns: [
    comments,
    strings,
    declarations(words),
    lines(words),
    { name: "keyword.operator.word.prune", match: `\\b${any(words.operators)}\\b` },
    between(words),
    calls(words),
    numbers(words),
    { name: "constant.language.prune", match: "\\b(?:true|false|null|none)\\b" },
    {
      name: "keyword.operator.prune",
      match: OPERATORS.map((operator) => escaped(sourceOf(operator))).join("|"),
    },
    { name: "variable.other.prune", match: NAME },
  ],
});

/** As it stands in syntaxes/. */
export const textMateText = (words: Words): string =>
  `${JSON.stringify(textMate(words), null, 2)}\n`;
