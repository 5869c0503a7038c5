/** Pre-tokenizers of the library as the `pre_tokenizer` and `normalizer` of a tokenizer.json. */
import type { PretokenizerDecl, Statement } from "../../grammar/ast.js";
import type { Pretokenizer } from "../plan.js";
import type { Library, Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";

type Json = Readonly<Record<string, unknown>>;

const byteLevel = (pattern: boolean): Json => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: pattern,
});

const STEPS =
  '`digits`, `split "PATTERN"`, `bytes`, `bytes whole`, `normalize nfc`, `tokens first`, `pieces` or `pieces likeliest`';

type Step =
  | { readonly normalizer: boolean; readonly json: Json }
  | "tokens first"
  | "pieces"
  | "likeliest";

/** A step: of the normalizer, or of what follows it. */
const stepOf = (
  file: Located<PretokenizerDecl>["file"],
  { heads, items, span }: Statement,
): Step => {
  const word = heads.map(({ name }) => name).join(", ");
  const [item] = items;
  const plain = items.length === 0;
  if (word === "digits" && plain)
    return { normalizer: false, json: { type: "Digits", individual_digits: true } };
  if (word === "bytes" && plain) return { normalizer: false, json: byteLevel(true) };
  if (word === "bytes" && item?.kind === "name" && item.name === "whole")
    return { normalizer: false, json: byteLevel(false) };
  if (word === "normalize" && item?.kind === "name" && item.name === "nfc")
    return { normalizer: true, json: { type: "NFC" } };
  if (word === "pieces" && plain) return "pieces";
  if (word === "pieces" && item?.kind === "name" && item.name === "likeliest") return "likeliest";
  if (word === "tokens" && item?.kind === "name" && item.name === "first") return "tokens first";
  if (word === "split" && item?.kind === "string") {
    const pattern = { Regex: item.value };
    const json = { type: "Split", pattern, behavior: "Isolated", invert: false };
    return { normalizer: false, json };
  }
  return mistake("wrong-value", file, span, { wanted: STEPS, found: `\`${word}\`` });
};

const pretokenizerOf = ({ file, decl }: Located<PretokenizerDecl>): Pretokenizer => {
  const all = decl.steps.map((statement) => stepOf(file, statement));
  const steps = all.filter((step) => typeof step === "object");
  const parts = steps.filter(({ normalizer }) => !normalizer).map(({ json }) => json);
  const [only] = parts;
  return {
    labels: decl.labels.map(({ value }) => value),
    kind: all.find((step) => step === "pieces" || step === "likeliest") ?? "pairs",
    definition:
      parts.length === 1 && only !== undefined ? only : { type: "Sequence", pretokenizers: parts },
    normalizer: steps.find(({ normalizer }) => normalizer)?.json ?? null,
    tokensFirst: all.includes("tokens first"),
  };
};

/** What is wrong with one, if anything. */
export const tryPretokenizer = (located: Located<PretokenizerDecl>): Outcome<Pretokenizer> =>
  outcome(() => pretokenizerOf(located));

/** Every pre-tokenizer of the library. */
export const pretokenizersOf = (library: Library): Outcome<Pretokenizer[]> =>
  outcome(() => [...library.pretokenizers.values()].map(pretokenizerOf));
