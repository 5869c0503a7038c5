/**
 * The spec of a run and what was said beside it, kept in the run's folder where some of the plan waits: from these texts a
 * resumed run compiles the rest, whatever has become of the files since.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../errors.js";
import { workFolder } from "./journal.js";
import { writeWhole } from "./write-whole.js";

export const specRecordSchema = z.object({
  format: z.literal(1),
  /** The spec's path. */
  path: z.string(),
  /** The spec and the files that it uses, by path. */
  texts: z.record(z.string(), z.string()),
  /** As `--set`, `--profile` and `--memory`. */
  set: z.array(z.string()).readonly(),
  profile: z.string().nullable(),
  memory: z.string().nullable(),
});

export type SpecRecord = Readonly<z.infer<typeof specRecordSchema>>;

const recordPath = (out: string): string => join(workFolder(out), "spec.json");

export const writeSpecRecord = (out: string, record: SpecRecord): Promise<void> =>
  writeWhole(recordPath(out), `${JSON.stringify(record, null, 1)}\n`);

export const readSpecRecord = async (out: string): Promise<SpecRecord> => {
  try {
    return specRecordSchema.parse(JSON.parse(await readFile(recordPath(out), "utf8")));
  } catch (error) {
    throw new RunError(`${recordPath(out)} does not say what the run was compiled from`, {
      cause: error,
      hint: "start again with a new output folder",
    });
  }
};
