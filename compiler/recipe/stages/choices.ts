/** `data NAME = choices("glob") { … }`: questions with choices, from lines of JSONL or rows of Parquet. */
import type { CallExpr } from "../../../grammar/ast.js";
import type { ChoiceSource } from "../../plan.js";
import type { Context } from "../context.js";
import { type Settings, textArgument, textSetting, textsSetting } from "../settings.js";

export const OF_CHOICES = ["prompt", "blank", "choices", "answer", "labels", "shots"];

const EXAMPLE = 'data NAME = choices("questions.jsonl")';

export const choicesOf = (
  context: Context,
  call: CallExpr,
  settings: Settings,
): Omit<ChoiceSource, "name" | "take"> | null => {
  const glob = textArgument(context, call, EXAMPLE);
  const window = settings.quantity("window");
  const prompt = textSetting(context, settings, "prompt", "{question}");
  const blank = textSetting(context, settings, "blank", null);
  const choices = textsSetting(context, settings, "choices", "choices");
  const answer = textSetting(context, settings, "answer", "answer");
  const labels = textsSetting(context, settings, "labels", null);
  const shots = settings.has("shots") ? settings.quantity("shots") : { value: 0 };
  if (glob === null || window === null || shots === null) return null;
  if (prompt === null || choices === null || answer === null) return null;
  if (settings.has("labels") && labels === null) return null;
  if (settings.has("blank") && blank === null) return null;
  const fields = { prompt, blank, choices, answer, labels, shots: shots.value };
  return { kind: "choices", glob: glob.value, window: window.value, ...fields };
};
