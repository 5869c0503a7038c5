/** `espalier generate`: goes on with a text, as a look at what a model still knows. */

import { text as readAll } from "node:stream/consumers";
import pc from "picocolors";
import { compileContinuation } from "../../compiler/compile.js";
import { lengthsFor } from "../../compiler/planning/lengths.js";
import { modelTokenizer } from "../formats/model-source.js";
import { openModel } from "../formats/open-model.js";
import { weightsOf } from "../formats/weights.js";
import type { Sampling } from "../run/choose-token.js";
import { type Generated, type GenerateOptions, generate } from "../run/generate.js";
import { EXIT } from "./exit.js";
import { CommandError } from "./failure.js";
import { interruptible } from "./interrupt.js";
import { realOption, wholeOption } from "./number-option.js";
import { openedModel, SUBJECT, type UsedFiles, windowOf } from "./opened.js";

export interface GenerateCommandOptions {
  readonly prompt?: string;
  readonly tokens: string;
  readonly temperature?: string;
  readonly topK?: string;
  readonly topP?: string;
  readonly seed: string;
  readonly window?: string;
  readonly use?: UsedFiles;
  readonly adapter?: string;
  readonly json?: boolean;
}

const samplingOf = (options: GenerateCommandOptions): Sampling => {
  const { temperature, topK, topP, seed } = options;
  const draws = topK !== undefined || topP !== undefined;
  return {
    temperature:
      temperature === undefined
        ? Number(draws)
        : realOption(temperature, "--temperature", 0, Number.POSITIVE_INFINITY),
    topK: topK === undefined ? null : wholeOption(topK, "--top-k"),
    topP: topP === undefined ? null : realOption(topP, "--top-p", 0, 1),
    seed: wholeOption(seed, "--seed", 0),
  };
};

const promptOf = async ({ prompt }: GenerateCommandOptions): Promise<string> => {
  if (prompt !== undefined) return prompt;
  if (process.stdin.isTTY !== true) return readAll(process.stdin);
  throw new CommandError("there is no text to go on with", {
    hint: "give --prompt TEXT, or a text on the standard input",
  });
};

const jsonText = (model: string, prompt: string, seed: number, generated: Generated): string => {
  const { text, tokens, stopped, adapter, seconds } = generated;
  const rounded = Number(seconds.toFixed(1));
  const report = { model, prompt, text, tokens, stopped, seed, adapter, seconds: rounded };
  return `${JSON.stringify(report, null, 2)}\n`;
};

const paceText = ({ tokens, adapter, seconds }: Generated): string =>
  pc.dim(`${tokens.length} tokens in ${seconds.toFixed(1)} s on ${adapter}`);

/** That nobody reads what is written any more. */
const readerGone = (): boolean => process.stdout.errored !== null;

export const generateCommand = async (
  folder: string,
  options: GenerateCommandOptions,
): Promise<void> => {
  const sampling = samplingOf(options);
  const count = wholeOption(options.tokens, "--tokens");
  const { shape, dtypes, open } = openedModel("generate", folder, options.use);
  const window = windowOf(shape, options.window);
  const prompt = await promptOf(options);
  const tokenizer = await modelTokenizer(open.path, open.gguf);
  const ids = tokenizer.prompt(prompt);
  const lengths = lengthsFor(ids.length, ids.length + count - 1, window);
  const continuation = compileContinuation(SUBJECT, shape, dtypes, lengths);
  const checkpoint = await openModel(open.path, open.gguf, continuation.model);
  const onText: GenerateOptions["onText"] = (text) => {
    if (options.json !== true) process.stdout.write(text);
  };
  try {
    const weights = weightsOf(checkpoint, continuation.model);
    const generated = await interruptible((interrupted) =>
      generate({
        continuation,
        weights,
        tokenizer,
        prompt: ids,
        tokens: count,
        sampling,
        adapter: options.adapter ?? "auto",
        onText,
        interrupted: () => interrupted() || readerGone(),
      }),
    );
    if (readerGone()) return;
    process.stdout.write(
      options.json === true ? jsonText(folder, prompt, sampling.seed, generated) : "\n",
    );
    process.stderr.write(`${paceText(generated)}\n`);
    if (generated.stopped === "interrupted") process.exitCode = EXIT.interrupted;
  } finally {
    await checkpoint.close();
  }
};
