/** Whole commands: how long a process takes from its start to its end, and the most memory it held. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { CannotTakePart, type Timing } from "./contestant-process.js";

export interface CommandResult extends Timing {
  readonly output: string;
}

const POLL_MS = 20;

/** Linux: the most memory of a process so far; 0 where that cannot be told, as when it has just ended. */
const peakOf = (pid: number | undefined): number => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};

/** Runs a command to its end. Throws CannotTakePart where it fails. */
export const runCommand = (command: string, args: readonly string[]): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    let memory = 0;
    const timer = setInterval(() => {
      memory = Math.max(memory, peakOf(child.pid));
    }, POLL_MS);
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("error", (error) => {
      clearInterval(timer);
      reject(new CannotTakePart(error.message));
    });
    child.on("close", (code) => {
      const ms = performance.now() - start;
      clearInterval(timer);
      if (code === 0) resolve({ ms, memory, output });
      else reject(new CannotTakePart(`exit code ${code}: ${errors || output}`));
    });
  });
