/** `check` of a file of definitions by itself: each mistake where it is written, several at once, and no others. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { render } from "../../grammar/render.js";
import { memoryHost, stdlibTexts } from "../support/memory-host.js";

const stdlib = stdlibTexts();

const alone = (path: string, text: string, library = stdlib) =>
  check(path, text, memoryHost({ stdlib: library }));

test.each([...stdlib.keys()])("%s has no mistakes", (path) => {
  const others = new Map([...stdlib].filter(([other]) => other !== path));
  const { diagnostics, sources } = alone(path, stdlib.get(path) ?? "", others);
  expect(render(diagnostics, sources)).toBe("");
});

describe.each(["language.md", "extending.md"])("definitions in docs/%s", (page) => {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const examples = [...text.matchAll(/^```prune\n(edition 1\n.*?)^```$/gms)].map(([, e = ""]) => e);
  test.each(examples.filter((e) => !/^(model|param) /m.test(e)))("%#", (example) => {
    const { diagnostics, sources } = alone("page.prune", example);
    expect(render(diagnostics, sources)).toBe("");
  });
});

const architectures = [...stdlib].filter(([path]) => path.startsWith("architectures/"));

test.each(
  architectures,
)("%s is tried: an axis that is not there is found in each line", (path, text) => {
  const others = new Map([...stdlib].filter(([other]) => other !== path));
  const wrong = text.replaceAll(/_norm\[hidden\]\(/g, "_norm[hiden](");
  const lines = wrong.split("\n").flatMap((line, at) => (line.includes("[hiden]") ? [at + 1] : []));
  const { diagnostics } = alone(path, wrong, others);
  const found = diagnostics.map(({ code, span }) => [
    code,
    wrong.slice(0, span.start).split("\n").length,
  ]);
  // What follows from a line with a mistake is not looked at.
  expect(found[0]).toEqual(["axis-missing", lines[0]]);
  expect(found.every(([, line]) => lines.includes(Number(line)))).toBe(true);
});

const MISTAKES = `edition 1

/// Mistakes in its weights and in its forward pass.
architecture small for "SmallForCausalLM" {
  axis layer  = num_layers
  axis hidden = hidden_size
  axis mlp    = mlp_size ?? 4 * hidden_size
  axis vocab  = vocab_size

  weight embed "embed.weight" [vocab, hiden]
  weight scale "scale.weight" [hidden]

  each layer {
    weight up "layers.{layer}.up.weight" [mlp, hidden]
    weight bias "layers.{layer}.up.bias" [mpl] when use_bias ?? false
    weight down "layers.{layer}.down.weight" [hidden, mlp]
  }

  forward(tokens [window, position] of vocab) {
    x = embed[tokens]
    each layer {
      n = rms_norm[hidden](x, scale, norm_eps)
      h = n . up
      tap mlp: sum[mpl](h)
      state output: h . embd
      x = x + h . down
    }
    logits = x . embed
  }
}

loss steep(guess [window, position, vocab] = student.logits, target [window, position, vocab] = teacher.logits) {
  p = softmax[vocb](guess)
  q = softmax[vocab](target, 2)
  r = log_sofmax[vocab](guess)
  mean[window, position](p)
}

loss wide(guess [window, position, hidden] = student.logits) = mean[window, position, hidden](guess)

criterion peak of tap x = max[window, position](abs(x))

criterion kept[inner] of tap x keeps outer = mean[window, position](x)

criterion lost of tap x {
  middle = mean[windw](x)
  other = mean[position](x . x)
  middle + othr
}

metric bits = -log_softmax[vocab](model.logits)[labels]

schedule fade(from -> to) = from + (to - form) * step / steps

fold half(kept) = kept / 2

function twice(x) = double(x)
`;

/** The architecture of extending.md with one line more. */
const withLine = (line: string): string => {
  const page = readFileSync(new URL("../../docs/extending.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/^```prune\n(edition 1\n.*?)^```$/gms)].map(([, e = ""]) => e);
  const [text = ""] = examples.filter((example) => example.includes("architecture parallel"));
  const [head, tail] = text.split("  config head_dim = dim\n");
  return `${head}  ${line}\n${tail}`;
};

test.each([
  ["config head_dim = dim / before.dim", "before.dim"],
  ["config rotary_dim = rope_scaling * dim", "rope_scaling"],
])("%s is worked out at other sizes", (line, wrong) => {
  const text = withLine(line);
  const { diagnostics } = alone("page.prune", text);
  expect(diagnostics.map(({ code, span }) => [code, text.slice(span.start, span.end)])).toEqual([
    ["wrong-value", wrong],
  ]);
});

test("a name in a config line that is nearly an axis is a slip, unless it is a key", () => {
  const slips = (line: string) =>
    alone("page.prune", withLine(line)).diagnostics.map(({ code, hint }) => [code, hint]);
  expect(slips("config head_dim = dimm")).toEqual([["unknown-in-library", "did you mean `dim`?"]]);
  expect(slips("config heads = head\n  config dims = hidden_size")).toEqual([]);
});

test("a weight that hides a function is said to", () => {
  const text = withLine("config head_dim = dim").replace(/\bscale\b/g, "norm");
  const { diagnostics } = alone("page.prune", text);
  expect(diagnostics.map(({ code, hint }) => [code, hint])).toEqual([
    [
      "wrong-value",
      "the function `norm` is hidden here by what else is called so: give that another name",
    ],
  ]);
});

test("mistakes of every kind, all at once", async () => {
  const { diagnostics, sources } = alone("small.prune", MISTAKES);
  await expect(render(diagnostics, sources)).toMatchFileSnapshot(
    "../golden/library/mistakes-of-every-kind.txt",
  );
});
