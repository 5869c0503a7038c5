/** `npm run bench`: Espalier against its peers on the adapter at hand, all measured in this run. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { openDevice } from "../runtime/device.js";
import type { Line } from "./line.js";
import { attentionLines } from "./lines/attention.js";
import { divergenceLines } from "./lines/divergence.js";
import { fileLines } from "./lines/files.js";
import { productLines } from "./lines/product.js";
import { stageLines } from "./lines/stages.js";
import { startLines } from "./lines/start.js";
import { machineReport } from "./machine.js";
import { type LineResult, type MeasureOptions, measureLine } from "./measure.js";
import { absences, ratioTable } from "./table.js";

const LINES: readonly Line[] = [
  ...productLines,
  ...attentionLines,
  ...divergenceLines,
  ...stageLines,
  ...fileLines,
  ...startLines,
];

interface Options {
  readonly adapter: string;
  readonly python: string;
  readonly only?: string;
  readonly json?: string;
  readonly quick?: boolean;
  readonly rounds: string;
  readonly pump: string;
}

const wanted = (
  { family, name, slow, forGpu = false }: Line,
  { only, quick }: Options,
  onGpu: boolean,
): boolean => {
  if (forGpu && !onGpu) return false;
  return only !== undefined
    ? new RegExp(only, "i").test(`${family} ${name}`)
    : !(slow && quick === true);
};

const isGpu = async (adapter: string): Promise<boolean> => {
  const device = await openDevice({ adapter });
  device.close();
  return device.report.kind === "gpu";
};

const hasTorch = (python: string): boolean => {
  try {
    execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const withoutTorch = (line: Line): Line =>
  line.kind === "task"
    ? { ...line, contestants: line.contestants.filter((name) => name !== "PyTorch") }
    : {
        ...line,
        jobs: async (folder, options) =>
          (await line.jobs(folder, options)).filter(({ contestant }) => contestant !== "PyTorch"),
      };

const measureOptions = (options: Options, onGpu: boolean): MeasureOptions => ({
  adapter: options.adapter,
  slowPump: options.pump !== "own",
  python: options.python,
  torchOn: onGpu ? "gpu" : "cpu",
  warmMs: onGpu ? 1_500 : 0,
  patience: 120_000,
  rounds: options.quick === true ? 3 : Number(options.rounds),
  sampleMs: options.quick === true ? 60 : 150,
  budgetMs: options.quick === true ? 3_000 : 10_000,
});

const compareCommand = async (options: Options): Promise<void> => {
  const onGpu = await isGpu(options.adapter);
  const lines = LINES.filter((line) => wanted(line, options, onGpu));
  if (lines.length === 0) {
    const known = LINES.map(({ family, name }) => `  ${family} ${name}`).join("\n");
    program.error(`error: --only ${options.only} matches none of\n${known}`, { exitCode: 2 });
  }
  const torch = hasTorch(options.python);
  if (!torch) process.stderr.write(`no PyTorch: ${options.python} -c "import torch" fails\n`);
  const results: LineResult[] = [];
  for (const line of lines) {
    process.stderr.write(`${line.family} ${line.name} …\n`);
    results.push(
      await measureLine(torch ? line : withoutTorch(line), measureOptions(options, onGpu)),
    );
  }
  const contestants = [
    ...new Set(results.flatMap(({ measured }) => measured.map(({ about }) => about))),
  ];
  const machine = machineReport();
  process.stdout.write(
    [
      `${machine.processor}, ${machine.cores} cores, Node ${machine.node}`,
      ...contestants,
      "",
      ratioTable(results),
      ...absences(results).map((absence) => `\n${absence}`),
      "",
    ].join("\n"),
  );
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ date: new Date().toISOString(), machine, pump: options.pump, contestants, lines: results }, null, 2)}\n`,
    );
};

const adapterOption = (): Option =>
  new Option("--adapter <which>", "as espalier run --adapter")
    .env("ESPALIER_ADAPTER")
    .default("auto");

const program = new Command("npm run bench --").description(
  "Measures Espalier on the adapter at hand.",
);

program
  .command("compare", { isDefault: true })
  .description("against its peers, all in one run (what is done where nothing is said)")
  .addOption(adapterOption())
  .option("--python <path>", "a Python with PyTorch", process.env.PYTHON ?? "python3")
  .option("--only <pattern>", "only lines whose family or name matches this regular expression")
  .option("--quick", "fewer samples, without the slow lines")
  .option("--rounds <count>", "samples of each contestant", "5")
  .option("--pump <how>", "how peers wait: slowed (as Espalier does) or own (Dawn's)", "slowed")
  .option("--json <file>", "keep the results")
  .action(compareCommand);

program
  .command("scaling")
  .description("time of a distillation step against tokens, layers and width")
  .addOption(adapterOption())
  .option("--json <file>", "keep the results")
  .action(async (options) => (await import("./scaling.js")).scalingCommand(options));

program
  .command("memory")
  .description("memory of training: beside what must live, and over 2,000 steps")
  .addOption(adapterOption())
  .option("--json <file>", "keep the results")
  .action(async (options) => (await import("./memory.js")).memoryCommand(options));

program
  .command("paper")
  .description("runs the specs of examples/paper and prints their tables")
  .addOption(adapterOption())
  .option("--out <dir>", "where the runs are kept, to go on from", "out/paper")
  .option("--seeds <list>", "one run of each spec for each", "0")
  .option("--amount <tokens>", "the unit of training in every spec", "20K tokens")
  .option("--only <text>", "only specs whose name contains this")
  .action(async (options) => (await import("./paper.js")).paperCommand(options));

program
  .command("figure")
  .description("draws the results of scaling as an SVG")
  .argument("<json>")
  .argument("<svg>")
  .action(async (json, svg) => (await import("./figure.js")).figureCommand(json, svg));

await program.parseAsync();
