/** What `--help` says beyond options: examples that can be typed, and what the exit code means. */

/** Command lines with what each is for, aligned. */
const examples = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([line]) => line.length));
  const lines = rows.map(([line, why]) => `  ${line.padEnd(width)}  ${why}`.trimEnd());
  return `\nExamples:\n${lines.join("\n")}`;
};

export const mainHelp = `
Start here:
  espalier doctor                     which adapter is used, GPU or software
  espalier check my.prune             what is wrong with a spec, before it runs
  espalier run my.prune --out out/my  the smaller model, in out/my
  espalier COMMAND --help             options and examples of a command

Exit codes:
  0 done; 1 the spec is wrong; 2 the command is wrong; 3 the run failed;
  4 an \`expect\` or a law does not hold; 130 interrupted

Environment:
  ESPALIER_ADAPTER  the adapter, where --adapter does not say
  ESPALIER_DEBUG    set to see where an error came from
  NO_COLOR          set for text without colours`;

export const commandHelp = {
  check: examples([
    ["espalier check my.prune", ""],
    ["espalier check my.prune --profile smoke", "with a profile's values"],
    ["espalier check my.prune --json", "for an editor: line and column from 1"],
  ]),
  test: `${examples([
    ["espalier test my.prune", ""],
    ["espalier test losses.prune", "a file of definitions"],
    ["espalier test my.prune --law masking --runs 900", "one law, many cases"],
  ])}

Laws hold of every model that is cut: pruning to the full size changes no bit,
masking equals trimming, gradients are what differences say, and others. Each is
tried on models of the spec's architectures in small random sizes, with random
weights, in float64 and on no device. One that is broken is shown with the
smallest model that breaks it, and ends the command with exit code 4.`,
  fmt: examples([
    ["espalier fmt my.prune", "rewrite it"],
    ["espalier fmt --check *.prune", "only say which are not formatted"],
  ]),
  "language-server": `${examples([["espalier language-server --stdio", "as an editor starts it"]])}

Mistakes as they are typed with their corrections, formatting, what a name means
and where it is declared, what may be written next, an outline. Point an editor
at this command for .prune files: editors/vscode/README.md has lines for some.`,
  explain: examples([
    ["espalier explain my.prune", ""],
    ["espalier explain my.prune --set budget=4M", "what another size would cost"],
  ]),
  compile: examples([
    ["espalier compile my.prune --out out/plan", ""],
    ["node out/plan/recipe.mjs --out out/my", "the same run, without the spec"],
  ]),
  run: `${examples([
    ["espalier run my.prune --out out/my", ""],
    ["espalier run my.prune --out out/try --profile smoke", "a profile of the spec"],
    ["espalier run my.prune --out out/my --force", "again from the beginning"],
  ])}

Where the folder holds an unfinished run of the same spec, that is gone on with.
The folder gets each exported model, decisions.json (which units stayed, and
why) and metrics.jsonl (loss, norm, rate of each step); SPEC.lock says what the
run was a function of.`,
  resume: examples([
    ["espalier resume out/my", ""],
    ["espalier resume out/my --adapter gpu", "elsewhere: the bits may differ"],
  ]),
  eval: `${examples([
    ['espalier eval models/my --data "texts/*.txt"', ""],
    ['espalier eval out/my/healed --data "valid/*.jsonl" --take 40', ""],
  ])}

A document is a text file, or the "text" of a line of a .jsonl file or of a row
of a .parquet file. Documents are read in order of name, each after the model's
start token, joined and cut into windows; a short one at the end is left out.`,
  generate: `${examples([
    ['espalier generate models/my --prompt "Once"', ""],
    ["espalier generate models/my --top-k 40 --seed 7 < text.txt", "drawn"],
  ])}

The same model, text, seed and adapter give the same tokens. Special tokens go
around the text as the model's tokenizer puts them. Text comes as it is made;
with --json at the end, whole.`,
  compare: `${examples([
    ["espalier compare models/my --with reference.safetensors", ""],
    ["espalier compare models/my --with reference.safetensors --use my.prune", ""],
  ])}

Each logit is of the token after the ones up to its position. Where some differ
by more than --within, the command ends with exit code 4. docs/extending.md has
the lines of Python that write the file with transformers.`,
  time: `${examples([
    ["espalier time my.prune", ""],
    ["espalier time my.prune --program gradient", "one of them"],
  ])}

Every dispatch is run alone, on made-up values. The floor is what its FLOPs and
bytes would take at the most that the adapter can do, which is measured too.`,
  doctor: examples([
    ["espalier doctor", ""],
    ["espalier doctor --adapter gpu", "why there is no GPU, where one should be"],
  ]),
} as const;

export type CommandName = keyof typeof commandHelp;
