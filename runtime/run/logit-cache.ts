/**
 * What is kept of a teacher, in one file for each teacher, data and program of its pass, named as scores are: every window
 * has its place, so that a stage adds those that it lacks, and all stages, candidates and runs that want the same share them.
 * A window is followed by a hash of it: one that was never written, or not to its end, is computed again.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeptLogits } from "../../compiler/plan.js";
import type { Corpus } from "../data/corpus.js";
import { fileError, RunError } from "../errors.js";
import type { FeedData } from "../feeds.js";
import { batchOf } from "./batch.js";
import {
  corpusOf,
  keepOnly,
  programNamed,
  type RunContext,
  releaseProgram,
  upload,
} from "./context.js";
import { codeOf, hash, identityOf, readAs } from "./identity.js";
import { Interrupted } from "./interrupted.js";
import { workFolder } from "./journal.js";

/** What a stage keeps, and of whom. */
export interface Keeping extends KeptLogits {
  readonly teacher: string;
  readonly data: string;
}

export interface KeptTeacher {
  /** What a program is fed of some windows, in the teacher's place. */
  readonly feeds: (windows: readonly number[]) => Promise<FeedData>;
  readonly close: () => Promise<void>;
}

const pathOf = (context: RunContext, keeping: Keeping): string => {
  const { scores, plan, out } = context;
  if (scores === null) return join(workFolder(out), `${keeping.program}.logits`);
  const { count, placeBytes, numbers } = keeping;
  const key = hash({
    ...readAs(context, scores.inputs, keeping.data),
    model: identityOf(context, scores.inputs, keeping.teacher),
    file: [1, count, placeBytes, numbers.length],
    code: codeOf(plan, [keeping.program]),
  });
  return join(scores.folder, `${key}.logits`);
};

/** Of a window, behind it. */
const HASH_BYTES = 8;

const hashOf = (bytes: Uint8Array): Buffer =>
  createHash("sha256").update(bytes).digest().subarray(0, HASH_BYTES);

/** The file, made where there is none and never cut short: another run may be writing to it, the same to the same places. */
const openFile = async (path: string): Promise<FileHandle> => {
  try {
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, "a")).close();
    return await open(path, "r+");
  } catch (error) {
    throw fileError("write", path, error);
  }
};

/** Windows of a file by number. */
class WindowFile {
  constructor(
    private readonly file: FileHandle,
    readonly path: string,
    /** Of a window, without its hash. */
    readonly bytes: number,
  ) {}

  /** Null where it is not there whole. */
  async read(window: number): Promise<Uint8Array | null> {
    const slot = new Uint8Array(this.bytes + HASH_BYTES);
    try {
      for (let done = 0; done < slot.length; ) {
        const at = window * slot.length + done;
        const { bytesRead } = await this.file.read(slot, done, slot.length - done, at);
        if (bytesRead === 0) return null;
        done += bytesRead;
      }
    } catch (error) {
      throw fileError("read", this.path, error);
    }
    const content = slot.subarray(0, this.bytes);
    return hashOf(content).equals(slot.subarray(this.bytes)) ? content : null;
  }

  async write(window: number, content: Uint8Array): Promise<void> {
    const slot = Buffer.concat([content, hashOf(content)]);
    try {
      for (let done = 0; done < slot.length; ) {
        const at = window * slot.length + done;
        done += (await this.file.write(slot, done, slot.length - done, at)).bytesWritten;
      }
    } catch (error) {
      throw fileError("write", this.path, error);
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Places as they are in the file. */
const packedPlaces = (places: ArrayLike<number>, bytes: Keeping["placeBytes"]) =>
  bytes === 2 ? Uint16Array.from(places) : Uint32Array.from(places);

/** What the program gave, window after window, as it is in the file: values, places, numbers. */
const packed = (keeping: Keeping, outputs: readonly Float32Array[], at: number): Uint8Array => {
  const parts = outputs.map((output, index) => {
    const length = output.length / keeping.windows;
    const own = output.subarray(at * length, (at + 1) * length);
    return bytesOf(index === 1 ? packedPlaces(own, keeping.placeBytes) : own);
  });
  return Buffer.concat(parts);
};

/** The arrays of some windows, by the names that programs are fed them by. */
const unpacked = (
  { values, places, numbers, count, placeBytes }: Keeping,
  positions: number,
  contents: readonly Uint8Array[],
): FeedData => {
  const most = positions * count;
  let start = 0;
  const gathered = (bytes: number): Uint8Array => {
    const all = new Uint8Array(bytes * contents.length);
    contents.forEach((content, at) => {
      all.set(content.subarray(start, start + bytes), at * bytes);
    });
    start += bytes;
    return all;
  };
  const floats = (length: number) => new Float32Array(gathered(4 * length).buffer);
  const feeds: Record<string, Float32Array | Uint32Array> = { [values]: floats(most) };
  const { buffer } = gathered(placeBytes * most);
  feeds[places] = Uint32Array.from(
    placeBytes === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer),
  );
  for (const name of numbers) feeds[name] = floats(positions);
  return feeds;
};

/** The teacher's pass over these windows, batch by batch; a window is there for good as soon as it is written. */
const keep = async (
  context: RunContext,
  keeping: Keeping,
  corpus: Corpus,
  file: WindowFile,
  windows: readonly number[],
): Promise<void> => {
  await upload(context, keeping.teacher);
  const program = await programNamed(context, keeping.program);
  const names = [keeping.values, keeping.places, ...keeping.numbers];
  for (let done = 0; done < windows.length; ) {
    if (context.interrupted()) throw new Interrupted();
    const batch = windows.slice(done, done + keeping.windows);
    // The last batch is filled up with what it has.
    const whole = Array.from({ length: keeping.windows }, (_, at) => batch[at % batch.length] ?? 0);
    await program.run({ ...batchOf(corpus, whole) });
    const outputs = await Promise.all(names.map((name) => program.output(name)));
    for (const [at, window] of batch.entries())
      await file.write(window, packed(keeping, outputs, at));
    done += batch.length;
    const tokens = done * corpus.window;
    context.reporter.progress({ done, total: windows.length, tokens });
  }
  await releaseProgram(context, keeping.program);
};

/** Of `windows`, those that are not there whole, in order. */
const missingIn = async (file: WindowFile, windows: readonly number[]): Promise<number[]> => {
  const missing: number[] = [];
  for (const window of windows.toSorted((a, b) => a - b))
    if ((await file.read(window)) === null) missing.push(window);
  return missing;
};

/** What is kept of a teacher of these windows: made where it is not there, and then the teacher is off the device. */
export const openKept = async (
  context: RunContext,
  keeping: Keeping,
  windows: readonly number[],
): Promise<KeptTeacher> => {
  const corpus = corpusOf(context, keeping.teacher, keeping.data);
  const path = pathOf(context, keeping);
  const bytes = corpus.window * keeping.tokenBytes;
  const file = new WindowFile(await openFile(path), path, bytes);
  try {
    const missing = await missingIn(file, windows);
    if (missing.length > 0) await keep(context, keeping, corpus, file, missing);
    const of =
      missing.length === 0 ? "reused" : `kept, ${missing.length} of ${windows.length} windows`;
    context.reporter.line(`logits ${of}: ${path}`);
    keepOnly(context, null);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    feeds: async (wanted) => {
      const contents = await Promise.all(wanted.map((window) => file.read(window)));
      const there = contents.filter((content) => content !== null);
      if (there.length < wanted.length)
        throw new RunError(`${path} was changed while it was read`, {
          hint: "resume the run: what is broken is made again",
        });
      return unpacked(keeping, corpus.window, there);
    },
    close: () => file.close(),
  };
};
