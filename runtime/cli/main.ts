#!/usr/bin/env node
/** The command line: each command is its own file, loaded only when used, so that `check` starts fast. */
import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.js";
import { EXIT } from "./exit.js";
import { failure } from "./failure.js";

const collect = (value: string, before: string[]): string[] => [...before, value];

const adapterOption = (): Option =>
  new Option("--adapter <which>", "auto, gpu, system, embedded, or part of an adapter's name").env(
    "ESPALIER_ADAPTER",
  );

const specOptions = (command: Command): Command =>
  command
    .argument("<spec>", "a .prune file")
    .option("--set <name=value>", "override a param of the spec (repeatable)", collect, [])
    .option("--profile <name>", "apply a profile of the spec");

const createProgram = (): Command => {
  const program = new Command("espalier")
    .description(
      "Prune and distil language models from a short .prune spec, on any GPU or on none.",
    )
    .version(VERSION)
    .showHelpAfterError("(espalier --help shows the commands)")
    .exitOverride();

  specOptions(program.command("check"))
    .description("say everything that is wrong with a spec, before any GPU work")
    .option("--json", "diagnostics as JSON")
    .action(async (spec, options) => (await import("./check.js")).checkCommand(spec, options));

  program
    .command("fmt")
    .description("format .prune files in place")
    .argument("<files...>", ".prune files")
    .option("--check", "change nothing; exit 1 where a file is not formatted")
    .action(async (files, options) => (await import("./fmt.js")).fmtCommand(files, options));

  specOptions(program.command("explain"))
    .description("show the plan: stages, parameters by axis, kernels, FLOPs, memory")
    .option("--json", "the report as JSON")
    .action(async (spec, options) => (await import("./explain.js")).explainCommand(spec, options));

  specOptions(program.command("compile"))
    .description("write the plan, its .wgsl kernels and a typed module that repeats the run")
    .requiredOption("--out <dir>", "output folder")
    .action(async (spec, options) => (await import("./compile.js")).compileCommand(spec, options));

  specOptions(program.command("run"))
    .description("run a spec: score, prune, distil, evaluate, export")
    .requiredOption("--out <dir>", "output folder; also the run's journal")
    .addOption(adapterOption())
    .option("--force", "start again where the folder holds another run")
    .option("--json", "the result as JSON on stdout")
    .action(async (spec, options) => (await import("./run.js")).runCommand(spec, options));

  program
    .command("resume")
    .description("go on with a run that was interrupted or killed, to the same bits")
    .argument("<dir>", "the run's output folder")
    .addOption(adapterOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (dir, options) => (await import("./resume.js")).resumeCommand(dir, options));

  program
    .command("eval")
    .description("loss and perplexity of a model over text")
    .argument("<model>", "a Hugging Face model folder")
    .requiredOption("--data <glob>", "text or .jsonl files")
    .option(
      "--window <tokens>",
      "predicted tokens per window (default: the model's context, at most 1024)",
    )
    .option("--take <windows>", "only the first so many windows")
    .addOption(adapterOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (model, options) => (await import("./eval.js")).evalCommand(model, options));

  program
    .command("doctor")
    .description("explain which adapter is used and what would make it faster")
    .addOption(adapterOption())
    .option("--json", "the report as JSON")
    .action(async (options) => (await import("./doctor.js")).doctorCommand(options));

  return program;
};

const main = async (): Promise<void> => {
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.command;
    else process.exitCode = failure(error);
  }
};

await main();
