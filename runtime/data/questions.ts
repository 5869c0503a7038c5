/**
 * Questions with choices, as EleutherAI's harness asks them: after the question, and answered ones before it, each choice
 * follows a space; its tokens are those that the whole text has beyond the text before it (lm_eval/api/model.py, _encode_pair).
 * Where choices stand in a blank, the text after it follows each, and is scored (lm_eval/tasks/winogrande; Trinh and Le, arXiv
 * 1806.02847, section 4.1, partial).
 */
import type { ChoiceSource } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { type FileHash, hashFile } from "../formats/hash.js";
import type { Encoder } from "../formats/tokenizer.js";
import { dataFiles } from "./corpus.js";
import { type DataFile, jsonLines } from "./documents.js";
import { parquetRows } from "./parquet.js";

export interface Choice {
  /** Of question and choice; at most the window and one more, from the end. */
  readonly tokens: Uint32Array;
  /** How many of them, at the end, are the choice's, or what follows it. */
  readonly own: number;
  readonly characters: number;
  readonly bytes: number;
}

export interface Question {
  readonly choices: readonly Choice[];
  /** Which one is right. */
  readonly answer: number;
}

export interface QuestionSet {
  readonly questions: readonly Question[];
  readonly files: readonly FileHash[];
}

type Json = Readonly<Record<string, unknown>>;

interface Asked {
  readonly answer: number;
  readonly choices: readonly {
    /** The text up to what is scored, and that. */
    readonly before: string;
    readonly scored: string;
    /** Of which characters and bytes are counted: with a blank, all up to the choice and it, as the harness counts. */
    readonly counted: string;
  }[];
}

/** Between answered questions, and between a question and its choice. */
const BETWEEN = "\n\n";
const SPACE = " ";

/** The value at a path like `choices.text`. */
const at = (row: Json, path: string): unknown =>
  path.split(".").reduce<unknown>((inside, key) => {
    const known = typeof inside === "object" && inside !== null && Object.hasOwn(inside, key);
    return known ? (inside as Json)[key] : undefined;
  }, row);

const textsAt = (row: Json, path: string | readonly string[], where: string): readonly string[] => {
  if (typeof path !== "string") return path.map((of) => textAt(row, of, where));
  const value = at(row, path);
  if (Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === "string"))
    return value;
  throw new RunError(`${where}: "${path}" is not a list of texts`);
};

const textAt = (row: Json, path: string, where: string): string => {
  const value = at(row, path);
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new RunError(`${where}: "${path}" is not a text`);
};

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Which choice is meant: by number from 0, by label, by letter, or by a number in quotes. */
const answerOf = (row: Json, source: ChoiceSource, count: number, where: string): number => {
  const value = at(row, source.answer);
  const labels =
    typeof source.labels === "string" ? textsAt(row, source.labels, where) : source.labels;
  const named = typeof value === "string" ? value.trim() : null;
  const found =
    labels !== null
      ? labels.indexOf(String(value))
      : named === null
        ? Number(value)
        : /^\d+$/.test(named)
          ? Number(named)
          : named.length === 1
            ? LETTERS.indexOf(named.toUpperCase())
            : -1;
  if (Number.isInteger(found) && found >= 0 && found < count) return found;
  throw new RunError(`${where}: "${source.answer}" is none of its ${count} choices`);
};

const promptOf = (row: Json, template: string, where: string): string =>
  template.replaceAll(/\{([^{}]+)\}/g, (_, path: string) => textAt(row, path, where));

async function* rowsOf(
  file: DataFile,
): AsyncGenerator<{ readonly where: string; readonly value: Json }> {
  if (!file.shown.endsWith(".parquet")) {
    yield* jsonLines(file);
    return;
  }
  let row = 0;
  for await (const value of parquetRows(file, null))
    yield { where: `${file.shown}: row ${++row}`, value };
}

/** The texts before and after the blank of a prompt. */
const aroundBlank = (prompt: string, blank: string, where: string): readonly [string, string] => {
  const at = prompt.indexOf(blank);
  const after = prompt.slice(at + blank.length).trim();
  if (at >= 0 && after !== "") return [prompt.slice(0, at), after];
  throw new RunError(`${where}: no "${blank}" with text after it`);
};

const ask = (row: Json, source: ChoiceSource, where: string): Asked => {
  const texts = textsAt(row, source.choices, where);
  const answer = answerOf(row, source, texts.length, where);
  const prompt = promptOf(row, source.prompt, where);
  if (source.blank === null) {
    const choices = texts.map((text) => ({ before: prompt, scored: text, counted: text }));
    return { choices, answer };
  }
  const [before, after] = aroundBlank(prompt, source.blank, where);
  const choices = texts.map((text) => {
    const filled = `${before}${text}`;
    return { before: filled, scored: after, counted: filled };
  });
  return { choices, answer };
};

const answered = ({ choices, answer }: Asked): string => {
  const { before = "", scored = "" } = choices[answer] ?? {};
  return `${before}${SPACE}${scored}${BETWEEN}`;
};

/** A choice after a text. Spaces at the end of the text go with the choice, as tokens hold the space before a word. */
const choiceAfter = (
  shots: string,
  { before, scored, counted }: Asked["choices"][number],
  source: ChoiceSource,
  tokenizer: Encoder,
  where: string,
): Choice => {
  const text = `${shots}${before}`;
  const whole = tokenizer.encode(`${text}${SPACE}${scored}`);
  const known = tokenizer.encode(text.trimEnd()).length;
  const own = whole.length - known;
  const tokens = known === 0 ? Uint32Array.of(tokenizer.start, ...whole) : whole;
  if (own < 1 || own > source.window)
    throw new RunError(`${where}: a choice of ${own} tokens, where a window has ${source.window}`, {
      hint: "make the window longer",
    });
  return {
    tokens: tokens.slice(-(source.window + 1)),
    own,
    characters: [...counted].length,
    bytes: Buffer.byteLength(counted),
  };
};

const tokenized = (
  asked: Asked,
  shots: string,
  source: ChoiceSource,
  tokenizer: Encoder,
  where: string,
): Question => ({
  choices: asked.choices.map((choice) => choiceAfter(shots, choice, source, tokenizer, where)),
  answer: asked.answer,
});

/** Reads the questions of a source, as many as it takes; the first ones are the answered ones before the others. */
export const openQuestions = async (
  source: ChoiceSource,
  base: string,
  tokenizer: Encoder,
): Promise<QuestionSet> => {
  const files = await dataFiles(source.name, source.glob, base);
  const hashes: FileHash[] = [];
  for (const { file, shown } of files) hashes.push(await hashFile(file, shown));
  const questions: Question[] = [];
  let shots = "";
  let left = source.shots;
  const enough = (): boolean => source.take !== null && questions.length >= source.take;
  for (const file of files) {
    if (enough()) break;
    for await (const { where, value } of rowsOf(file)) {
      if (enough()) break;
      const asked = ask(value, source, where);
      if (left > 0) {
        shots += answered(asked);
        left--;
      } else questions.push(tokenized(asked, shots, source, tokenizer, where));
    }
  }
  if (questions.length < (source.take ?? 1))
    throw new RunError(
      `data ${source.name} has ${questions.length} questions beyond its ${source.shots} shots, ${source.take ?? 1} asked for`,
      { hint: "take fewer questions, or give it more" },
    );
  return { questions, files: hashes };
};
