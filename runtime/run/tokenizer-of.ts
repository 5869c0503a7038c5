/** The tokenizer of an opened model, by its path in the plan. */
import { resolve } from "node:path";
import { openTokenizer, type Tokenizer } from "../formats/tokenizer.js";

export const tokenizerOf = (base: string, path: string): Promise<Tokenizer> =>
  openTokenizer(resolve(base, path));
