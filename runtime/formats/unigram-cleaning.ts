/** What a `Unigram` tokenizer does to a text before it looks for pieces, as far as GGUF has words for that. */
import { isObject } from "./json-file.js";
import { SPACE } from "./sentence-piece.js";

export interface Cleaning {
  /** SentencePiece's map of characters to those that stand for them; null where there is none. */
  readonly map: Uint8Array | null;
  /** Whether spaces that follow a space, and those around the text, are left out. */
  readonly merges: boolean;
}

/** For people. */
export const SPACES = "map its characters and mark its spaces";

type Json = Readonly<Record<string, unknown>>;

/** The steps of a normalizer or pre-tokenizer; null where one is of no known form. */
const stepsOf = (value: unknown): readonly Json[] | null => {
  if (value === null || value === undefined) return [];
  if (!isObject(value)) return null;
  if (value.type !== "Sequence") return [value];
  const steps = value.normalizers ?? value.pretokenizers;
  return Array.isArray(steps) && steps.every(isObject) ? steps : null;
};

const isSpaces = (pattern: unknown): boolean =>
  isObject(pattern) && (pattern.Regex === " {2,}" || pattern.Regex === "\\s{2,}");

type Step = "mark" | "merge" | "strip" | Uint8Array;

const stepOf = (step: Json): Step | null => {
  switch (step.type) {
    case "Precompiled": {
      const map = step.precompiled_charsmap;
      return typeof map === "string" ? Uint8Array.from(Buffer.from(map, "base64")) : null;
    }
    case "Strip":
      return "strip";
    case "WhitespaceSplit":
      return "merge";
    case "Prepend":
      return step.prepend === SPACE ? "mark" : null;
    case "Metaspace":
      return (step.replacement ?? SPACE) === SPACE ? "mark" : null;
    case "Replace":
      if (isSpaces(step.pattern)) return "merge";
      return isObject(step.pattern) && step.pattern.String === " " && step.content === SPACE
        ? "mark"
        : null;
    default:
      return null;
  }
};

/** Null where it does something that GGUF cannot say. */
export const cleaningOf = (normalizer: unknown, preTokenizer: unknown): Cleaning | null => {
  const [before, after] = [stepsOf(normalizer), stepsOf(preTokenizer)];
  if (before === null || after === null) return null;
  const steps = [...before, ...after].map(stepOf);
  if (steps.includes(null)) return null;
  const merges = steps.includes("merge");
  // Spaces around a text go only where others that are too many do.
  if (steps.includes("strip") && !merges) return null;
  return { map: steps.find((step) => step instanceof Uint8Array) ?? null, merges };
};
