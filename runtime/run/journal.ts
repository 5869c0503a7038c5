/**
 * The journal of an output folder: which stages are complete and what came of them. Each stage commits by one atomic
 * write after its files are in place, so that a killed run loses at most the stage it was in.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../errors.js";
import { writeWhole } from "./write-whole.js";

export const journalSchema = z.object({
  format: z.literal(1),
  /** Hash of the plan these stages belong to. */
  plan: z.string(),
  /** The folder that relative paths of the plan start from. */
  base: z.string(),
  /** The spec, beside which the lock is written; null for a plan without one. */
  spec: z.string().nullable(),
  /** Identity of the adapter, so that a resumed run does not go on elsewhere unnoticed. */
  adapter: z.string(),
  /** Launches chosen by the tuner, by tuning key. */
  tuning: z.record(z.string(), z.number()),
  /** Results of complete stages by index, in the plan's order. */
  stages: z.array(
    z.object({ index: z.number(), kind: z.string(), result: z.unknown(), seconds: z.number() }),
  ),
  complete: z.boolean(),
});

export type JournalData = z.infer<typeof journalSchema>;

export const workFolder = (out: string): string => join(out, ".espalier");
const journalPath = (out: string): string => join(workFolder(out), "journal.json");

export interface Journal {
  readonly data: () => JournalData;
  /** The result of a complete stage, or undefined. */
  readonly result: (index: number) => unknown;
  /** `seconds` are what the stage took since it was begun or last gone on with. */
  readonly commit: (index: number, kind: string, result: unknown, seconds: number) => Promise<void>;
  readonly update: (change: Partial<JournalData>) => Promise<void>;
}

const open = (out: string, initial: JournalData): Journal => {
  let data = initial;
  const write = async (next: JournalData): Promise<void> => {
    data = next;
    await writeWhole(journalPath(out), `${JSON.stringify(next, null, 1)}\n`);
  };
  return {
    data: () => data,
    result: (index) => data.stages.find((stage) => stage.index === index)?.result,
    commit: (index, kind, result, seconds) =>
      write({ ...data, stages: [...data.stages, { index, kind, result, seconds }] }),
    update: (change) => write({ ...data, ...change }),
  };
};

/** Starts a journal in a folder. */
export const createJournal = async (
  out: string,
  start: Omit<JournalData, "format" | "stages" | "complete">,
): Promise<Journal> => {
  await mkdir(workFolder(out), { recursive: true });
  const journal = open(out, { format: 1, stages: [], complete: false, ...start });
  await journal.update({});
  return journal;
};

/** The journal of an earlier run, or null where there is none. A broken one is a RunError. */
export const readJournal = async (out: string): Promise<Journal | null> => {
  let text: string;
  try {
    text = await readFile(journalPath(out), "utf8");
  } catch {
    return null;
  }
  try {
    return open(out, journalSchema.parse(JSON.parse(text)));
  } catch {
    throw new RunError(`${journalPath(out)} is not a journal of espalier`, {
      hint: "start again with a new output folder",
    });
  }
};
