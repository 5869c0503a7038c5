/** `espalier compare`: whether a model's logits are those that another program gives. */
import { compileContinuation } from "../../compiler/compile.js";
import { tokenAxis } from "../../compiler/library/forward.js";
import { openModel } from "../formats/open-model.js";
import { type ReferenceLogits, withReference } from "../formats/reference-logits.js";
import { weightsOf } from "../formats/weights.js";
import { type Comparison, compareLogits } from "../run/compare.js";
import { continuing } from "../run/continuing.js";
import { EXIT } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { realOption } from "./number-option.js";
import { openedModel, SUBJECT, type UsedFiles } from "./opened.js";

export interface CompareOptions {
  readonly with: string;
  readonly within: string;
  readonly use?: UsedFiles;
  readonly adapter?: string;
  readonly json?: boolean;
}

const short = (value: number): string =>
  value > 0 && value < 1e-3 ? value.toExponential(1) : value.toPrecision(2);

/** What the positions that agree say of those that do not. */
const hintOf = ({ byPosition }: Comparison, within: number): string => {
  const first = byPosition.findIndex((by) => !(by <= within));
  return first > 0
    ? `up to position ${first - 1} they agree: look at what tells positions apart, as rotation and windows of attention do`
    : "they differ from position 0 on, which sees itself alone: look at embeddings, norms, activations and the output projection";
};

const resultText = (found: Comparison, reference: ReferenceLogits, within: number): string => {
  const { largest, size } = found;
  const of = `over ${reference.windows} windows of ${reference.positions} tokens`;
  if (largest.by <= within)
    return `logits agree: they differ by ${short(largest.by)} at most, of up to ${short(size)}, ${of}\n`;
  const { window, position, token, ours, theirs } = largest;
  const where = `token ${token} at position ${position} of window ${window}`;
  return [
    `logits differ by up to ${short(largest.by)}, of up to ${short(size)}, ${of}`,
    `most for ${where}: ${ours.toPrecision(6)} here, ${theirs.toPrecision(6)} there`,
    `hint: ${hintOf(found, within)}`,
    "",
  ].join("\n");
};

export const compareCommand = async (folder: string, options: CompareOptions): Promise<void> => {
  const within = realOption(options.within, "--within", 0, Number.POSITIVE_INFINITY);
  const { shape, dtypes, open } = openedModel("compare", folder, options.use);
  const vocab = shape.axes.find(({ name }) => name === tokenAxis(shape))?.size ?? 0;
  await withReference(options.with, vocab, async (reference) => {
    const continuation = compileContinuation(SUBJECT, shape, dtypes, [reference.positions]);
    const checkpoint = await openModel(open.path, open.gguf, continuation.model);
    try {
      const weights = weightsOf(checkpoint, continuation.model);
      const adapter = options.adapter ?? "auto";
      const { result, adapter: used } = await interruptible((interrupted) =>
        continuing({ continuation, weights, adapter }, (logitsAfter) =>
          compareLogits(reference, logitsAfter, interrupted),
        ),
      );
      if (result === null) {
        process.exitCode = EXIT.interrupted;
        return;
      }
      const agree = result.largest.by <= within;
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ model: folder, agree, within, ...result, adapter: used }, null, 2)}\n`
          : resultText(result, reference, within),
      );
      process.exitCode = agree ? EXIT.done : EXIT.expectation;
    } finally {
      await checkpoint.close();
    }
  });
};
