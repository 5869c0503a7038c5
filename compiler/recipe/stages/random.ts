/** `model NAME = random(MODEL)`: another model's shape with weights that have not been trained, to train from scratch. */
import type { CallExpr } from "../../../grammar/ast.js";
import { evaluate } from "../constant.js";
import { type Context, say } from "../context.js";
import { one } from "./one-model.js";

const EXAMPLE = "model NAME = random(MODEL, deviation: 0.02)";

/** GPT-2's, and the default of most models since (`initializer_range`). */
const DEVIATION = 0.02;

/** The model and the deviation; null where the call is not of this form, which is then said, or what it names is broken. */
const argumentsOf = (context: Context, call: CallExpr) => {
  const [like, deviation, more] = call.args;
  const formed =
    like?.name === null &&
    like.value.kind === "name" &&
    (deviation === undefined || deviation.name?.name === "deviation") &&
    more === undefined;
  const given =
    deviation === undefined
      ? { value: DEVIATION }
      : evaluate(context, deviation.value, context.file);
  if (formed && given === null) return null;
  if (formed && typeof given !== "string" && given !== null && given.value > 0)
    return { like: like.value, deviation: given.value };
  say(context, "setting-form", call.span, {
    name: "random",
    takes: "a model by name, and a `deviation` of its weights above 0",
    example: EXAMPLE,
  });
  return null;
};

export const checkRandom = (context: Context, name: string, call: CallExpr): void => {
  const read = argumentsOf(context, call);
  if (read === null || read.like.kind !== "name") return;
  const { like, deviation } = read;
  const entry = one(context, like);
  if (entry === null) return;
  context.scope.define("model", name, { shape: entry.shape, vocabulary: entry.vocabulary });
  context.steps.push({ kind: "random", model: name, like: like.name, deviation });
};
