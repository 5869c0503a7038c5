/** metrics.jsonl: one JSON object a line, appended as the run goes; on resume, lines past the checkpoint are cut. */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../errors.js";
import { writeWhole } from "./write-whole.js";

/** A training step. Tokens are counted from the start; `loss` and `norm` are those before the update. */
export const stepLineSchema = z.object({
  stage: z.string(),
  step: z.int(),
  tokens: z.int(),
  loss: z.number(),
  /** Of all gradients, before clipping; null where it is not finite. */
  norm: z.number().nullable(),
  rate: z.number(),
  tokensPerSecond: z.number(),
});

/** A metric of a model; null where it is not finite. */
export const measureLineSchema = z.object({
  stage: z.literal("evaluate"),
  model: z.string(),
  data: z.string(),
  metric: z.string(),
  value: z.number().nullable(),
});

export type MetricsLine = Readonly<
  z.infer<typeof stepLineSchema> | z.infer<typeof measureLineSchema>
>;

export interface MetricsLog {
  readonly append: (line: MetricsLine) => Promise<void>;
  /** Forgets lines of `stage` from `step` on (all of its lines where `step` is 0). */
  readonly rewind: (stage: string, step: number) => Promise<void>;
}

const keeps = (text: string, stage: string, step: number): boolean => {
  try {
    const line = JSON.parse(text) as MetricsLine;
    return line.stage !== stage || ("step" in line ? line.step : 0) < step;
  } catch {
    return false; // the last line of a killed run may be cut short
  }
};

export const openMetricsLog = (out: string): MetricsLog => {
  const path = join(out, "metrics.jsonl");
  return {
    append: async (line) => {
      try {
        await appendFile(path, `${JSON.stringify(line)}\n`);
      } catch (error) {
        throw fileError("write", path, error);
      }
    },
    rewind: async (stage, step) => {
      const text = await readFile(path, "utf8").catch(() => "");
      const kept = text.split("\n").filter((line) => line !== "" && keeps(line, stage, step));
      await writeWhole(path, kept.map((line) => `${line}\n`).join(""));
    },
  };
};
