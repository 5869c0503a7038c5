/** A contestant in a process of its own, so that its memory and its waits are its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { ContestantOptions } from "./contestant.js";
import { ROOT } from "./places.js";
import type { Reply, Request } from "./protocol.js";
import type { Task } from "./task.js";
import { readFloats } from "./tensor-file.js";

export type ContestantName =
  | "espalier"
  | "naive"
  | "jax-js"
  | "TensorFlow.js"
  | "PyTorch"
  | "file copy"
  | "bare Node";

export interface ProcessOptions extends ContestantOptions {
  /** The Python that has PyTorch. */
  readonly python: string;
  /** Where PyTorch runs: beside Espalier. */
  readonly torchOn: "cpu" | "gpu";
  /** Longest wait for a reply, in ms. */
  readonly patience: number;
}

export interface Timing {
  readonly ms: number;
  readonly memory: number;
}

export interface Running {
  readonly about: string;
  readonly time: (repeats: number) => Promise<Timing>;
  readonly result: () => Promise<readonly Float32Array[]>;
  readonly close: () => void;
}

/** Why a contestant is not in a line. */
export class CannotTakePart extends Error {}

const start = (name: ContestantName, options: ProcessOptions, folder: string): ChildProcess => {
  const [command, args] =
    name === "PyTorch"
      ? [options.python, [join(ROOT, "bench/contestants/pytorch.py"), options.torchOn]]
      : [
          process.execPath,
          [
            fileURLToPath(new URL("worker.js", import.meta.url)),
            name,
            JSON.stringify({ adapter: options.adapter, slowPump: options.slowPump }),
          ],
        ];
  // It is killed when it is done, so what it leaves goes where all goes with the line's folder.
  const env = { ...process.env, TMPDIR: folder };
  return spawn(command, args, { env, stdio: ["pipe", "ignore", "ignore", "pipe"] });
};

interface Channel {
  readonly ask: (request: Request) => Promise<Reply>;
  readonly close: () => void;
}

const openChannel = (name: ContestantName, options: ProcessOptions, folder: string): Channel => {
  const child = start(name, options, folder);
  let waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null;
  let gone: Error | null = null;
  const end = (reason: string): void => {
    gone = new CannotTakePart(reason);
    waiting?.reject(gone);
  };
  child.on("error", (error) => end(error.message));
  child.on("exit", (code, signal) => end(`its process ended (${signal ?? code})`));
  child.stdin?.on("error", () => undefined);
  createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
    waiting?.resolve(JSON.parse(line) as Reply);
  });
  const ask = async (request: Request): Promise<Reply> => {
    if (gone !== null) throw gone;
    const timer = setTimeout(() => {
      end(`no reply in ${options.patience / 1000} s`);
      child.kill("SIGKILL");
    }, options.patience);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        waiting = { resolve, reject };
        child.stdin?.write(`${JSON.stringify(request)}\n`);
      });
      if (reply.kind === "failed") throw new CannotTakePart(reply.reason);
      return reply;
    } finally {
      clearTimeout(timer);
      waiting = null;
    }
  };
  return { ask, close: () => child.kill("SIGKILL") };
};

const unexpected = (reply: Reply): Error => new Error(`unexpected reply ${reply.kind}`);

/** Starts a contestant on a task. Throws CannotTakePart. `folder` is for all that it writes. */
export const startContestant = async (
  name: ContestantName,
  task: Task,
  options: ProcessOptions,
  folder: string,
): Promise<Running> => {
  const { ask, close } = openChannel(name, options, folder);
  try {
    const ready = await ask({ kind: "prepare", task });
    if (ready.kind !== "prepared") throw unexpected(ready);
    if (!ready.can) throw new CannotTakePart("has no such operation");
    return {
      about: ready.about,
      time: async (repeats) => {
        const reply = await ask({ kind: "time", repeats });
        if (reply.kind !== "time") throw unexpected(reply);
        return reply;
      },
      result: async () => {
        const path = join(folder, `result-${name}`);
        const reply = await ask({ kind: "result", path });
        if (reply.kind !== "result") throw unexpected(reply);
        const files = Array.from({ length: reply.count }, (_, at) => `${path}.${at}`);
        const results = files.map((file) => readFloats({ path: file }));
        for (const file of files) rmSync(file);
        return results;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
};
