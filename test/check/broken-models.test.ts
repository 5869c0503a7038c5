/** What is reported of a stage whose models could not be made, and of models whose axes are empty. */
import { describe, expect, test } from "vitest";
import { AxisError, Builder } from "../../compiler/ir/build.js";
import { render } from "../../grammar/render.js";
import { brief, checkText, config, type Edit, edited, unmarked } from "./sotu.js";

const LOSS = "kld(temperature: 1)";
/** The student cannot be made: more units than there are. */
const GROWS: Edit = ["hidden 128 -> 96 ", "hidden 128 -> 160 "];

describe("after a mistake in `prune`, `distill` still reports", () => {
  test.each([
    ["an unknown setting", "  stop ", "  «temprature» 2\n  stop ", "unknown-setting"],
    ["a unit", "40K tokens", "«40K params»", "unit-mismatch"],
    ["an unknown loss", LOSS, "«kldd»(temperature: 1)", "unknown-in-library"],
    ["an unknown loss in a sum", LOSS, `${LOSS} + 2 * «kldd»()`, "unknown-in-library"],
    ["a parameter that a loss lacks", LOSS, "kld(«temprature»: 1)", "wrong-arguments"],
    ["a unit in a loss", LOSS, "kld(temperature: «1 steps»)", "unit-mismatch"],
    ["unknown data", "from teacher on speeches", "from teacher on «speechs»", "unknown-name"],
    ["an unknown schedule", "cosine(2e-3", "«cosin»(2e-3", "unknown-in-library"],
    ["an unknown optimizer", "adamw(", "«adam»(", "setting-choice"],
  ] as const)("%s", (_name, before, after, code) => {
    const { text, spans } = unmarked(edited([GROWS, [before, after]]));
    const { diagnostics } = checkText(text);
    expect(diagnostics.map((d) => d.code)).toEqual(["target-grows", code]);
    expect(diagnostics[1]?.span).toEqual(spans[0]);
  });

  test("nothing where nothing else is wrong", () => {
    const text = edited([GROWS]);
    expect(brief(text, checkText(text))).toEqual(["20:17 target-grows"]);
  });

  test("nothing of a missing teacher that only the student's graph would show", () => {
    const text = edited([GROWS, ["healed = student from teacher on", "healed = student on"]]);
    expect(brief(text, checkText(text))).toEqual(["20:17 target-grows"]);
  });
});

describe("a config.json that says nonsense", () => {
  const wrong = (model: Readonly<Record<string, unknown>>) => {
    const models = { "models/sotu-1m": model };
    const { diagnostics } = checkText(edited([]), {}, { models });
    return diagnostics.map(({ message, hint }) => [message, hint]);
  };

  test("names no class", () => {
    expect(wrong({})[0]?.[0]).toBe("config.json names no class under `architectures`");
  });

  test("lacks a key", () => {
    const { hidden_size: _gone, ...rest } = config;
    expect(wrong(rest)).toEqual([
      [
        "config.json makes the axis `hidden` nothing, which is not a whole number from 1",
        "it is read from `hidden_size`, which is not there",
      ],
    ]);
    const { num_attention_heads: _heads, ...headless } = config;
    expect(wrong(headless)[0]?.[1]).toMatch(/^`num_attention_heads` is not there; /);
  });

  test("has more layers than anybody could look at", () => {
    expect(wrong({ ...config, num_hidden_layers: 1e9 })).toEqual([
      [
        "config.json makes the axis `layer` the number 1000000000, which is not a whole number from 1 to 1000",
        undefined,
      ],
    ]);
  });
});

describe("axes of size 0", () => {
  const keys: readonly (readonly [string, string])[] = [
    ["vocab_size", "vocab"],
    ["hidden_size", "hidden"],
    ["intermediate_size", "mlp"],
    ["num_hidden_layers", "layer"],
    ["num_attention_heads", "query"],
    ["num_key_value_heads", "group"],
    ["head_dim", "dim"],
  ];

  test.each(keys)("%s: 0 in config.json", (key, axis) => {
    const models = { "models/sotu-1m": { ...config, [key]: 0 } };
    const { diagnostics, recipe, sources } = checkText(edited([]), {}, { models });
    expect(recipe).toBeNull();
    expect(diagnostics.map((d) => d.code)).toEqual(["config-value"]);
    expect(render(diagnostics, sources, { color: false })).toContain(
      `config.json makes the axis \`${axis}\` the number 0, which is not a whole number from 1`,
    );
  });

  test.each([["0"], ["0%"], ["0.1%"]])("a target of %s", (target) => {
    const { text, spans } = unmarked(edited([["384 -> 256", `384 -> «${target}» `]]));
    const { diagnostics } = checkText(text);
    expect(diagnostics).toMatchObject([{ code: "target-empty", span: spans[0] }]);
  });

  test("in the builder of tensor IR", () => {
    const builder = new Builder();
    expect(() => builder.input("x", [{ name: "hidden", size: 0 }])).toThrow(AxisError);
    expect(() => builder.index({ name: "hidden", size: 0 })).toThrow(/`hidden`.*size 0/);
  });
});
