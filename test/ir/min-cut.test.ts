/** The least cut through vertices, against every cut there is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { minVertexCut, type Network } from "../../compiler/passes/min-cut.js";

const COUNT = 7;

const networks: fc.Arbitrary<Network> = fc.record({
  weights: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: COUNT, maxLength: COUNT }),
  edges: fc.array(
    fc
      .tuple(fc.nat(COUNT - 2), fc.nat(COUNT - 1))
      .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a + 1, b)]),
    { maxLength: 14 },
  ),
  sources: fc.uniqueArray(fc.nat(COUNT - 1), { maxLength: 3 }),
  sinks: fc.uniqueArray(fc.nat(COUNT - 1), { maxLength: 3 }),
});

/** Whether a sink can be reached without going through the cut. */
const leaks = ({ edges, sources, sinks }: Network, cut: (vertex: number) => boolean): boolean => {
  const reached = new Set(sources.filter((vertex) => !cut(vertex)));
  for (const from of reached)
    for (const [start, to] of edges) if (start === from && !cut(to)) reached.add(to);
  return sinks.some((sink) => reached.has(sink));
};

const weightOf = ({ weights }: Network, cut: (vertex: number) => boolean): number =>
  weights.reduce((sum, weight, vertex) => (cut(vertex) ? sum + weight : sum), 0);

test("it parts sources from sinks, and no cut that does weighs less", () => {
  fc.assert(
    fc.property(networks, (network) => {
      const cut = minVertexCut(network);
      expect(leaks(network, (vertex) => cut.has(vertex))).toBe(false);
      const all = Array.from({ length: 2 ** COUNT }, (_, bits) => (vertex: number) => {
        return (bits >> vertex) % 2 === 1;
      });
      const least = Math.min(
        ...all.filter((has) => !leaks(network, has)).map((has) => weightOf(network, has)),
      );
      expect(weightOf(network, (vertex) => cut.has(vertex))).toBe(least);
    }),
    { numRuns: 300 },
  );
});

test("of equal cuts it takes the one nearest to the sinks", () => {
  const chain: Network = {
    weights: [2, 1, 1, 2],
    edges: [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
    sources: [0],
    sinks: [3],
  };
  expect([...minVertexCut(chain)]).toEqual([2]);
});
