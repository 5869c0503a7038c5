/** Goes on with a text, token by token. */
import type { Continuation } from "../../compiler/plan.js";
import type { Tokenizer } from "../formats/tokenizer.js";
import type { Weights } from "../formats/weights.js";
import { chooseToken, type Sampling } from "./choose-token.js";
import { continuing, type LogitsAfter } from "./continuing.js";

export interface GenerateOptions {
  readonly continuation: Continuation;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  readonly prompt: Uint32Array;
  /** The most new tokens. */
  readonly tokens: number;
  readonly sampling: Sampling;
  readonly adapter: string;
  /** Text as it comes, in whole characters. */
  readonly onText: (text: string) => void;
  readonly interrupted: () => boolean;
}

export interface Generated {
  readonly tokens: readonly number[];
  readonly text: string;
  /** "end": the model ended the text; "length": so many tokens were asked for. */
  readonly stopped: "end" | "length" | "interrupted";
  readonly adapter: string;
  readonly seconds: number;
}

/** Gives out what new tokens add to the text, once its last character is whole. */
const streamed = (tokenizer: Tokenizer, onText: (text: string) => void) => {
  let shown = "";
  return (tokens: readonly number[], last: boolean): string => {
    const text = tokenizer.decode(tokens);
    if ((last || !text.endsWith("\ufffd")) && text.length > shown.length) {
      onText(text.slice(shown.length));
      shown = text;
    }
    return text;
  };
};

const extend = async (
  options: GenerateOptions,
  logitsAfter: LogitsAfter,
): Promise<Pick<Generated, "tokens" | "text" | "stopped">> => {
  const { tokenizer, prompt, sampling, interrupted } = options;
  const show = streamed(tokenizer, options.onText);
  const tokens: number[] = [];
  let stopped: Generated["stopped"] = "length";
  while (tokens.length < options.tokens) {
    if (interrupted()) {
      stopped = "interrupted";
      break;
    }
    const logits = await logitsAfter([...prompt, ...tokens]);
    const token = chooseToken(logits, sampling, tokens.length);
    if (tokenizer.ends.has(token)) {
      stopped = "end";
      break;
    }
    tokens.push(token);
    show(tokens, false);
  }
  return { tokens, text: show(tokens, true), stopped };
};

/** Opens a device, puts the weights on it and generates. */
export const generate = async (options: GenerateOptions): Promise<Generated> => {
  const { result, adapter, seconds } = await continuing(options, (logitsAfter) =>
    extend(options, logitsAfter),
  );
  return { ...result, adapter, seconds };
};
