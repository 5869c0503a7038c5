/** `espalier compile`: the plan, its kernels and a typed module that repeats the run. */
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { RunError } from "../errors.js";
import { nearestAbove } from "./installation.js";
import { typedPath } from "./paths.js";
import { planSpec } from "./planned.js";
import type { SpecOptions } from "./spec.js";

const writeAll = async (
  out: string,
  files: readonly { readonly path: string; readonly text: string }[],
): Promise<void> => {
  try {
    for (const { path, text } of files) {
      await mkdir(dirname(join(out, path)), { recursive: true });
      await writeFile(join(out, path), text);
    }
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new RunError(`cannot write to ${out}${reason}`, { hint: "choose another --out" });
  }
};

/** Lets the module find `espalier/runtime` wherever it was written: a link to this package, where there is none yet. */
const linkRuntime = async (out: string): Promise<void> => {
  try {
    createRequire(join(out, "recipe.mjs")).resolve("espalier/runtime");
  } catch {
    const link = join(out, "node_modules/espalier");
    await mkdir(dirname(link), { recursive: true });
    // One that leads nowhere any more.
    await rm(link, { recursive: true, force: true });
    // A junction, as Windows keeps other links from plain users.
    await symlink(dirname(nearestAbove("package.json")), link, "junction");
  }
};

export const compileCommand = async (
  spec: string,
  options: SpecOptions & { readonly out: string },
): Promise<void> => {
  const planned = await planSpec(spec, options);
  if (planned === null) return;
  const { checked, plan } = planned;
  const out = resolve(options.out);
  // ts-morph costs half a second to import: only here.
  const { emitModule } = await import("../../compiler/emit/module.js");
  const base = relative(out, checked.base).split(sep).join("/") || ".";
  const files = emitModule(plan, base);
  await writeAll(out, files);
  await linkRuntime(out);
  process.stdout.write(
    `${files.length} files in ${options.out}: run them with: node ${typedPath(join(out, "recipe.mjs"))} --out DIR\n`,
  );
};
