/**
 * Questions with choices, as EleutherAI's harness asks them: after the question, and answered ones before it, each choice
 * follows a space; its tokens are those that the whole text has beyond the text before it (lm_eval/api/model.py, _encode_pair).
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
  /** How many of them, at the end, are the choice's. */
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
  readonly prompt: string;
  readonly choices: readonly string[];
  readonly answer: number;
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

const textsAt = (row: Json, path: string, where: string): readonly string[] => {
  const value = at(row, path);
  if (Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === "string"))
    return value;
  throw new RunError(`${where}: "${path}" is not a list of texts`);
};

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Which choice is meant: by number from 0, by label, by letter, or by a number in quotes. */
const answerOf = (row: Json, source: ChoiceSource, count: number, where: string): number => {
  const value = at(row, source.answer);
  const labels = source.labels === null ? null : textsAt(row, source.labels, where);
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
  template.replaceAll(/\{([^{}]+)\}/g, (_, path: string) => {
    const value = at(row, path);
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw new RunError(`${where}: "${path}" is not a text`);
  });

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

const ask = (row: Json, source: ChoiceSource, where: string): Asked => {
  const choices = textsAt(row, source.choices, where);
  const answer = answerOf(row, source, choices.length, where);
  return { prompt: promptOf(row, source.prompt, where), choices, answer };
};

const answered = ({ prompt, choices, answer }: Asked): string =>
  `${prompt}${SPACE}${choices[answer] ?? ""}${BETWEEN}`;

/** A choice after a text. Spaces at the end of the text go with the choice, as tokens hold the space before a word. */
const choiceAfter = (
  before: string,
  choice: string,
  source: ChoiceSource,
  tokenizer: Encoder,
  where: string,
): Choice => {
  const context = before.trimEnd();
  const whole = tokenizer.encode(`${before}${SPACE}${choice}`);
  const known = tokenizer.encode(context).length;
  const own = whole.length - known;
  const tokens = known === 0 ? Uint32Array.of(tokenizer.start, ...whole) : whole;
  if (own < 1 || own > source.window)
    throw new RunError(`${where}: a choice of ${own} tokens, where a window has ${source.window}`, {
      hint: "make the window longer",
    });
  return {
    tokens: tokens.slice(-(source.window + 1)),
    own,
    characters: [...choice].length,
    bytes: Buffer.byteLength(choice),
  };
};

const tokenized = (
  asked: Asked,
  shots: string,
  source: ChoiceSource,
  tokenizer: Encoder,
  where: string,
): Question => ({
  choices: asked.choices.map((choice) =>
    choiceAfter(`${shots}${asked.prompt}`, choice, source, tokenizer, where),
  ),
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
