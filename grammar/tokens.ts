/**
 * The tokens of `.prune` text. Keywords are contextual: every word is an Identifier, operator words among them are
 * their own tokens in that category. Comments and spaces are kept apart; newlines are tokens (lines.ts uses them).
 */
import { createToken, Lexer, type TokenType } from "chevrotain";

const token = (name: string, pattern: RegExp | string, more: object = {}): TokenType =>
  createToken({ name, pattern, ...more });

export const Identifier = token("name", /[A-Za-z_][A-Za-z0-9_]*/);
const word = (text: string): TokenType =>
  token(text, new RegExp(text), { longer_alt: Identifier, categories: [Identifier] });

/** Whether tokens of this type may be names. */
export const isName = (type: TokenType): boolean =>
  type === Identifier || type.CATEGORIES?.includes(Identifier) === true;

export const And = word("and");
export const Or = word("or");
export const Not = word("not");
export const Of = word("of");
export const Step = word("step");

export const NumberToken = token(
  "number",
  /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:[KMBT](?![A-Za-z0-9_]))?/,
);
export const StringToken = token("string", /"(?:[^"\\\n\r]|\\.)*"/);
export const OpenString = token("unclosed string", /"[^"\n\r]*/);
export const Newline = token("end of line", /\r?\n|\r/, { line_breaks: true });
export const Spaces = token("spaces", /[ \t\u00a0\ufeff]+/, { group: Lexer.SKIPPED });
export const Comment = token("comment", /\/\/[^\n\r]*/, { group: "comments" });
export const SlashDash = token("/-", "/-");

export const Arrow = token("->", "->");
export const Range = token("..", "..");
export const Fallback = token("??", "??");
export const AtMost = token("<=", "<=");
export const AtLeast = token(">=", ">=");
export const Equal = token("==", "==");
export const Unequal = token("!=", "!=");
export const Assign = token("=", "=");
export const Less = token("<", "<");
export const Greater = token(">", ">");
export const Plus = token("+", "+");
export const Minus = token("-", "-");
export const Times = token("*", "*");
export const Divide = token("/", "/");
export const Power = token("^", "^");
export const PlusMinus = token("±", "±");
export const Percent = token("%", "%");
export const Dot = token(".", ".");
export const Bar = token("|", "|");
export const Comma = token(",", ",");
export const Colon = token(":", ":");
export const LeftParen = token("(", "(");
export const RightParen = token(")", ")");
export const LeftBracket = token("[", "[");
export const RightBracket = token("]", "]");
export const LeftBrace = token("{", "{");
export const RightBrace = token("}", "}");
/** Stands for a whole `{ … }` inside the line it belongs to; made by lines.ts, never by the lexer. */
export const Block = token("block", Lexer.NA);

export const allTokens: TokenType[] = [
  Newline,
  Spaces,
  Comment,
  SlashDash,
  NumberToken,
  StringToken,
  OpenString,
  And,
  Or,
  Not,
  Of,
  Step,
  Identifier,
  Arrow,
  Range,
  Fallback,
  AtMost,
  AtLeast,
  Equal,
  Unequal,
  Assign,
  Less,
  Greater,
  Plus,
  Minus,
  Times,
  Divide,
  Power,
  PlusMinus,
  Percent,
  Dot,
  Bar,
  Comma,
  Colon,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  Block,
];

export const lexer = new Lexer(allTokens, {
  positionTracking: "onlyOffset",
  ensureOptimizations: false,
  skipValidations: true,
});

/** Units that may follow a number on its line. */
export const UNITS: ReadonlySet<string> = new Set([
  ...["params", "tokens", "windows", "samples", "steps", "documents"],
  ...["bytes", "B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"],
  ...["s", "min", "h", "seconds", "minutes", "hours"],
]);

/** Words that stand between values, so that a minus after one is a sign. */
export const OPERATOR_WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "of", "step"]);
