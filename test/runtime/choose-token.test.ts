/** Tokens chosen from logits: greedy, and drawn with the frequencies that temperature, top-k and top-p say. */
import { describe, expect, test } from "vitest";
import { chooseToken, type Sampling } from "../../runtime/run/choose-token.js";

const greedy: Sampling = { temperature: 0, topK: null, topP: null, seed: 0 };
const probabilities = [0.1, 0.4, 0.3, 0.2];
const logits = Float32Array.from(probabilities, (p) => Math.log(p) + 3);
const DRAWS = 4000;

const frequencies = (sampling: Partial<Sampling>): number[] => {
  const counts = probabilities.map(() => 0);
  for (let place = 0; place < DRAWS; place++) {
    const token = chooseToken(logits, { ...greedy, temperature: 1, ...sampling }, place);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / DRAWS);
};

/** As the definitions say it, in float64. */
const expected = (weights: readonly number[]): number[] => {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
};

describe("draws", () => {
  test.each<[string, Partial<Sampling>, number[]]>([
    ["from all", {}, probabilities],
    ["at temperature 2", { temperature: 2 }, probabilities.map(Math.sqrt)],
    ["of the likeliest two", { topK: 2 }, [0, 0.4, 0.3, 0]],
    ["of the likeliest that reach 0.6", { topP: 0.6 }, [0, 0.4, 0.3, 0]],
    ["of the likeliest that reach 0.75", { topP: 0.75 }, [0, 0.4, 0.3, 0.2]],
    ["of the likeliest alone, whatever top-p", { topP: 0 }, [0, 1, 0, 0]],
    ["of two of three", { topK: 3, topP: 0.7 }, [0, 0.4, 0.3, 0]],
  ])("%s", (_what, sampling, weights) => {
    const [found, wanted] = [frequencies(sampling), expected(weights)];
    // Four standard deviations of the largest.
    for (const [token, p] of wanted.entries())
      expect(Math.abs((found[token] ?? 1) - p), `${token}`).toBeLessThan(p === 0 ? 1e-9 : 0.032);
  });

  test("are a function of seed and place", () => {
    const all = (seed: number): number[] =>
      Array.from({ length: 64 }, (_, place) =>
        chooseToken(logits, { ...greedy, temperature: 1, seed }, place),
      );
    expect(all(7)).toEqual(all(7));
    expect(all(7)).not.toEqual(all(8));
  });
});

test("the likeliest token, of equals the first", () => {
  expect(chooseToken(Float32Array.of(1, 3, 3, 2), greedy, 0)).toBe(1);
});

test("logits that are not numbers are an error", () => {
  expect(() => chooseToken(Float32Array.of(1, Number.NaN), greedy, 0)).toThrow("not numbers");
});
