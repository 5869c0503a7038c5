/** A text taken on by one token from what was kept of it has the logits of the whole text, in every family. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { verify } from "../../compiler/ir/verify.js";
import { forward } from "../../compiler/library/forward.js";
import { incremental } from "../../compiler/passes/incremental.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { must } from "../../compiler/planning/outcome.js";
import { at, distance, fill } from "../../laws/dense.js";
import { logitsGraph } from "../support/model-logits.js";
import { expectedOf, families, folderOf, shapeIn, withWeights } from "./tiny-models.js";

const window = { name: "window", size: 1 };

const cases = families.flatMap((family) => {
  const { tokens, cases: found } = expectedOf(family);
  return found.map((one) => [family, one.name, { ...one, tokens }] as const);
});

/** A number at the one window. */
const scalar = (value: number): Dense => ({ axes: [window], data: Float64Array.of(value) });

/** The values with what lies from a position on replaced, as a device may hold anything there. */
const upTo = (dense: Dense, position: number): Dense => {
  const row = dense.data.length / (dense.axes[0]?.size ?? 1);
  return { ...dense, data: dense.data.map((value, i) => (i < position * row ? value : 7)) };
};

test.each(cases)("%s, %s", async (family, _, one) => {
  const path = folderOf(family);
  const shape = shapeIn(path, one);
  const { values } = await withWeights(path, shape, (w) => logitsGraph(shape, w, one.tokens));
  const b = new Builder();
  const position = { name: "position", size: one.tokens.length };
  const tokens = b.input("tokens", [window, position], "u32");
  const pass = must(forward(shape, b, { model: "model", tokens })).values;
  const logits = pass.get("logits");
  if (logits === undefined) throw new Error("the architecture has no logits");
  const whole = simplify(b, { outputs: { logits } });
  const [token, place] = [b.input("token", [window], "u32"), b.input("place", [window], "u32")];
  const made = incremental(b, whole, { position, tokens, token, place });
  if (made === null) throw new Error(`${family} is not taken on by one token`);
  expect(made.kept.size).toBeGreaterThan(0);
  expect(verify(made.step, "built")).toEqual([]);
  const all = interpret(
    { outputs: { ...whole.outputs, ...Object.fromEntries(made.kept) } },
    values,
  );
  for (const here of [0, 1, position.size - 1]) {
    const inputs = new Map(values);
    inputs.set("token", scalar(one.tokens[here] ?? 0)).set("place", scalar(here));
    for (const name of made.kept.keys())
      inputs.set(name, upTo(all[name] ?? scalar(Number.NaN), here));
    const step = interpret(made.step, inputs);
    for (const [name, found] of Object.entries(step)) {
      const kept = all[name];
      const expected = fill(found.axes, (index) =>
        kept === undefined ? Number.NaN : at(kept, { ...index, position: here }),
      );
      expect(distance(found, expected), `${name} at ${here}`).toBeLessThan(1e-9);
    }
  }
});

test("what comes from other positions without attention has no such form", () => {
  const b = new Builder();
  const position = { name: "position", size: 4 };
  const tokens = b.input("tokens", [window, position], "u32");
  const [token, place] = [b.input("token", [window], "u32"), b.input("place", [window], "u32")];
  const x = b.gather(b.input("table", [{ name: "vocab", size: 9 }]), tokens, "vocab");
  const inputs = { position, tokens, token, place };
  const of = (node: Parameters<typeof b.stop>[0]) =>
    incremental(b, { outputs: { y: node } }, inputs);
  expect(of(b.map("mul", x, x))?.kept.size).toBe(0);
  expect(of(b.shift(x, "position", 1))).toBeNull();
  expect(of(b.map("sub", x, b.sum(x, ["position"])))).toBeNull();
  expect(of(b.contract(x, b.rename(x, "position", "source"), ["window"]))).toBeNull();
});
