/** Every diagnostic of the check, each caused by one edit of the example, alone and at its place. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { messages } from "../../compiler/recipe/report.js";
import { render } from "../../grammar/render.js";
import type { MemoryFiles } from "../support/memory-host.js";
import { alternating, checkText, config, type Edit, edited, models, unmarked } from "./sotu.js";

interface Case {
  readonly code: string;
  readonly name?: string;
  readonly edits: readonly Edit[];
  /** Other files, by path; their text may hold the mark. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Of models' tokenizers. */
  readonly vocabularies?: MemoryFiles["vocabularies"];
}

const MLP: string = "  mlp    384 -> 256\n";
const HIDDEN = "hidden 128 -> 96 ";
const one = (code: string, before: string, after: string, name?: string): Case => ({
  code,
  edits: [[before, after]],
  ...(name === undefined ? {} : { name }),
});
/** Declarations after `use minitron`. */
const top = (code: string, text: string, name?: string): Case =>
  one(code, "use minitron\n", `use minitron\n${text}\n`, name);
const bottom = (code: string, text: string, name?: string): Case =>
  one(code, "  dtype  bf16\n}\n", `  dtype  bf16\n}\n${text}\n`, name);
const house = (text: string, name?: string): Case => ({
  code: "stage-used",
  edits: [["use minitron", 'use minitron\nuse "./house.prune"']],
  texts: { "house.prune": `edition 1\nlet grain = 2\n${text}\n` },
  ...(name === undefined ? {} : { name }),
});
const circle = { "a.prune": 'edition 1\nuse "./b.prune"\n', "b.prune": 'use «"a.prune"»\n' };

const TINY = `edition 1
architecture tiny for "TinyForCausalLM" {
  axis layer  = num_layers
  axis hidden = hidden_size
  axis vocab  = vocab_size

  weight embed "embed.weight" [vocab, hidden]

  each layer {
    weight norm "{layer}.norm" [hidden]
  }

  forward(tokens [window, position] of vocab) {
    x = embed[tokens]
    each layer {
      tap layer: x, x * norm
      x = x * norm
    }
    logits = x . embed
  }
}
`;
const tiny = { architectures: ["TinyForCausalLM"], num_layers: 2, hidden_size: 4, vocab_size: 8 };
const scaled = { ...config, embedding_multiplier: 12, logits_scaling: 8 };
const packed = {
  ...config,
  quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true },
};
const TOKENS: Edit = [
  "  layer by block_influence",
  "  vocab by occurrence\n  layer by block_influence",
];

const CASES: readonly Case[] = [
  one("unknown-name", "from teacher using", "from «techer» using"),
  one("unknown-name", "on unseen {", "on «unsen» {", "data"),
  one("wrong-kind", "of teacher on speeches {", "of teacher on «teacher» {"),
  one("duplicate-name", "data unseen =", 'data «speeches» = text("x") { window 8 }\ndata unseen ='),
  one("used-early", "prune student", "evaluate «student» on unseen { perplexity }\nprune student"),
  top("constant-cycle", "let a = b + 1\nlet b = «a»"),
  one(
    "axes-differ",
    "hidden, mlp, query by activation",
    "«mlp» by occurrence\n  hidden, query by activation",
    "criterion",
  ),
  one("unknown-recipe", "use minitron", "use «minitorn»"),
  one("unknown-entry", "use minitron", "use minitron.«activaton»"),
  one("use-missing", "use minitron", 'use minitron\nuse «"./hose.prune"» as house'),
  { code: "cyclic-use", edits: [["use minitron", 'use minitron\nuse "./a.prune"']], texts: circle },
  house('«export» student to "x" { format safetensors }'),
  house("«expect» {\n  params(student) <= 1M params\n}", "expect"),
  house("«profile» quick {\n  healed.stop = 1K tokens\n}", "profile"),
  one(
    "teacher-missing",
    "from teacher on speeches {\n  loss      kld(temperature: 1)",
    "on speeches {\n  loss      «0.5 * kld(temperature: 1)»",
  ),
  one("unknown-definition", "by activation(", "by «activaton»("),
  one("unknown-definition", "{ perplexity }", "{ «perplexty» }", "metric"),
  bottom("unknown-profile-path", "profile smoke {\n  «heald.stop» = 1K tokens\n}"),
  one("unknown-axis", MLP, "  «heads» -> 4\n"),
  one("unknown-axis", "hidden, mlp, query by", "hidden, mlp, query, «hiden» by", "scored"),
  {
    code: "untapped-axis",
    edits: [
      ["use minitron", 'use minitron\nuse "./house.prune"\nmodel other = open("models/tiny")'],
      ["\ndata unseen", "\nscore more of other on speeches { «hidden» by magnitude }\ndata unseen"],
    ],
    texts: { "house.prune": TINY },
  },
  {
    code: "unscored-axis",
    edits: [
      ["hidden, mlp, query by", "hidden by"],
      [MLP, "  «mlp»    384 -> 256\n"],
    ],
  },
  {
    code: "compensation-impossible",
    edits: [[MLP, `${MLP}  compensate «hidden» by merit\n`]],
  },
  {
    code: "compensation-impossible",
    name: "heads",
    edits: [
      [
        "hidden, mlp, query by activation(batch: l2, position: mean)",
        "hidden, mlp by activation\n  query by wanda of output",
      ],
      [MLP, `${MLP}  compensate «query» by merit\n`],
    ],
  },
  {
    code: "compensation-impossible",
    name: "tap",
    edits: [[MLP, `${MLP}  compensate «query» by merit\n`]],
  },
  {
    code: "vocabulary-target",
    edits: [TOKENS, [MLP, "  «vocab»  2048 -> 200\n"]],
    vocabularies: { "models/sotu-1m": { size: 2048, hash: "a", least: 257 } },
  },
  {
    code: "vocabulary-target",
    name: "kind",
    edits: [TOKENS, [MLP, "  «vocab»  -> 75%\n"]],
    vocabularies: { "models/sotu-1m": { size: 2048, hash: "a", least: null } },
  },
  {
    code: "vocabularies-differ",
    edits: [
      TOKENS,
      [MLP, `${MLP}  vocab  -> 75%\n`],
      ["student from teacher on", "student from «teacher» on"],
    ],
  },
  bottom(
    "search-vocabulary",
    "search shape of teacher using merit {\n  vocab «1024..1536 step 512»\n}",
  ),
  one(
    "early-stop-one",
    "  loss      kld(temperature: 1)",
    "  early_stop every «20 steps»\n  loss      kld(temperature: 1)",
  ),
  one(
    "arithmetic-unused",
    "student from teacher on speeches {\n  loss      kld(temperature: 1)",
    "student on speeches {\n  «arithmetic f16»\n  loss      cross_entropy()",
  ),
  one(
    "setting-choice",
    "  loss      kld(temperature: 1)",
    "  arithmetic «f8»\n  loss      kld(temperature: 1)",
    "arithmetic",
  ),
  one(
    "cache-lacks",
    "  loss      kld(temperature: 1)",
    "  cache_logits top 64\n  loss      «kld(temperature: 1)»",
  ),
  one(
    "cache-lacks",
    "  loss      kld(temperature: 1)",
    "  cache_logits top 64\n  loss      «kld(top: 100)»",
    "count",
  ),
  one(
    "cache-lacks",
    "  loss      kld(temperature: 1)",
    "  cache_logits top 64\n  loss      «kld(top: 64) + states_mse(teacher.embeddings, student.embeddings)»",
    "states",
  ),
  {
    code: "cache-teacherless",
    edits: [
      ["student from teacher on", "student on"],
      ["  loss      kld(temperature: 1)", "  cache_logits top «64»\n  loss      cross_entropy()"],
    ],
  },
  one("size-mismatch", HIDDEN, "hidden «120» -> 96 "),
  one("group-divides", MLP, `${MLP}  query  8 -> «5»\n`),
  one("group-divides", MLP, `${MLP}  query  «8 -> 4»\n`, "divides"),
  one("target-grows", HIDDEN, "hidden 128 -> «160» "),
  one("units-axis", MLP, "  mlp    384 -> «[0..255]»\n"),
  one("unit-unknown", MLP, `${MLP}  layer  6 -> [0..3, «6»]\n`),
  one("units-order", MLP, `${MLP}  layer  6 -> [0..3, «3», 5]\n`),
  {
    code: "units-rounds",
    edits: [
      ["prune student from", "prune «student» from"],
      [MLP, `${MLP}  layer  6 -> [0..3]\n  rounds 2\n`],
    ],
  },
  one("target-empty", HIDDEN, "hidden 128 -> «0» "),
  one("target-empty", HIDDEN, "hidden 128 -> «0.1%» ", "percentage"),
  one("target-fraction", HIDDEN, "hidden 128 -> «96.5» "),
  one(
    "unknown-tap",
    "hidden, mlp, query by activation(batch: l2, position: mean)",
    "«mlp» by activation of befor",
  ),
  one(
    "unknown-tap",
    "hidden, mlp, query by activation(batch: l2, position: mean)",
    "hidden, mlp by activation\n  «query» by magnitude of output",
    "weight",
  ),
  one(
    "wrong-arguments",
    "hidden, mlp, query by activation(batch: l2, position: mean)",
    "hidden, mlp by activation\n  «query» by wanda",
    "tap",
  ),
  one("criterion-data", "layer by block_influence", "«layer» by removal_accuracy"),
  {
    code: "not-summed",
    edits: [
      ["use minitron", 'use minitron\nuse "./peak.prune"'],
      [
        "hidden, mlp, query by activation(batch: l2, position: mean)",
        "«hidden» by peak\n  mlp by activation",
      ],
    ],
    texts: { "peak.prune": "edition 1\ncriterion peak of tap x = max[window, position](abs(x))\n" },
  },
  one("unknown-definition", MLP, `${MLP}  query 2 -> 1\n  fold query by «residul»\n`, "fold"),
  one("setting-form", MLP, `${MLP}  «fold query residual»\n`, "fold"),
  {
    code: "fold-axis",
    edits: [
      ["hidden, mlp, query by", "hidden, mlp, dim by"],
      [MLP, `${MLP}  dim    16 -> 12\n  fold «dim» by residual\n`],
    ],
  },
  {
    code: "fold-changes",
    edits: [
      ["use minitron", 'use minitron\nuse "./sum.prune"'],
      [MLP, `${MLP}  fold mlp by «both»\n`],
    ],
    texts: { "sum.prune": "edition 1\nfold both(kept, cut) = kept + cut\n" },
  },
  {
    code: "target-unpaired",
    edits: [
      ["hidden, mlp, query by", "hidden, mlp, dim by"],
      [MLP, `${MLP}  dim    16 -> «11»\n`],
    ],
  },
  one("budget-unused", MLP, `${MLP}  «params» 60%\n`),
  one("budget-unreachable", MLP, "  «params» 1%\n  mlp\n"),
  one("unit-mismatch", MLP, "  params «3 GiB»\n  mlp\n", "budget"),
  one("calibration-small", "take 64 windows", "take «4 windows»"),
  {
    code: "calibration-small",
    name: "data",
    edits: [
      ["score merit of teacher on speeches", "score merit of teacher on «few»"],
      [
        "\nscore merit",
        '\ndata few = text("data/*.txt") {\n  window 256\n  take 4 windows\n}\nscore merit',
      ],
    ],
  },
  one("unit-mismatch", "40K tokens", "«8B params»"),
  one("unit-mismatch", "40K tokens", "«5»", "bare"),
  one("unit-mismatch", "40 windows", "«40 steps»", "windows"),
  top("unit-mixed", "let total = «40K tokens + 20 steps»"),
  one("unit-mixed", "<= 60% of params(teacher)", "«<=» 3 GiB", "condition"),
  one("unknown-unit", "40K tokens", "40K «tokenz»"),
  one("unknown-unit", "batch     2 windows", "batch     2 «seed» 3 windows", "settings"),
  top("not-constant", "let root = «sqrt(2)»"),
  one("value-range", "batch     2 windows", "batch     «0 windows»"),
  one("value-range", "[0.9, 0.95]", "«[0.9]»", "beta"),
  one("value-range", "clip: 1.0", "clip: «0»", "clip"),
  one("unknown-edition", "edition 1", "edition «2»"),
  one(
    "candidates-many",
    "prune student",
    'search shape of teacher using merit { mlp 256..384 step 64 }\nexport «shape» to "shape"\nprune student',
  ),
  one(
    "run-length",
    "prune student",
    "score gaps of teacher on speeches { layer by gap_loss(length: 2) }\nprune shallow from teacher using «gaps» { layer 6 -> 3 }\nprune student",
  ),
  one(
    "run-length",
    "prune student",
    "score gaps of teacher on speeches { layer by gap_loss(length: 2) }\nsearch depth of teacher using «gaps» { layer 3..6 }\nprune student",
    "search",
  ),
  one(
    "value-range",
    "prune student",
    "score gaps of teacher on speeches { layer by gap_loss(length: «6») }\nprune student",
    "run-length",
  ),
  one("best-one", "prune student", "model best_one = best(«teacher»)\nprune student"),
  one(
    "best-unranked",
    "prune student",
    "search shape of teacher using merit { mlp 256..384 step 64 }\nmodel winner = best(«shape»)\nprune student",
  ),
  one("setting-form", "prune student", 'model winner = «best("shape")»\nprune student', "best"),
  one(
    "search-empty",
    "prune student",
    "search «shape» of teacher using merit {\n  mlp    256..384 step 64\n  within params <= 1K params\n}\nprune student",
  ),
  one(
    "search-wide",
    "prune student",
    "search «shape» of teacher using merit {\n  hidden 1..128\n  mlp    1..384\n}\nprune student",
  ),
  one(
    "condition-value",
    "prune student",
    "search shape of teacher using merit {\n  mlp    256..384 step 64\n  within params <= «loss(teacher)»\n}\nprune student",
    "search",
  ),
  one("unknown-setting", "  stop ", "  «temprature» 2\n  stop "),
  one("unknown-setting", "  batch  ", "  «bach»  ", "missing too"),
  one("unknown-setting", "decay: 0.0", "«dekay»: 0.0", "optimizer"),
  one("unknown-setting", "activation(batch:", "activation(«bach»:", "criterion"),
  one(
    "missing-setting",
    'data speeches = text("data/sotu/train/*.txt") { window 256 }',
    'data «speeches» = text("data/sotu/train/*.txt")',
  ),
  {
    code: "missing-setting",
    name: "stop",
    edits: [
      ["distill healed", "distill «healed»"],
      ["  stop      40K tokens\n", ""],
    ],
  },
  one("duplicate-setting", "take 64 windows", "take 64 windows\n  «take» 32 windows"),
  one("duplicate-setting", MLP, `${MLP}  «mlp»    384 -> 128\n`, "axis"),
  one("setting-form", "take 64 windows", "«take 64 windows 32 windows»"),
  one("setting-choice", "dtype  bf16", "dtype  «fp16»"),
  one("setting-choice", "adamw(", "«adam»(", "optimizer"),
  one("missing-clause", "score merit of teacher on speeches", "score «merit» of teacher"),
  one("unknown-clause", "from teacher using merit {", "from teacher «on» speeches using merit {"),
  one(
    "duplicate-clause",
    "merit of teacher on speeches",
    "merit of teacher on speeches «on» unseen",
  ),
  one("unknown-source", "open(", "«load»("),
  one("unknown-source", "data unseen = text(", "data unseen = «txt»(", "data"),
  one("model-unreadable", 'open("models/sotu-1m")', 'open(«"models/sotu-2m"»)'),
  {
    code: "tokenizer-larger",
    edits: [['open("models/sotu-1m")', 'open(«"models/sotu-1m"»)']],
    vocabularies: { "models/sotu-1m": { size: 2049, hash: "a", least: 257 } },
  },
  {
    code: "tokenizers-differ",
    edits: [["\ndata speeches", '\nmodel other = open(«"./models/sotu-1m"»)\ndata speeches']],
    vocabularies: {
      "models/sotu-1m": { size: 2048, hash: "a", least: 257 },
      "./models/sotu-1m": { size: 2048, hash: "b", least: 257 },
    },
  },
  one(
    "nothing-scored",
    "score merit",
    "score «empty» of teacher on speeches {\n  take 64 windows\n}\nscore merit",
  ),
  {
    code: "scores-of-other",
    edits: [
      ["score merit of teacher", 'model other = open("models/sotu-1m")\nscore merit of other'],
      ["from teacher using merit", "from teacher using «merit»"],
    ],
  },
  bottom("nothing-measured", "«evaluate» teacher on speeches"),
  one("condition-shape", "perplexity(healed) <= 1.6 * perplexity(teacher)", "«perplexity(healed)»"),
  one("condition-value", "perplexity(healed) <= 1.6", "«healed.mlp» <= 1.6"),
  one("unknown-measure", "perplexity(healed) <=", "«perplexty»(healed) <="),
  {
    code: "not-evaluated",
    edits: [
      ["evaluate teacher, student, healed on", "evaluate teacher, student on"],
      ["perplexity(healed) <=", "«perplexity(healed)» <="],
    ],
  },
  bottom("evaluated-twice", "evaluate «teacher» on speeches { perplexity }"),
  one(
    "budget-unmet",
    "params(healed) <= 60% of params(teacher)",
    "«params(healed) <= 10% of params(teacher)»",
  ),
  one("path-outside", 'to "sotu-half"', 'to «"../sotu-half"»'),
  one("path-outside", 'to "sotu-half"', 'to «"/sotu-half"»', "absolute"),
  {
    code: "export-advised",
    edits: [
      [HIDDEN, "hidden 128 -> 92 "],
      ['export healed to "sotu-half"', 'export «healed» to "sotu-half"'],
    ],
  },
  bottom(
    "export-undecided",
    `model other = open("models/alternating")
score blame of other on speeches { layer by block_influence }
prune shorter from other using blame { layer 6 -> 5 }
export «shorter» to "shorter.gguf" { format gguf }`,
  ),
  top("weights-packed", 'model other = open(«"models/packed"»)'),
  top("config-unread", 'model other = open(«"models/scaled"»)'),
  bottom("duplicate-export", 'export teacher to «"sotu-half"»'),
];

describe("each mistake is reported once, where it is", () => {
  test.each(
    CASES.map((c) => [`${c.code}${c.name === undefined ? "" : ` ${c.name}`}`, c] as const),
  )("%s", async (title, { code, edits, texts = {}, vocabularies = {} }) => {
    const spec = unmarked(edited(edits));
    const others = Object.entries(texts).map(([path, text]) => [path, unmarked(text)] as const);
    const files = {
      texts: Object.fromEntries(others.map(([p, { text }]) => [p, text])),
      models: {
        ...models,
        "./models/sotu-1m": config,
        "models/tiny": tiny,
        "models/scaled": scaled,
        "models/alternating": alternating,
        "models/packed": packed,
      },
      vocabularies,
    };
    const result = checkText(spec.text, {}, files);
    const spans = [...spec.spans, ...others.flatMap(([, { spans }]) => spans)];
    expect(result.diagnostics.map(({ code, span }) => ({ code, span }))).toEqual(
      spans.map((span) => ({ code, span })),
    );
    const errors = result.diagnostics.some(({ severity }) => severity === "error");
    expect(result.recipe === null).toBe(errors);
    const rendering = render(result.diagnostics, result.sources, { color: false });
    const file = `../golden/diagnostics/${title.replaceAll(" ", "-")}.txt`;
    await expect(`${spec.text}\n${"─".repeat(60)}\n${rendering}`).toMatchFileSnapshot(file);
  });
});

test("every code has a case here, or in the tests beside this one", () => {
  const elsewhere = [
    "unknown-param",
    "unknown-profile",
    "loss-constant",
    "data-missing",
    "weights-unreadable",
  ];
  const covered = new Set([...CASES.map(({ code }) => code), ...elsewhere]);
  expect(Object.keys(messages).filter((code) => !covered.has(code))).toEqual([]);
});

test("every code has a page", () => {
  const pages = readdirSync(new URL("../../docs/errors", import.meta.url));
  expect(Object.keys(messages).filter((code) => !pages.includes(`${code}.md`))).toEqual([]);
});
