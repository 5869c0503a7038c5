/** What an architecture advises of a config.json that is written, because other programs want it. */
import { Builder } from "../ir/build.js";
import { evaluate } from "./elaborate.js";
import { configEnvironment } from "./forward.js";
import type { ModelShape } from "./library.js";
import { isTrue } from "./value.js";

export interface Advice {
  /** As the architecture writes it. */
  readonly requirement: string;
  readonly reason: string;
}

/** The advice that a shape does not follow. */
export const unheeded = (shape: ModelShape): readonly Advice[] => {
  const { decl, file } = shape.architecture;
  const env = configEnvironment(shape.library, new Builder(), shape);
  return decl.items.flatMap((item) => {
    if (item.kind !== "advise" || isTrue(evaluate(env, item.condition))) return [];
    const { start, end } = item.condition.span;
    return [{ requirement: file.text.slice(start, end), reason: item.reason.value }];
  });
};
