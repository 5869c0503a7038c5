/** Broken sources: what is said, where, and that what follows from a mistake stays quiet. */
import { expect, test } from "vitest";
import { syntaxMessages } from "../../grammar/messages/syntax.js";
import { parse } from "../../grammar/parse.js";
import { render } from "../../grammar/render.js";
import { placed, unmarked } from "../check/sotu.js";

/** `«` and `»` mark where diagnostics belong; codes in their order. */
type Case = readonly [name: string, codes: readonly string[], text: string];

const CASES: readonly Case[] = [
  ["no assignment", ["unexpected-text"], "param budget «800K» params\n"],
  ["no value", ["unexpected-end"], "let grain =«»\n"],
  ["operator without its right side", ["unexpected-end"], "let grain = 2 *«» // why\n"],
  ["two operators", ["unexpected-text"], "let grain = 2 * «/» 3\n"],
  ["edition that is no number", ["unexpected-text"], 'edition «"one"»\n'],
  ["two statements on a line", ["expected-newline"], "edition 1 «use» minitron\n"],
  [
    "settings parted as elsewhere",
    ["unexpected-text", "unknown-character"],
    'data a = text("a") { window 256«,» take 8 windows }\ndata b = text("b") { window 256«;» }\n',
  ],
  ["block after a value", ["expected-newline"], "let grain = 2 «{ 3 }»\n"],
  [
    "misspelt stage, its lines unread",
    ["unknown-declaration"],
    "«destill» h = s from t on d {\n  stop = = 3\n}\n",
  ],
  ["a word like nothing", ["unknown-declaration"], "«zzz» 1\n"],
  ["number at the top", ["unexpected-text"], "«12»\n"],
  [
    "unknown characters",
    ["unknown-character", "unknown-character"],
    "let a = 1«;»\nlet b = «#»2\n",
  ],
  [
    "unclosed string",
    ["unclosed-string"],
    'model teacher = open(«"models/x)»\ndata d = text("y") { window 8 }\n',
  ],
  [
    "unclosed string before a block",
    ["unclosed-string"],
    'data d = text(«"y) {»\n  window 8\n  take 2 windows\n}\nedition 1\n',
  ],
  [
    "unclosed bracket",
    ["unclosed-bracket"],
    'model teacher = open«(»"models/x"\ndata d = text("y") { window 8 }\n',
  ],
  [
    "unclosed bracket in a block",
    ["unclosed-bracket"],
    "expect {\n  params«(»a <= 3\n  params(b) <= 4\n}\nedition 1\n",
  ],
  [
    "unclosed bracket over lines",
    ["unclosed-bracket", "unexpected-end"],
    "let a = max«(»1,\n  2,\n  min(3, 4)\nlet b =«»\n",
  ],
  [
    "unclosed bracket before a block",
    ["unclosed-bracket"],
    "score m of t on «(»d {\n  take 3 windows\n}\nedition 1\n",
  ],
  ["unclosed block", ["unclosed-bracket"], "edition 1\nprofile smoke «{»\n  grain = 3\n"],
  ["block closed twice", ["stray-bracket"], "profile smoke {\n  grain = 3\n}\n«}»\nedition 1\n"],
  ["brackets of two kinds", ["stray-bracket"], "let a = max(1«]», 2)\n"],
  ["nested too deep", ["too-deep"], `let a = ${"(".repeat(64)}«(»1${")".repeat(65)}\n`],
  [
    "too many operators",
    ["too-long"],
    `let a = 1${" + 1".repeat(500)} «+» 1${" + 1".repeat(30)}\n`,
  ],
  ["profile without a block", ["missing-block"], "profile smoke«»\n"],
  ["expect on one line", ["unexpected-text"], "expect «params»(a) <= 3\n"],
  [
    "setting that begins with a number",
    ["unexpected-text"],
    "score m of t on d {\n  «64» windows\n  take 64 windows\n}\n",
  ],
  [
    "architecture's line",
    ["unexpected-text"],
    'architecture a for "A" {\n  «axes» layer = n\n  axis layer = n\n}\n',
  ],
  [
    "weight without axes",
    ["unexpected-text"],
    'architecture a for "A" {\n  weight w "w" «when» x\n}\n',
  ],
  ["tap without its axis", ["unexpected-text"], "metric m {\n  tap «:» x\n  x\n}\n"],
  ["criterion of something else", ["unexpected-text"], "criterion c of «axis» x = x\n"],
  [
    "several in one file",
    [
      "unexpected-end",
      "unknown-declaration",
      "unexpected-text",
      "unclosed-bracket",
      "unclosed-string",
      "expected-newline",
    ],
    `edition 1
let a =«»
«prun» s from t using m {
  hidden 128 -> = 96
}
score m of t on d {
  take 64 windows
  «*» by activation
  mlp by activation«(»batch: l2
}
export s to «"out { dtype bf16 }»
use minitron «7»
`,
  ],
  [
    "tabs and wide characters",
    ["unexpected-text"],
    'param\tname = "剪枝"\nlet\tb =\t"剪枝" + «^» 2\n',
  ],
];

test.each(CASES)("%s", async (name, codes, marked) => {
  const { text, spans } = unmarked(marked);
  const { diagnostics } = parse("broken.prune", text);
  expect(diagnostics.map((diagnostic) => placed(text, diagnostic))).toEqual(
    codes.map((code, i) => placed(text, { code, span: spans[i] ?? { start: -1, end: -1 } })),
  );
  expect(diagnostics.map(({ span }) => span)).toEqual(spans);
  const rendering = render(diagnostics, new Map([["broken.prune", text]]));
  const file = `../golden/syntax/${name.replaceAll(/[^a-z]+/g, "-")}.txt`;
  await expect(`${text}${"─".repeat(60)}\n${rendering}`).toMatchFileSnapshot(file);
});

test("every syntax code has a case", () => {
  const covered = new Set(CASES.flatMap(([, codes]) => codes));
  expect(Object.keys(syntaxMessages).filter((code) => !covered.has(code))).toEqual([]);
});
