import { expect, test } from "vitest";
import { Names } from "../../compiler/emit/names.js";

test("no name of a kernel's text hides a type, and each is another", () => {
  const types = ["f16", "f32", "i32", "u32"];
  for (const prefix of ["f", "i", "u"]) {
    const names = new Names();
    const given = Array.from({ length: 40 }, () => names.fresh(prefix));
    expect(given.filter((name) => types.includes(name))).toEqual([]);
    expect(new Set(given).size).toBe(given.length);
  }
});
