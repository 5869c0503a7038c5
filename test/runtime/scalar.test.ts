import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scalar } from "../../compiler/plan.js";
import { evaluateScalar, scalarTable } from "../../runtime/scalar.js";

const number = (value: number): Scalar => ({ op: "number", value });
const variable = (name: string): Scalar => ({ op: "variable", name });

describe("a scalar", () => {
  test("is computed in float64", () => {
    const third: Scalar = { op: "div", args: [number(1), variable("x")] };
    expect(evaluateScalar(third, { x: 3 })).toBe(1 / 3);
  });

  test("selects by what is not zero", () => {
    const choice: Scalar = {
      op: "select",
      args: [{ op: "less", args: [variable("a"), variable("b")] }, number(1), number(-1)],
    };
    expect(evaluateScalar(choice, { a: 1, b: 2 })).toBe(1);
    expect(evaluateScalar(choice, { a: 2, b: 2 })).toBe(-1);
  });

  test("mod has the sign of its divisor", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 1000 }), (a, b) => {
        const rest = evaluateScalar({ op: "mod", args: [number(a), number(b)] }, {});
        expect(rest).toBeGreaterThanOrEqual(0);
        expect(rest).toBeLessThan(b);
        expect((a - rest) % b === 0).toBe(true);
      }),
    );
  });

  test("of an unknown variable is an error", () => {
    expect(() => evaluateScalar(variable("y"), { x: 1 })).toThrow("uses y, which has no value");
  });

  test("without its operands is an error", () => {
    expect(() => evaluateScalar({ op: "add", args: [number(1)] }, {})).toThrow(
      "the plan's add has 1 operands",
    );
  });
});

describe("a table", () => {
  test("is row-major over its axes, rounded once", () => {
    const value: Scalar = {
      op: "add",
      args: [
        { op: "mul", args: [variable("row"), number(10)] },
        { op: "div", args: [variable("column"), number(3)] },
      ],
    };
    const axes = [
      { name: "row", size: 2 },
      { name: "column", size: 3 },
    ];
    expect(scalarTable(value, axes)).toEqual(
      new Float32Array([0, 1 / 3, 2 / 3, 10, 10 + 1 / 3, 10 + 2 / 3]),
    );
  });

  test("over no axis is one value", () => {
    expect(scalarTable(number(2), [])).toEqual(new Float32Array([2]));
  });
});
