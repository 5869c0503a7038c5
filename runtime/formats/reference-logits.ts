/**
 * What another program made of some tokens: a safetensors file with whole numbers `tokens` [window, position] and floats
 * `logits` [window, position, vocab].
 */
import { RunError } from "../errors.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";
import { bytesOf, converted } from "./stored-tensor.js";

export interface ReferenceLogits {
  readonly windows: number;
  readonly positions: number;
  /** [window, position] */
  readonly tokens: readonly number[];
  /** [vocab] after the tokens of a window up to this position. */
  readonly after: (window: number, position: number) => Promise<Float32Array>;
}

const shaped = (file: Safetensors, name: string, axes: readonly string[]): readonly number[] => {
  const shape = file.shape(name);
  if (shape.length === axes.length && shape.every((size) => size > 0)) return shape;
  throw new RunError(
    `${file.path}: ${name} is [${shape.join(", ")}], where [${axes.join(", ")}] is wanted`,
  );
};

const referenceIn = async (file: Safetensors, vocab: number): Promise<ReferenceLogits> => {
  const [windows = 0, positions = 0] = shaped(file, "tokens", ["window", "position"]);
  const shape = shaped(file, "logits", ["window", "position", "vocab"]);
  if (shape[0] !== windows || shape[1] !== positions)
    throw new RunError(
      `${file.path}: logits are of ${shape[0]} windows of ${shape[1]} tokens, tokens of ${windows} of ${positions}`,
    );
  if (shape[2] !== vocab)
    throw new RunError(`${file.path}: logits are of ${shape[2]} tokens, the model's of ${vocab}`);
  const tokens = await file.readIntegers("tokens");
  const wrong = tokens.find((token) => token < 0 || token >= vocab);
  if (wrong !== undefined)
    throw new RunError(`${file.path}: there is a token ${wrong}, the model has 0 to ${vocab - 1}`);
  const logits = converted(file.tensor("logits"), "f32");
  const after = async (window: number, position: number): Promise<Float32Array> => {
    const row = new Float32Array(vocab);
    await logits.read((window * positions + position) * vocab, bytesOf(row));
    return row;
  };
  return { windows, positions, tokens, after };
};

/** Has the file used while it is open; RunError where it is not of a model with so many tokens. */
export const withReference = async <Result>(
  path: string,
  vocab: number,
  use: (reference: ReferenceLogits) => Promise<Result>,
): Promise<Result> => {
  const file = await openSafetensors(path);
  try {
    return await use(await referenceIn(file, vocab));
  } finally {
    await file.close();
  }
};
