/** Tokens that are a node by themselves: names, numbers with their magnitude, strings with their escapes. */
import type { IToken } from "chevrotain";
import type { Name, NumberExpr, StringExpr } from "./ast.js";
import { spanOf } from "./lines.js";

const SUFFIX: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

export const nameOf = (token: IToken): Name => ({
  kind: "name",
  name: token.image,
  span: spanOf(token),
});

export const numberOf = (token: IToken): NumberExpr => {
  const scale = SUFFIX[token.image.slice(-1)];
  const value =
    scale === undefined ? Number(token.image) : Number(token.image.slice(0, -1)) * scale;
  return { kind: "number", value, text: token.image, span: spanOf(token) };
};

export const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\" };

export const stringOf = (token: IToken): StringExpr => ({
  kind: "string",
  value: token.image.slice(1, -1).replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c),
  span: spanOf(token),
});
