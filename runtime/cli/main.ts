/** The command line: each command is its own file, loaded only when used, so that `check` starts fast. */
import { type Argument, Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.js";
import { EXIT } from "./exit.js";
import { failure } from "./failure.js";
import { type CommandName, commandHelp, mainHelp } from "./help.js";

const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

const adapterOption = (): Option =>
  new Option(
    "--adapter <which>",
    "auto, gpu, system (a software driver), embedded, or part of an adapter's name; default auto",
  ).env("ESPALIER_ADAPTER");

const memoryOption = (): Option =>
  new Option(
    "--memory <size>",
    "device memory that a stage may take, like 2GiB: larger models are scored and evaluated layer by layer, training keeps fewer activations",
  );

const scoresOption = (): Option =>
  new Option(
    "--scores <dir>",
    "folder in which scores are kept and found again (default: .espalier/scores beside the output folder)",
  );

const useOption = (): Option =>
  new Option(
    "--use <file>",
    "a .prune file with the model's architecture, where the library has none (repeatable)",
  ).argParser(collect);

/** A command with what its `--help` says; after a mistake, where to look. */
const command = (program: Command, name: CommandName): Command =>
  program
    .command(name)
    .showHelpAfterError(`(espalier ${name} --help says more)`)
    .addHelpText("after", commandHelp[name]);

const specOptions = (of: Command): Command =>
  of
    .argument("<spec>", "a .prune file")
    .addOption(
      new Option("--set <name=value>", "a value for a param of the spec (repeatable)").argParser(
        collect,
      ),
    )
    .option("--profile <name>", "apply a profile of the spec");

/** As a command's usage shows it. */
const argument = (of: Argument): string => {
  const name = `${of.name()}${of.variadic ? "..." : ""}`;
  return of.required ? `<${name}>` : `[${name}]`;
};

const createProgram = (): Command => {
  const program = new Command("espalier")
    .description(
      "Makes language models smaller: prunes and distils them as a short .prune spec says, on any GPU or on none.",
    )
    .version(VERSION)
    .addHelpText("after", mainHelp)
    .showHelpAfterError("(espalier --help shows the commands)")
    .configureHelp({
      subcommandTerm: (of) => [of.name(), ...of.registeredArguments.map(argument)].join(" "),
    })
    .exitOverride();

  specOptions(command(program, "check"))
    .description("say everything that is wrong with a spec, before any GPU work")
    .addOption(memoryOption())
    .option("--json", "diagnostics as JSON on stdout")
    .action(async (spec, options) => (await import("./check.js")).checkCommand(spec, options));

  specOptions(command(program, "test"))
    .description("try on small random models that a spec's definitions can be cut and trained")
    .option("--law <name>", "only this law (repeatable)", collect)
    .option("--model <name>", "only small models of this one's architecture")
    .option("--runs <count>", "cases of each law", "60")
    .option("--seed <number>", "of the cases; another one gives others", "0")
    .option("--path <path>", "begin at this case, as a broken law says it")
    .option("--json", "the report as JSON on stdout")
    .action(async (spec, options) => (await import("./test.js")).testCommand(spec, options));

  specOptions(command(program, "explain"))
    .description("show the plan: stages, parameters by axis, kernels, FLOPs, memory")
    .addOption(memoryOption())
    .option("--json", "the report as JSON on stdout")
    .action(async (spec, options) => (await import("./explain.js")).explainCommand(spec, options));

  specOptions(command(program, "run"))
    .description("run a spec: score, prune, distil, evaluate, export")
    .addOption(memoryOption())
    .requiredOption("--out <dir>", "output folder (required); also the run's journal")
    .addOption(adapterOption())
    .addOption(scoresOption())
    .option("--force", "start again, whatever run the folder holds")
    .option("--json", "the result as JSON on stdout")
    .action(async (spec, options) => (await import("./run.js")).runCommand(spec, options));

  command(program, "resume")
    .description("go on with a run that was interrupted or killed, to the same bits")
    .argument("<dir>", "the run's output folder")
    .addOption(adapterOption())
    .addOption(scoresOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (dir, options) => (await import("./resume.js")).resumeCommand(dir, options));

  command(program, "eval")
    .description("measure loss and perplexity of a model over text")
    .addOption(memoryOption())
    .argument("<model>", "a Hugging Face model folder, or a .gguf file")
    .argument("[files...]", "more files of --data, which a shell makes of a pattern")
    .requiredOption(
      "--data <glob>",
      "text, .jsonl or .parquet files (required, repeatable), as a pattern in quotes",
      collect,
    )
    .option(
      "--window <tokens>",
      "predicted tokens per window (default: the model's context, at most 1024)",
    )
    .option("--take <windows>", "only the first so many windows (default: all)")
    .option(
      "--arithmetic <type>",
      "f16 computes products with weights in f16, where the adapter can: faster on many GPUs, and less exact",
      "f32",
    )
    .addOption(useOption())
    .addOption(adapterOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (model, files, options) =>
      (await import("./eval.js")).evalCommand(model, files, options),
    );

  command(program, "generate")
    .description("go on with a text, as a look at what a model knows")
    .argument("<model>", "a Hugging Face model folder, or a .gguf file")
    .option("--prompt <text>", "the text to go on with (default: the standard input)")
    .option("--tokens <count>", "at most so many new tokens", "64")
    .option(
      "--temperature <t>",
      "draw from the probabilities at this temperature; 0 takes the likeliest token (default: 0, with --top-k or --top-p 1)",
    )
    .option("--top-k <count>", "draw from so many likeliest tokens only")
    .option("--top-p <part>", "draw from the likeliest tokens that together reach this part of 1")
    .option("--seed <number>", "of the draws", "0")
    .option(
      "--window <tokens>",
      "tokens that the model sees at once (default: its context, at most 1024)",
    )
    .addOption(useOption())
    .addOption(adapterOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (model, options) =>
      (await import("./generate.js")).generateCommand(model, options),
    );

  command(program, "compare")
    .description("compare a model's logits with those that another program gives")
    .argument("<model>", "a Hugging Face model folder, or a .gguf file")
    .requiredOption(
      "--with <file>",
      "a .safetensors file (required) with tokens [window, position] and logits [window, position, vocab]",
    )
    .option("--within <number>", "the most that they may differ by", "0.001")
    .addOption(useOption())
    .addOption(adapterOption())
    .option("--json", "the result as JSON on stdout")
    .action(async (model, options) =>
      (await import("./compare.js")).compareCommand(model, options),
    );

  specOptions(command(program, "compile"))
    .description("write the plan, its .wgsl kernels and a typed module that repeats the run")
    .addOption(memoryOption())
    .requiredOption("--out <dir>", "output folder (required)")
    .action(async (spec, options) => (await import("./compile.js")).compileCommand(spec, options));

  command(program, "fmt")
    .description("format .prune files in place")
    .argument("<files...>", ".prune files")
    .option("--check", "change nothing; exit 1 where a file is not formatted")
    .action(async (files, options) => (await import("./fmt.js")).fmtCommand(files, options));

  command(program, "language-server")
    .description("answer an editor: mistakes, completion, formatting")
    .option("--stdio", "the only way there is; editors say so")
    .action(async () => (await import("./language-server/server.js")).languageServerCommand());

  specOptions(command(program, "time"))
    .description("time each kernel of a spec's programs on this adapter")
    .addOption(memoryOption())
    .option("--program <part>", "only programs whose name contains this")
    .addOption(adapterOption())
    .option("--json", "the times as JSON on stdout")
    .action(async (spec, options) => (await import("./time.js")).timeCommand(spec, options));

  command(program, "doctor")
    .description("explain which adapter is used and what would make it faster")
    .addOption(adapterOption())
    .option("--json", "the report as JSON on stdout")
    .action(async (options) => (await import("./doctor.js")).doctorCommand(options));

  return program;
};

/** Who reads the output may have enough of it before its end, as `head` does: a command ends by itself, never amid GPU work. */
const withoutReader = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "EPIPE") throw error;
};

const main = async (): Promise<void> => {
  process.stdout.on("error", withoutReader);
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.command;
    else process.exitCode = failure(error);
  }
};

void main();
