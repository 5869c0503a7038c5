/** Mistakes that only the library can see (a loss, a schedule, a criterion) are shown in the spec, to the column. */
import { expect, test } from "vitest";
import { checkText, config, edited, unmarked } from "./sotu.js";

const LOSS = "kld(temperature: 1)";
const RATE = "cosine(2e-3 -> 2e-4, warmup: 5%)";

test.each([
  ["a loss that is not there", LOSS, "«kldd»(temperature: 1)", "unknown-in-library"],
  ["a parameter it lacks", LOSS, "kld(«temprature»: 1)", "wrong-arguments"],
  ["a value the model lacks", LOSS, "kld(teacher.logits, student.«states»)", "unknown-in-library"],
  ["a value of the wrong kind", LOSS, "«kld(teacher.logits, labels)»", "wrong-value"],
  ["a loss with axes left", LOSS, "«student.logits»", "wrong-value"],
  ["a loss without parentheses", LOSS, "«kld»", "wrong-value"],
  ["a loss of nothing", LOSS, "«1 + 2»", "loss-constant"],
  ["a quantity in a loss", LOSS, "kld(temperature: «1 steps»)", "unit-mismatch"],
  [
    "a teacher that is missing",
    "from teacher on speeches {\n  loss      kld(temperature: 1)",
    "on speeches {\n  loss      «kld(temperature: 1)»",
    "teacher-missing",
  ],
  ["a schedule that is not there", RATE, "«cosin»(2e-3 -> 2e-4)", "unknown-in-library"],
  ["one end of a schedule", RATE, "cosine(«2e-3»)", "wrong-value"],
  ["a warm-up in tokens", RATE, "cosine(2e-3 -> 2e-4, warmup: «5 tokens»)", "unit-mismatch"],
  ["a function that is not there", "batch: l2", "batch: «l3»", "unknown-definition"],
] as const)("%s", (_name, before, after, code) => {
  const { text, spans } = unmarked(edited([[before, after]]));
  const { diagnostics } = checkText(text);
  expect(diagnostics.map(({ code, span, path }) => ({ code, span, path }))).toEqual(
    spans.map((span) => ({ code, span, path: "sotu-half.prune" })),
  );
});

test("what the library found in its own text is shown beside the spec's line", () => {
  const { diagnostics, sources } = checkText(edited([[LOSS, "kld(teacher.logits, labels)"]]));
  const [label] = diagnostics[0]?.labels ?? [];
  expect(label?.path).toBe("stdlib/losses/kld.prune");
  expect(sources.get(label?.path ?? "")).toBe(label?.text);
});

test("a model of an unknown class", () => {
  const { text, spans } = unmarked(
    edited([["models/sotu-1m", "other"]]).replace('"other"', '«"other"»'),
  );
  const models = { other: { ...config, architectures: ["NoSuchModel"] } };
  const { diagnostics } = checkText(text, {}, { models });
  expect(diagnostics).toMatchObject([{ code: "unknown-architecture", span: spans[0] }]);
  expect(diagnostics[0]?.hint).not.toContain("nearest");
});

test("a model of nearly a known class", () => {
  const models = { other: { ...config, architectures: ["QwenForCausalLM"] } };
  const { diagnostics } = checkText(edited([["models/sotu-1m", "other"]]), {}, { models });
  expect(diagnostics[0]?.hint).toMatch(/^the nearest is Qwen2ForCausalLM; write an `architecture`/);
});

test("a loss that is only named is shown with its parentheses", () => {
  const { diagnostics } = checkText(edited([[LOSS, "kld"]]));
  expect(diagnostics[0]?.hint).toBe("write `kld()`");
  expect(checkText(edited([[LOSS, "student"]])).diagnostics[0]?.hint).toBeUndefined();
});

/** Heads are as wide as the hidden state divided by their number, and half of that is a shift. */
const HEADED = `edition 1
architecture headed for "HeadedForCausalLM" {
  axis layer  = num_hidden_layers
  axis hidden = hidden_size
  axis dim    = hidden_size / num_attention_heads
  axis vocab  = vocab_size
  weight embed "embed.weight" [vocab, hidden]
  each layer {
    weight up "layers.{layer}.up" [dim, hidden]
  }
  forward(tokens [window, position] of vocab) {
    x = embed[tokens]
    each layer {
      h = shift[position](x . up, size(dim) / 16)
      tap hidden: x
      x = x + h . up
    }
    logits = x . embed
  }
}
model other = open("other")
data speeches = text("data/*.txt") { window 256 }
score merit of other on speeches {
  take 64 windows
  hidden by activation
}
prune student from other using merit {
  hidden -> 96
}
`;

const headed = {
  architectures: ["HeadedForCausalLM"],
  num_hidden_layers: 6,
  hidden_size: 128,
  num_attention_heads: 8,
  vocab_size: 2048,
};

test("a shape that config.json cannot say is said, not what the forward pass would make of it", () => {
  const other = headed;
  const { diagnostics } = checkText(HEADED, {}, { models: { other } });
  expect(diagnostics.map(({ code }) => code)).toEqual(["config-cannot-say"]);
  expect(diagnostics[0]?.message).toContain("`dim` 16 would be read back as 12");
});

test("models of different vocabularies cannot teach each other", () => {
  const text = edited([
    ["\ndata speeches", '\nmodel other = open("other")\ndata speeches'],
    ["student from teacher on", "student from other on"],
  ]);
  const models = { "models/sotu-1m": config, other: { ...config, vocab_size: 1000 } };
  const { diagnostics } = checkText(text, {}, { models });
  const { start, end } = diagnostics[0]?.span ?? { start: 0, end: 0 };
  expect(diagnostics.map(({ code }) => code)).toEqual(["axes-differ"]);
  expect(text.slice(start, end)).toBe(LOSS);
});

test("a criterion of a tap and its weight needs a tap that goes into one", () => {
  const line = "hidden, mlp, query by activation(batch: l2, position: mean)";
  const { diagnostics } = checkText(edited([[line, "mlp, query by activation\n  hidden by flap"]]));
  expect(diagnostics).toMatchObject([
    {
      code: "wrong-arguments",
      message:
        "`flap` looks at a tap and the weight that it goes into, and this tap of `hidden` names none",
    },
  ]);
});

test("a spec's own loss and criterion need no file of their own", () => {
  const text = edited([
    [
      "use minitron\n",
      `use minitron
loss squares(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  mean[window, position](sum[vocab]((target - guess) * (target - guess)))
}
`,
    ],
    [LOSS, "0.5 * squares() + kld(temperature: 2)"],
  ]);
  expect(checkText(text).diagnostics).toEqual([]);
});

test("an architecture that lacks a tap is told the line", () => {
  const other = headed;
  const text = HEADED.replace("hidden by activation", "layer by block_influence").replace(
    "hidden -> 96",
    "layer -> 3",
  );
  const { diagnostics } = checkText(text, {}, { models: { other } });
  expect(diagnostics.map(({ code }) => code)).toEqual(["unknown-tap"]);
  expect(diagnostics[0]?.hint).toContain("`tap layer: BEFORE, AFTER`");
});
