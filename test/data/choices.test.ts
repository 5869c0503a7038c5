/** Multiple choice as EleutherAI's harness has it: the same likelihoods and measures, and questions that are none said. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import { elaborateChoiceMetric } from "../../compiler/library/choice-metric.js";
import { loadLibrary } from "../../compiler/library/load.js";
import type { ChoiceSource, EvaluateStage } from "../../compiler/plan.js";
import { parse } from "../../grammar/parse.js";
import { fileHost } from "../../runtime/cli/host.js";
import { type Choice, openQuestions } from "../../runtime/data/questions.js";
import { type Device, openDevice } from "../../runtime/device.js";
import { openTokenizer } from "../../runtime/formats/tokenizer.js";
import { choicesOf, likelihoodsOf, runChoices } from "../../runtime/run/choices.js";
import { runStage } from "../../runtime/run/stages.js";
import { evaluateScalar } from "../../runtime/scalar.js";
import { models } from "../check/sotu.js";
import { contextOf } from "../oracle/example.js";
import { memoryHost } from "../support/memory-host.js";
import { inScratch } from "../support/scratch.js";

const root = resolve(import.meta.dirname, "../..");
const model = join(root, "examples/models/sotu-1m");
const questions = join(root, "test/oracle/choices/questions.jsonl");
interface Run {
  readonly shots: number;
  readonly acc: number;
  readonly acc_norm: number;
  readonly likelihoods: readonly (readonly number[])[];
}
const runsIn = (name: string): readonly Run[] =>
  JSON.parse(readFileSync(join(root, "test/oracle/choices", name), "utf8")).runs;

const source: ChoiceSource = {
  kind: "choices",
  name: "quiz",
  glob: questions,
  window: 200,
  take: null,
  prompt: "Begin: {question}",
  choices: "choices.text",
  answer: "answerKey",
  labels: "choices.label",
  shots: 0,
  blank: null,
};

const QUIZ = `prompt  "Begin: {question}"
  choices "choices.text"
  answer  "answerKey"
  labels  "choices.label"`;
const blanks = questions.replace("questions", "blanks");
/** As Winogrande's rows are. */
const BLANKS = `prompt  "{sentence}"
  blank   "_"
  choices ["option1", "option2"]
  labels  ["1", "2"]`;

const specOf = (file: string, settings: string, shots: number): string => `edition 1
model m = open(${JSON.stringify(model)})
data quiz = choices(${JSON.stringify(file)}) {
  window  200
  ${settings}${shots === 0 ? "" : `\n  shots   ${shots}`}
}
evaluate m on quiz { acc, acc_norm, acc_bytes, answer_likelihood }
`;

const asked = [
  ...runsIn("harness.json").map((run) => ({ what: "questions", file: questions, said: QUIZ, run })),
  ...runsIn("blanks.json").map((run) => ({ what: "blanks", file: blanks, said: BLANKS, run })),
];

describe("the harness", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ adapter: process.env.ESPALIER_ADAPTER ?? "embedded" });
  });
  afterAll(() => device.close());

  test.each(asked)("of $what with $run.shots shots gives the same", async ({ file, said, run }) => {
    const expected = run;
    const spec = specOf(file, said, expected.shots);
    const { recipe, diagnostics } = check("spec.prune", spec, fileHost("."));
    if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join());
    const plan = compile(recipe);
    await inScratch(async (out) => {
      const context = await contextOf(plan, device, out);
      for (const stage of plan.stages.filter(({ kind }) => kind === "open"))
        await runStage(context, stage);
      const stage = plan.stages.find((s): s is EvaluateStage => s.kind === "evaluate");
      const entry = stage?.choices[0];
      const set = context.texts.questions.get("quiz");
      if (entry === undefined || set === undefined) throw new Error("nothing is asked");
      const measures = new Map(
        (await runChoices(context, entry)).map(({ name, value }) => [name, value]),
      );
      const all: readonly Choice[] = choicesOf(set.questions);
      const output = "likelihoods";
      const logs = await likelihoodsOf(context, entry.lengths, [output], all);
      const found = logs.get(output) ?? new Map<Choice, number>();
      for (const [at, likelihood] of expected.likelihoods.flat().entries()) {
        const choice = all[at];
        const ours = choice === undefined ? Number.NaN : (found.get(choice) ?? Number.NaN);
        expect(Math.abs(ours - likelihood), `${at}`).toBeLessThan(2e-4);
      }
      expect(set.questions.length).toBe(expected.likelihoods.length);
      expect(measures.get("acc")).toBeCloseTo(expected.acc, 12);
      expect(measures.get("acc_norm")).toBeCloseTo(expected.acc_norm, 12);
      const right = set.questions.map(
        (q, at) => expected.likelihoods[at]?.[q.answer] ?? Number.NaN,
      );
      const mean = right.reduce((sum, log) => sum + log, 0) / right.length;
      expect(measures.get("answer_likelihood")).toBeCloseTo(mean, 3);
      for (const { weights } of context.models.values()) await weights.close();
    });
  });
});

describe("questions", () => {
  const read = async (rows: readonly unknown[], change: Partial<ChoiceSource> = {}) =>
    inScratch(async (folder) => {
      mkdirSync(join(folder, "q"));
      writeFileSync(join(folder, "q/a.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
      const plain = { choices: "choices", answer: "answer", labels: null, prompt: "{question}" };
      const tokenizer = await openTokenizer(model);
      const all = { ...source, ...plain, glob: "q/*.jsonl", ...change };
      return { tokenizer, ...(await openQuestions(all, folder, tokenizer)) };
    });
  const row = (answer: unknown, choices: readonly string[] = ["a", "bé"]) => ({
    question: "Which",
    choices,
    answer,
  });

  test.each([
    [1, 1],
    ["1", 1],
    ["B", 1],
    ["a", 0],
  ])("answer %j is choice %i", async (answer, expected) => {
    const { questions } = await read([row(answer)]);
    expect(questions[0]?.answer).toBe(expected);
  });

  test("choices follow a space; lengths are of the choice alone", async () => {
    const { questions, tokenizer } = await read([row(0)]);
    const [first, second] = questions[0]?.choices ?? [];
    expect([...(first?.tokens ?? [])]).toEqual([...tokenizer.encode("Which a")]);
    expect([second?.characters, second?.bytes]).toEqual([2, 3]);
    expect(first?.own).toBe(tokenizer.encode("Which a").length - tokenizer.encode("Which").length);
  });

  test("with nothing before the choice it follows the start token", async () => {
    const { questions, tokenizer } = await read([{ ...row(0), question: "" }]);
    const [first] = questions[0]?.choices ?? [];
    expect([...(first?.tokens ?? [])]).toEqual([tokenizer.start, ...tokenizer.encode(" a")]);
    expect(first?.own).toBe(tokenizer.encode(" a").length);
  });

  test("longer than the window lose their beginning", async () => {
    const long = { ...row(0), question: "peace and war ".repeat(60) };
    const { questions } = await read([long], { window: 16 });
    expect(questions[0]?.choices.map(({ tokens }) => tokens.length)).toEqual([17, 17]);
  });

  test("the first ones stand answered before the others", async () => {
    const { questions, tokenizer } = await read([row(1), row(0)], { shots: 1 });
    expect(questions).toHaveLength(1);
    const text = "Which bé\n\nWhich a";
    expect([...(questions[0]?.choices[0]?.tokens ?? [])]).toEqual([...tokenizer.encode(text)]);
  });

  test("a blank is filled by each choice, and what follows it is scored", async () => {
    const { questions, tokenizer } = await read([{ ...row(1), question: "To _  and back" }], {
      blank: "_",
      choices: ["question", "answer"],
      labels: ["no", "1"],
    });
    const [, second] = questions[0]?.choices ?? [];
    expect([...(second?.tokens ?? [])]).toEqual([...tokenizer.encode("To 1 and back")]);
    expect(second?.own).toBe(
      tokenizer.encode("To 1 and back").length - tokenizer.encode("To 1").length,
    );
    expect([second?.characters, questions[0]?.answer]).toEqual([4, 1]);
  });

  test.each<[string, unknown, Partial<ChoiceSource>, RegExp]>([
    ["without a blank", row(0), { blank: "_" }, /a\.jsonl:1: no "_" with text after it/],
    [
      "with a choice that is no text",
      row(0),
      { choices: ["question", "choices"] },
      /"choices" is not a text/,
    ],
    [
      "without choices",
      { question: "Which", answer: 0 },
      {},
      /a\.jsonl:1: "choices" is not a list of texts/,
    ],
    ["with an answer beyond them", row(2), {}, /a\.jsonl:1: "answer" is none of its 2 choices/],
    ["with another answer", row("both"), {}, /is none of its 2 choices/],
    [
      "without what the prompt names",
      { ...row(0), question: ["x"] },
      {},
      /"question" is not a text/,
    ],
    [
      "fewer than asked for",
      row(0),
      { take: 2 },
      /has 1 questions beyond its 0 shots, 2 asked for/,
    ],
    [
      "with a choice beyond the window",
      row(0, ["peace and war ".repeat(30)]),
      { window: 8 },
      /a choice of \d+ tokens/,
    ],
  ])("%s are refused", (_what, value, change, says) =>
    expect(read([value], change)).rejects.toThrow(says));
});

describe("in a spec", () => {
  const HEAD = `edition 1
model m = open("models/sotu-1m")
data texts = text("t/*") { window 8 }
data quiz = choices("q/*") { window 64 }
`;
  const codes = (text: string): string[] =>
    check("spec.prune", `${HEAD}${text}\n`, memoryHost({ models })).diagnostics.map((d) => d.code);

  test.each([
    ["metrics of choices", "evaluate m on quiz { acc, acc_norm }", []],
    ["a metric of tokens", "evaluate m on quiz { perplexity }", ["unknown-definition"]],
    ["a metric of choices over texts", "evaluate m on texts { acc }", ["unknown-definition"]],
    ["scores by questions", "score s of m on quiz { layer by removal_accuracy }", []],
    ["scores by another metric", "score s of m on quiz { layer by gap_accuracy(acc_norm) }", []],
    [
      "scores of texts by questions",
      "score s of m on quiz { mlp by magnitude }",
      ["criterion-data"],
    ],
    [
      "scores of questions by texts",
      "score s of m on texts { layer by removal_accuracy }",
      ["criterion-data"],
    ],
    [
      "scores by questions of what is no layer",
      "score s of m on quiz { mlp by removal_accuracy }",
      ["wrong-arguments"],
    ],
    [
      "scores by a metric that is none",
      "score s of m on quiz { layer by removal_accuracy(ac) }",
      ["unknown-definition"],
    ],
    [
      "choices that are no texts",
      'data q = choices("q") {\n  window 8\n  choices ["a", 5]\n}',
      ["setting-form"],
    ],
    [
      "a blank that is no text",
      'data q = choices("q") {\n  window 8\n  blank 5\n}',
      ["setting-form"],
    ],
    ["questions in a mixture", "data both = mix(texts: 1, quiz: 1)", ["wrong-kind"]],
    [
      "questions with a field",
      'data q = choices("q") {\n  window 8\n  field "x"\n}',
      ["unknown-setting"],
    ],
    [
      "a prompt that is no text",
      'data q = choices("q") {\n  window 8\n  prompt 5\n}',
      ["setting-form"],
    ],
    ["texts with shots", 'data q = text("q") {\n  window 8\n  shots 2\n}', ["unknown-setting"]],
    ["an expectation", "evaluate m on quiz { acc }\nexpect { acc(m) >= 0.5 }", []],
  ])("%s", (_what, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  test("a metric of choices is arithmetic of what a choice has", () => {
    const text =
      "edition 1\nmetric mine of choice {\n  per = likelihood / tokens\n  per * bytes + characters\n}\n";
    const { library } = loadLibrary([parse("mine.prune", text).file]);
    const metric = library.definitions.metric.get("mine");
    const score = metric === undefined ? null : elaborateChoiceMetric(metric);
    if (score?.ok !== true) throw new Error("no score");
    const variables = { likelihood: -6, tokens: 3, bytes: 5, characters: 4 };
    expect(evaluateScalar(score.value.score, variables)).toBe(-6);
  });
});
