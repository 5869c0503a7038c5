/** Loading and trimming a checkpoint: from its files to those of the pruned model, beside copying the files as they are. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpointBytes, sameTensors, writeCheckpoint } from "../checkpoint.js";
import { runCommand } from "../command.js";
import { CannotTakePart } from "../contestant-process.js";
import type { Job, JobLine } from "../line.js";
import type { MeasureOptions } from "../measure.js";
import { EXAMPLES, ROOT } from "../places.js";
import type { LlamaSizes } from "../task.js";

const SIZES: LlamaSizes = {
  hidden_size: 1024,
  intermediate_size: 2816,
  num_hidden_layers: 16,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 64,
  vocab_size: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
};

/** Scoring is as short as it can be: which units stay is no part of what is timed. */
const SPEC = `edition 1
model teacher = open("model")
data words = text("words.txt") { window 16 }
score merit of teacher on words {
  take 1 windows
  hidden, mlp by activation(batch: l2, position: mean)
}
prune student from teacher using merit {
  hidden 1024 -> 768
  mlp 2816 -> 2048
}
export student to "student" {
  format safetensors
  dtype bf16
}
`;

const WORDS = "The state of the union is what its people make of it, year after year. ".repeat(20);

/** What `espalier run --json` says of each stage. */
interface RunReport {
  readonly stages: readonly { readonly stage: string; readonly seconds: number }[];
}

/** Opening, pruning and exporting, as the run tells them; its memory is that of the whole run. */
const espalier = (folder: string, { adapter }: MeasureOptions): Job => ({
  contestant: "espalier",
  about: "espalier run: the stages open, prune and export",
  time: async () => {
    const out = join(folder, "out");
    rmSync(out, { recursive: true, force: true });
    const [program, spec] = [join(ROOT, "dist/espalier.js"), join(folder, "trim.prune")];
    const { output, memory } = await runCommand(process.execPath, [
      ...[program, "run", spec, "--out", out, "--adapter", adapter, "--json"],
    ]);
    const { stages } = JSON.parse(output) as RunReport;
    const seconds = stages
      .filter(({ stage }) => /^(open|prune|export) /.test(stage))
      .reduce((sum, stage) => sum + stage.seconds, 0);
    return { ms: seconds * 1000, memory };
  },
});

/** Python's safetensors with PyTorch's indexing, keeping the units that Espalier kept. */
const pytorch = (folder: string, { python }: MeasureOptions): Job => ({
  contestant: "PyTorch",
  about: "Python's safetensors",
  time: async () => {
    const [script, decisions] = [
      join(ROOT, "bench/contestants/trim.py"),
      join(folder, "out/decisions.json"),
    ];
    const out = join(folder, "pytorch");
    const { output } = await runCommand(python, [script, join(folder, "model"), decisions, out]);
    return JSON.parse(output) as { ms: number; memory: number };
  },
});

const copy = (folder: string): Job => ({
  contestant: "file copy",
  about: "the files copied by Node",
  time: async () => {
    const [from, to] = [join(folder, "model"), join(folder, "copy")];
    mkdirSync(to, { recursive: true });
    const start = performance.now();
    for (const file of readdirSync(from)) copyFileSync(join(from, file), join(to, file));
    return { ms: performance.now() - start, memory: process.memoryUsage().rss };
  },
});

const bytes = checkpointBytes(SIZES);

export const fileLines: readonly JobLine[] = [
  {
    kind: "jobs",
    family: "files",
    name: `a checkpoint of ${Math.round(bytes / 1e6)} MB loaded and trimmed to half`,
    work: bytes / 1e9,
    unit: "GB/s",
    slow: true,
    jobs: async (folder, options) => {
      await writeCheckpoint(join(folder, "model"), SIZES, join(EXAMPLES, "models/sotu-1m"));
      writeFileSync(join(folder, "words.txt"), WORDS);
      writeFileSync(join(folder, "trim.prune"), SPEC);
      return [espalier(folder, options), pytorch(folder, options), copy(folder)];
    },
    verify: (folder, contestant) => {
      const own = join(folder, "out/student/model.safetensors");
      const other = join(folder, "pytorch/model.safetensors");
      if (contestant === "PyTorch" && !sameTensors(own, other))
        throw new CannotTakePart("its tensors differ");
    },
  },
];
