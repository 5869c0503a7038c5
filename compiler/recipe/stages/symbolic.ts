/** Small graphs of a model's forward pass, built to learn at check time whether a loss, metric or criterion fits it. */
import { Builder } from "../../ir/build.js";
import type { Input } from "../../ir/tensor.js";
import { forward } from "../../library/forward.js";
import type { Forward, ModelShape, Outcome } from "../../library/library.js";
import type { DataSource } from "../../plan.js";

/** As many windows as make the axis visible and cost little. */
const WINDOWS = 2;

export interface Symbolic {
  readonly builder: Builder;
  readonly tokens: Input;
  readonly labels: Input;
}

/** Data to try a graph on where there is none yet: only sizes matter. */
export const TRIAL: DataSource = { name: "", kind: "text", glob: "", window: 8, take: null };

export const symbolic = (data: DataSource): Symbolic => {
  const builder = new Builder();
  const axes = [
    { name: "window", size: WINDOWS },
    { name: "position", size: data.window },
  ];
  const tokens = builder.input("tokens", axes, "u32");
  return { builder, tokens, labels: builder.input("labels", axes, "u32") };
};

/** The forward pass of one model, its weights named after `model`. */
export const forwardOf = (
  { builder, tokens }: Symbolic,
  model: string,
  shape: ModelShape,
): Outcome<Forward> => forward(shape, builder, { model, tokens });
