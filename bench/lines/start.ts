/** How long a user waits for a first answer: `espalier check` from cold, and the language's share of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "../command.js";
import type { Job, JobLine } from "../line.js";
import { EXAMPLES, ROOT } from "../places.js";

const EXAMPLE = join(EXAMPLES, "sotu-half.prune");
const LINES = 5000;

const lineCount = (text: string): number => text.trimEnd().split("\n").length;

/** A stage of each kind, on the teacher and scores of the example. */
const stagesOf = (index: number): string => `
prune small${index} from teacher using merit {
  hidden 128 -> ${64 + (index % 8) * 8}
  mlp    384 -> ${128 + (index % 12) * 16}
}

distill taught${index} = small${index} from teacher on speeches {
  loss      kld(temperature: 1)
  stop      ${40 + index}K tokens
  batch     2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate      cosine(2e-3 -> 2e-4, warmup: 5%)
}

evaluate small${index}, taught${index} on unseen { perplexity }

expect {
  params(taught${index}) <= 95% of params(teacher)
  perplexity(taught${index}) <= 1.6 * perplexity(small${index})
}
`;

/** The example with so many more stages that it has about 5,000 lines; its paths hold from anywhere. */
const longSpec = (): string => {
  const example = readFileSync(EXAMPLE, "utf8").replace(
    /"(models|data)\//g,
    (_, folder) => `"${EXAMPLES}/${folder}/`,
  );
  const more = Math.floor((LINES - lineCount(example)) / (lineCount(stagesOf(0)) + 1));
  return example + Array.from({ length: more }, (_, index) => stagesOf(index)).join("");
};

const check = (spec: string): Job => ({
  contestant: "espalier",
  about: "espalier check, a process from start to end",
  time: () => runCommand(process.execPath, [join(ROOT, "dist/espalier.js"), "check", spec]),
});

const bareNode: Job = {
  contestant: "bare Node",
  about: "node -e 0",
  time: () => runCommand(process.execPath, ["-e", "0"]),
};

const language = (spec: string): Job => ({
  contestant: "espalier",
  about: "the first check in a process",
  time: async () => {
    const script = fileURLToPath(new URL("language.js", import.meta.url));
    const { output, memory } = await runCommand(process.execPath, [script, spec]);
    return { ms: Number(output), memory };
  },
});

const base = { kind: "jobs", family: "start", unit: "lines/s" } as const;
const exampleLines = lineCount(readFileSync(EXAMPLE, "utf8"));

export const startLines: readonly JobLine[] = [
  {
    ...base,
    name: "check of the example, from cold",
    work: exampleLines,
    slow: false,
    jobs: (_, { python }) => [
      check(EXAMPLE),
      bareNode,
      {
        contestant: "PyTorch",
        about: "import torch",
        time: () => runCommand(python, ["-c", "import torch"]),
      },
    ],
  },
  {
    ...base,
    name: "check of the example, the language's work",
    work: exampleLines,
    slow: false,
    jobs: () => [language(EXAMPLE)],
  },
  {
    ...base,
    name: `check of ${LINES} lines, from cold`,
    work: LINES,
    slow: false,
    jobs: (folder) => {
      const spec = join(folder, "long.prune");
      writeFileSync(spec, longSpec());
      return [check(spec), bareNode];
    },
  },
];
