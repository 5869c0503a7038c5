/** The order of kernels and the buffers they share. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import type { Node } from "../../compiler/ir/tensor.js";
import { assignSlots, type Lifetime } from "../../compiler/schedule/memory.js";
import { orderWork, type Work } from "../../compiler/schedule/order.js";

/** Kernels that read some of those before them. */
const drawnWorks = fc
  .array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: 1, maxLength: 20 })
  .map((reads): Work[] => {
    const builder = new Builder();
    const nodes: Node[] = reads.map((_, i) => builder.constant(i));
    return reads.map((read, at) => ({
      node: nodes[at] ?? builder.constant(0),
      reads: new Set(at === 0 ? [] : read.flatMap((i) => nodes[i % at] ?? [])),
    }));
  });

test("every kernel runs once, after those that it reads", () => {
  fc.assert(
    fc.property(
      drawnWorks,
      fc.array(fc.nat(9), { minLength: 20, maxLength: 20 }),
      (works, bytes) => {
        const order = orderWork(works, ({ id }) => bytes[id % 20] ?? 0);
        expect(order.toSorted((a, b) => a.id - b.id)).toEqual(works.map(({ node }) => node));
        for (const { node, reads } of works)
          for (const read of reads) expect(order.indexOf(read)).toBeLessThan(order.indexOf(node));
      },
    ),
  );
});

test("a kernel that takes more away than it leaves goes first", () => {
  const b = new Builder();
  const [wide, other, small] = [b.constant(0), b.constant(1), b.constant(2)];
  const works: Work[] = [
    { node: wide, reads: new Set() },
    { node: other, reads: new Set() },
    { node: small, reads: new Set([wide]) },
    { node: b.constant(3), reads: new Set([other, small]) },
  ];
  const order = orderWork(works, (node) => (node === wide ? 100 : 10));
  expect(order.map(({ id }) => id)).toEqual([0, 2, 1, 3]);
});

const lifetimes: fc.Arbitrary<readonly Lifetime[]> = fc
  .array(
    fc.record({ bytes: fc.integer({ min: 1, max: 50 }), first: fc.nat(20), long: fc.nat(8) }),
    {
      maxLength: 25,
    },
  )
  .map((drawn) =>
    drawn.map(({ bytes, first, long }, i) => ({ key: `${i}`, bytes, first, last: first + long })),
  );

test("tensors that live at once share no buffer, and each fits its own", () => {
  fc.assert(
    fc.property(lifetimes, (drawn) => {
      const { slotOf, sizes } = assignSlots(drawn);
      for (const life of drawn) {
        const slot = slotOf.get(life.key) ?? -1;
        expect(sizes[slot]).toBeGreaterThanOrEqual(life.bytes);
        for (const other of drawn)
          if (other !== life && other.first <= life.last && life.first <= other.last)
            expect(slotOf.get(other.key)).not.toBe(slot);
      }
    }),
    { numRuns: 300 },
  );
});

test("tensors one after the other share a buffer of the largest", () => {
  const one = (key: string, bytes: number, first: number): Lifetime => ({
    key,
    bytes,
    first,
    last: first + 1,
  });
  expect(assignSlots([one("a", 3, 0), one("b", 8, 2), one("c", 5, 4)]).sizes).toEqual([8]);
});
