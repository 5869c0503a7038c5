/** The editors' grammar is the one that the parser's words and tokens give, and colours our files as the parser reads them. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import oniguruma from "vscode-oniguruma";
import textmate, { type IGrammar } from "vscode-textmate";
import { textMateText } from "../../editors/text-mate.js";
import { wordsOf } from "../../editors/words.js";
import { parse } from "../../grammar/parse.js";
import { lexer, NumberToken, StringToken } from "../../grammar/tokens.js";

const root = resolve(import.meta.dirname, "../..");
const extension = join(root, "editors/vscode");
const read = (path: string): string => readFileSync(path, "utf8");
const written = (): string => read(join(extension, "syntaxes/prune.tmLanguage.json"));

const files = ["examples", "stdlib"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".prune"))
    .map((name) => join(folder, name)),
);

let grammar: IGrammar;
beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
  await oniguruma.loadWASM(readFileSync(wasm));
  const { createOnigScanner, createOnigString } = oniguruma;
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => createOnigScanner(patterns),
      createOnigString: (text) => createOnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(written(), "prune.json"),
  });
  const loaded = await registry.loadGrammar("source.prune");
  if (loaded === null) throw new Error("no grammar");
  grammar = loaded;
});

/** The innermost scope of each character of a text. */
const scopesOf = (text: string): readonly string[] => {
  let stack = textmate.INITIAL;
  return text.split("\n").flatMap((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    stack = ruleStack;
    const scopes = Array<string>(line.length + 1).fill("");
    for (const { startIndex, endIndex, scopes: all } of tokens)
      scopes.fill(all.at(-1) ?? "", startIndex, Math.min(endIndex, line.length));
    return scopes;
  });
};

test("it is current: npm run editors writes it anew", () => {
  expect(written()).toBe(textMateText(wordsOf(root)));
});

test("the extension names files that are there, for files that end in .prune", () => {
  const { contributes } = JSON.parse(read(join(extension, "package.json")));
  const [language] = contributes.languages;
  expect(language.extensions).toEqual([".prune"]);
  expect(JSON.parse(read(join(extension, language.configuration))).comments.lineComment).toBe("//");
  expect(JSON.parse(read(join(extension, contributes.grammars[0].path))).scopeName).toBe(
    contributes.grammars[0].scopeName,
  );
});

describe("a line in its colours", () => {
  test.each<[string, readonly (readonly [string, string])[]]>([
    [
      "distill healed = student from teacher on speeches {",
      [
        ["distill", "keyword.control.declaration"],
        ["healed", "entity.name"],
        ["student", "variable.other"],
        ["from", "keyword.other"],
        ["on", "keyword.other"],
      ],
    ],
    [
      "  loss kld(temperature: 1) + 0.1 * cross_entropy()",
      [
        ["loss", "keyword.other.setting"],
        ["kld", "entity.name.function"],
        ["temperature", "variable.other"],
        ["0.1", "constant.numeric"],
        ["*", "keyword.operator"],
      ],
    ],
    [
      "  stop 40K tokens // as the paper",
      [
        ["stop", "keyword.other.setting"],
        ["40K", "constant.numeric"],
        ["tokens", "keyword.other.unit"],
        ["// as", "comment.line.double-slash"],
      ],
    ],
    [
      '  weight q "layers.{layer}.q" [head dim, hidden] when bias ?? false',
      [
        ["weight", "keyword.other.setting"],
        ["layers", "string.quoted.double"],
        ["{layer}", "variable.other.placeholder"],
        ["when", "keyword.other"],
        ["??", "keyword.operator"],
        ["false", "constant.language"],
      ],
    ],
    [
      "    stop = sum[hidden](x * x)",
      [
        ["stop", "variable.other"],
        ["sum", "support.function"],
        ["hidden", "variable.other"],
      ],
    ],
  ])("%s", (line, expected) => {
    const scopes = scopesOf(line);
    for (const [part, scope] of expected)
      expect(scopes[line.indexOf(part)], part).toMatch(new RegExp(`^${scope}\\b`));
  });
});

test("there are files to colour", () => {
  expect(files.length).toBeGreaterThan(30);
});

describe.each(files)("%s", (path) => {
  const text = read(join(root, path));

  test("has the comments, texts and numbers that the lexer reads", () => {
    const scopes = scopesOf(text);
    const { tokens, groups } = lexer.tokenize(text);
    for (const { startOffset } of groups.comments ?? [])
      expect(scopes[startOffset]).toMatch(/^comment\./);
    for (const { startOffset, endOffset, tokenType, image } of tokens) {
      const scope = scopes[startOffset] ?? "";
      if (tokenType === StringToken)
        for (const at of [startOffset, endOffset ?? startOffset])
          expect(scopes[at], image).toMatch(/^string\./);
      else expect(scope, image).not.toMatch(/^(?:string|comment)\./);
      if (tokenType === NumberToken) expect(scope, image).toMatch(/^constant\.numeric/);
    }
  });

  test("has its declarations' words as keywords", () => {
    const scopes = scopesOf(text);
    for (const { span } of parse(path, text).file.declarations)
      expect(scopes[span.start], text.slice(span.start, span.end)).toMatch(
        /^keyword\.control\.declaration/,
      );
  });
});
