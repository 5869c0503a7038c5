/** What f16 arithmetic asks of an adapter and of a model, said before a stage gives wrong numbers. */
import type { Plan, Stage, WaitingStage } from "../../compiler/plan.js";
import type { AdapterReport } from "../adapter.js";
import { RunError } from "../errors.js";
import { floatBlocks } from "../formats/stored-tensor.js";
import type { Weights } from "../formats/weights.js";
import { taskOf } from "./candidacy.js";
import { stageTitle } from "./words.js";

/** The largest number of f16. */
const LARGEST = 65504;

const inF16 = (stage: Stage | WaitingStage["does"]): boolean =>
  "arithmetic" in stage && stage.arithmetic === "f16";

/** Throws a RunError where a stage is to compute in f16 and the adapter cannot. */
export const checkAdapter = (
  { stages }: Plan,
  { features, device }: Pick<AdapterReport, "features" | "device">,
): void => {
  const stage = stages.find((listed) => inF16(taskOf(listed)));
  if (stage !== undefined && !features.includes("shader-f16"))
    throw new RunError(
      `${stageTitle(stage)} asks for \`arithmetic f16\`, and ${device} has no shader-f16`,
      { hint: "say `arithmetic f32`, or choose another --adapter" },
    );
};

/** The models whose weights a stage multiplies in f16. */
export const modelsInF16 = (stage: Stage): readonly string[] => {
  if (!inF16(stage)) return [];
  switch (stage.kind) {
    case "score":
      return [stage.model];
    case "distill":
      return stage.teacher === null ? [] : [stage.teacher];
    case "evaluate":
      return [...stage.entries, ...stage.choices].map(({ model }) => model);
    default:
      return [];
  }
};

/** Throws a RunError where a weight has a number beyond what f16 can say. One stored in f16 has none. */
export const checkWeights = async ({ layout, tensor }: Weights): Promise<void> => {
  for (const entry of layout.weights) {
    const stored = tensor(entry);
    if (stored.dtype === "f16") continue;
    for await (const { floats } of floatBlocks(stored)) {
      const beyond = floats.find((value) => Math.abs(value) > LARGEST);
      if (beyond === undefined) continue;
      throw new RunError(
        `${entry.file} of ${layout.name} holds ${beyond.toPrecision(4)}, and f16 ends at ${LARGEST.toLocaleString("en")}`,
        { hint: `say \`arithmetic f32\` in stages that read ${layout.name}` },
      );
    }
  }
};
