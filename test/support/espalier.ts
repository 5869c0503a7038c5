/** Runs the built command line as a user would. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../dist/espalier.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ESPALIER_ADAPTER: process.env.ESPALIER_ADAPTER ?? "embedded",
  NO_COLOR: "1",
});

/** `program` is what `node` runs: the built command line, or a copy of it. */
export const startEspalier = (
  args: readonly string[],
  cwd?: string,
  program: string = built,
): ChildProcess =>
  spawn(process.execPath, [program, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
  });

/** With its standard input open, to speak with it. */
export const pipedEspalier = (args: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [built, ...args], { env: environment() });

export const ended = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });

export const espalier = (args: readonly string[], cwd?: string, program?: string): Promise<Ended> =>
  ended(startEspalier(args, cwd, program));
