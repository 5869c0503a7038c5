/** Runs TypeScript source in a process of its own, bundled as the product is, with imports relative to the project. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

export interface SpawnResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = resolve(import.meta.dirname, "../..");

export const spawnSource = async (
  source: string,
  options: {
    readonly timeoutMs?: number;
    readonly env?: Record<string, string>;
    readonly flags?: readonly string[];
  } = {},
): Promise<SpawnResult> => {
  // Below the project, so that packages resolve.
  const folder = mkdtempSync(join(root, "node_modules/.spawned-"));
  const file = join(folder, "main.mjs");
  try {
    await build({
      stdin: { contents: source, resolveDir: root, loader: "ts" },
      outfile: file,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
      logLevel: "silent",
    });
    return await run(
      [...(options.flags ?? []), file],
      options.env ?? {},
      options.timeoutMs ?? 60_000,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const run = (
  args: readonly string[],
  env: Record<string, string>,
  timeout: number,
): Promise<SpawnResult> =>
  new Promise((done, failed) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", failed);
    child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
