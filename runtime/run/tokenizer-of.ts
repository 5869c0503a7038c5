/** The tokenizer of an opened model, by its path in the plan. */
import { resolve } from "node:path";
import type { OpenStage } from "../../compiler/plan.js";
import { modelTokenizer } from "../formats/model-source.js";
import type { Tokenizer } from "../formats/tokenizer.js";

export const tokenizerOf = (
  base: string,
  { path, gguf }: Pick<OpenStage, "path" | "gguf">,
): Promise<Tokenizer> => modelTokenizer(resolve(base, path), gguf);
