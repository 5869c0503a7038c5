/** docs/testing.md has a row for every law, which says what the law says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LAWS } from "../../laws/all.js";

const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| [^|]+ \|$/gm)];

test("each law stands in the table as it is", () => {
  expect(rows.map(([, name, says]) => [name, says])).toEqual(
    LAWS.map(({ name, says }) => [name, says]),
  );
});
