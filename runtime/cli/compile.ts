/** `espalier compile`: the plan, its kernels and a typed module that repeats the run. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { RunError } from "../errors.js";
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
  process.stdout.write(
    `${files.length} files in ${options.out}: run them with node recipe.mjs --out DIR\n`,
  );
};
