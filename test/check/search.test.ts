/** Searches from config.json alone: the spaces of Minitron's Table 9 hold the paper's candidates (arXiv 2407.14679). */
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile, compileOutline, type Outline } from "../../compiler/compile.js";
import { parametersAt } from "../../compiler/library/parameters.js";
import type { RankStep, Recipe } from "../../compiler/recipe/recipe.js";
import { memoryHost } from "../support/memory-host.js";
import { brief, checkText, config, edited, models } from "./sotu.js";

/** Nemotron-4 15B, of Table 10. */
const NEMOTRON = {
  architectures: ["NemotronForCausalLM"],
  num_hidden_layers: 32,
  hidden_size: 6144,
  num_attention_heads: 48,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 24576,
  vocab_size: 256000,
};

const spec = (lines: string): string => `edition 1
model teacher = open("nemotron")
data calibration = text("texts/*.txt") { window 4096 }
score merit of teacher on calibration {
  take 1024 samples
  hidden, mlp, query by activation
  layer by block_influence
}
search shape of teacher using merit {
${lines}
}
evaluate shape on calibration { loss }
`;

/** As Table 19 has them: layers, heads, MLP hidden, embedding. */
const found = (lines: string): string[] => {
  const text = spec(lines);
  const host = memoryHost({ models: { nemotron: NEMOTRON } });
  const { recipe, diagnostics } = check("spec.prune", text, host);
  expect(diagnostics).toEqual([]);
  const ranking = recipe?.steps.find((step): step is RankStep => step.kind === "rank");
  return (ranking?.candidates ?? []).map(
    ({ sizes: { layer, query = 0, mlp, hidden } }) => `${layer}/${8 * query}/${mlp}/${hidden}`,
  );
};

/** Expansions of the embedding, and query heads for each of 8 groups. */
const space = (heads: string, embedding: string): string => `  layer  29..32
  query  ${heads}
  hidden ${embedding}
  mlp    [2.5 * hidden, 3 * hidden, 3.5 * hidden, 4 * hidden]`;
const EIGHT = space("[4, 6]", "[4096, 4608, 5120, 5632, 6144]");
const FOUR = space("[3, 4, 6]", "[2560, 3072, 3584, 4096, 4608]");

const TABLE_19 = [
  "32/32/12800/5120",
  "32/32/13824/4608",
  "32/48/11520/4608",
  "32/48/16384/4096",
  "31/32/12800/5120",
  "31/32/16128/4608",
  "31/48/13824/4608",
  "31/48/16384/4096",
  "30/32/12800/5120",
  "30/32/16128/4608",
  "30/48/13824/4608",
  "30/48/16384/4096",
  "29/32/12800/5120",
  "29/32/16128/4608",
  "29/48/13824/4608",
];

describe("the paper's spaces", () => {
  test("4B within 5%: 18 shapes, Minitron 4B among them", () => {
    const shapes = found(`${FOUR}\n  within params == 4B params ± 5%`);
    expect(shapes).toHaveLength(18);
    expect(shapes).toContain("32/24/9216/3072");
  });

  test("8B from 7.80B to 8.54B: the paper's 15", () => {
    const shapes = found(`${EIGHT}\n  within params >= 7.80B params and params <= 8.54B params`);
    expect(shapes.toSorted()).toEqual(TABLE_19.toSorted());
  });

  test("8B within 5%: 18", () => {
    expect(found(`${EIGHT}\n  within params = 8B params ± 5%`)).toHaveLength(18);
  });

  test("parameters of the family, to the last one", () => {
    const { recipe } = check(
      "spec.prune",
      spec("  layer 32"),
      memoryHost({ models: { nemotron: NEMOTRON } }),
    );
    const shape = recipe?.models.get("teacher")?.shape;
    if (shape === undefined) throw new Error("no model");
    const at = (sizes: Record<string, number>): number =>
      parametersAt(shape, new Map(Object.entries(sizes)));
    expect(shape.parameters).toBe(15_628_775_424);
    expect(at({ hidden: 4096, mlp: 16384 })).toBe(8_271_699_968);
    expect(at({ hidden: 3072, mlp: 9216, query: 3 })).toBe(4_190_509_056);
    expect(at({ hidden: 3072, mlp: 9216, query: 4 })).toBe(4_391_835_648);
  });
});

const SEARCH = `search shape of teacher using merit {
  hidden 64..128 step 32
  mlp    50%
  layer  [4, 6]
  within flops <= 60% of flops(teacher) and mod(hidden, 64) == 0
  keep   [2, 1]
}
evaluate shape on unseen { loss, perplexity }
distill light = shape from teacher on speeches {
  loss  kld()
  stop  4 steps
  batch 2 windows
  rate  constant(1e-3)
}
evaluate light on unseen { loss }
prune student`;

test("what is said of a search is done to each candidate, then they are ranked", () => {
  const text = edited([["prune student", SEARCH]]);
  const { recipe, diagnostics } = checkText(text);
  expect(diagnostics).toEqual([]);
  const steps = recipe?.steps ?? [];
  const made = steps.flatMap((step) =>
    step.kind === "prune" || step.kind === "distill" ? [step.name] : [],
  );
  // 64 channels with 4 and 6 layers, and 128 with 4.
  expect(made.slice(0, 6)).toEqual(
    [1, 2, 3].flatMap((id) => [`shape.${id}`]).concat([1, 2, 3].map((id) => `light.${id}`)),
  );
  const ranks = steps.filter((step) => step.kind === "rank");
  expect(ranks).toMatchObject([
    { search: "shape", of: "shape", metric: "loss", best: "least", keep: 2 },
    { search: "shape", of: "light", metric: "loss", keep: 1 },
  ]);
  expect(ranks[0]?.candidates.map(({ sizes }) => sizes)).toEqual([
    { hidden: 64, mlp: 192, layer: 4 },
    { hidden: 64, mlp: 192, layer: 6 },
    { hidden: 128, mlp: 192, layer: 4 },
  ]);
  expect([...(recipe?.models.keys() ?? [])]).not.toContain("shape");
});

test("a search is not one model", () => {
  const text = edited([
    ["prune student", SEARCH],
    ["from teacher using merit", "from shape using merit"],
    ["export healed", "export light"],
    ["params(healed)", "params(shape)"],
  ]);
  expect(new Set(brief(text, checkText(text)).map((line) => line.split(" ")[1]))).toEqual(
    new Set(["candidates-many"]),
  );
});

/** The example with a search of three shapes, whose best is the student; `more` follows it. */
const withBest = (more: string): string =>
  edited([
    [
      "prune student",
      `search shape of teacher using merit {
  layer  4..6
  hidden 96
}
evaluate shape on unseen { loss }
model winner = best(shape)
${more}
prune student`,
    ],
  ]);

const right = (text: string): Recipe => {
  const { recipe, diagnostics } = checkText(text);
  expect(diagnostics).toEqual([]);
  if (recipe === null) throw new Error("no recipe");
  return recipe;
};

describe("the best of a search", () => {
  test("is each of the candidates in turn, and what follows is of its shape", () => {
    const recipe = right(withBest("score again of winner on speeches { mlp by activation() }"));
    const { decision, steps } = recipe;
    expect(steps.at(-1)).toMatchObject({ kind: "rank", of: "shape" });
    expect(decision).toMatchObject({ search: "shape", model: "winner" });
    const ways = [...(decision?.recipes ?? [])];
    expect(ways.map(([id]) => id)).toEqual([1, 2, 3]);
    for (const [id, way] of ways) {
      expect(way.steps.slice(0, steps.length)).toEqual(steps);
      expect(way.steps[steps.length]).toMatchObject({ kind: "best", from: `shape.${id}` });
      const layers = way.models.get("winner")?.shape.axes.find(({ name }) => name === "layer");
      expect(layers?.size).toBe(3 + id);
      expect(way.models.has("healed")).toBe(true);
    }
    expect(recipe.models.has("winner")).toBe(false);
  });

  test("what depends on none of them is there from the start, wherever it is written", () => {
    const recipe = right(
      withBest(
        'data more = text("more/*.txt") { window 64 }\nmodel other = open("models/sotu-1m")\nevaluate winner on more { loss }',
      ),
    );
    expect(recipe.data.has("more")).toBe(true);
    expect(recipe.steps.filter(({ kind }) => kind === "open")).toHaveLength(2);
  });

  test("a mistake for some of them says for which; one for all is said once, without", () => {
    const text = withBest(
      'score again of winner on speeches { layer by block_influence }\nprune less from winner using again { layer 5 -> 4 }\nexport nothing to "x"',
    );
    const { diagnostics } = checkText(text);
    expect(diagnostics.map(({ code }) => code)).toEqual(["size-mismatch", "unknown-name"]);
    const [some, all] = diagnostics;
    expect(some?.labels?.[0]?.message).toBe("where `winner` is shape.1: layer 4, hidden 96");
    expect(all?.labels).toBeUndefined();
  });

  test("a budget that some of them meet is left to the run; one that none meets is said", () => {
    const { decision } = right(withBest("expect { params(winner) <= 800K params }"));
    for (const way of decision?.recipes.values() ?? [])
      expect(way.steps.filter(({ kind }) => kind === "expect")).toHaveLength(2);
    const { diagnostics } = checkText(withBest("expect { params(winner) <= 10K params }"));
    expect(diagnostics.map(({ code }) => code)).toEqual(["budget-unmet"]);
  });

  test("a search among what is cut from the best has the best of its own", () => {
    const recipe = right(
      withBest(`score again of winner on speeches { mlp by activation() }
search narrow of winner using again { mlp [128, 256] }
evaluate narrow on unseen { loss }
model last = best(narrow)
evaluate last on unseen { perplexity }`),
    );
    const [way] = recipe.decision?.recipes.values() ?? [];
    expect([...(way?.decision?.recipes.keys() ?? [])]).toEqual([1, 2]);
  });
});

const SMALL = { ...config, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2 };

test("what waits for its turn is compiled as it would be with all the rest", () => {
  const text = edited([
    [
      "prune student",
      `search shape of teacher using merit { mlp [24, 32] }
evaluate shape on unseen { loss }
distill light = shape from teacher on speeches {
  loss  kld()
  stop  4 steps
  batch 2 windows
  rate  constant(1e-3)
}
evaluate light on unseen { loss }
model student = best(light)
prune unused`,
    ],
    ["  hidden 128 -> 96 ", "  hidden 32 -> 24 "],
    ["  mlp    384 -> 256\n", ""],
    ["perplexity(healed) <= 1.6 * perplexity(teacher)", "perplexity(healed) > 1"],
    ["params(healed) <= 60% of params(teacher)", "params(healed) > 1 params"],
  ]);
  const host = memoryHost({ models: { ...models, "models/sotu-1m": SMALL } });
  const { recipe, diagnostics } = check("spec.prune", text, host);
  expect(diagnostics).toEqual([]);
  if (recipe === null) throw new Error("no recipe");
  const counts = { speeches: 100 };
  const whole = compile(recipe, counts);
  const { plan, outline } = compileOutline(recipe, counts);
  const waiting = plan.stages.flatMap(({ kind }, at) => (kind === "waiting" ? [at] : []));
  expect(waiting).toHaveLength(6);
  expect(Object.keys(plan.programs).filter((name) => /shape|light/.test(name))).toEqual([]);
  for (const at of waiting) {
    const part = outline.part(at);
    expect(part.stage).toEqual(whole.stages[at]);
    expect(Object.keys(part.programs).length).toBeGreaterThan(1);
    for (const [name, program] of Object.entries(part.programs))
      expect(program).toEqual(whole.programs[name]);
    for (const [id, kernel] of Object.entries(part.kernels))
      expect(kernel).toEqual(whole.kernels[id]);
  }
  const chapterOf = (of: Outline, id: number) => of.next(id).chapter;
  for (const id of [1, 2]) {
    const { kernels, ...chapter } = chapterOf(outline, id);
    const { kernels: none, ...known } = whole.decision?.chapters[id] ?? { kernels: null };
    expect(known).toEqual(chapter);
    // A whole plan has all kernels in one place.
    expect(none).toEqual({});
    for (const [kernel, made] of Object.entries(kernels))
      expect(whole.kernels[kernel]).toEqual(made);
    expect(chapter.models.healed?.axes.mlp).toBe(id === 1 ? 24 : 32);
  }
});
