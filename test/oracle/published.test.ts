/** Models that people have, by the keys of their config.json: parameters as transformers counts them (published.json). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { readArchitecture } from "../../compiler/library/architecture.js";
import { must } from "../../compiler/planning/outcome.js";
import { library } from "./tiny-models.js";

const models = z
  .array(
    z.object({
      name: z.string(),
      parameters: z.number(),
      config: z.record(z.string(), z.unknown()),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL("published.json", import.meta.url), "utf8")));

test.each(models.map((model) => [model.name, model] as const))("%s", (name, model) => {
  const place = { path: name, span: { start: 0, end: 0 } };
  expect(must(readArchitecture(library, model.config, place)).parameters).toBe(model.parameters);
});

test("every architecture is among them", () => {
  const classes = models.flatMap(({ config }) => z.array(z.string()).parse(config.architectures));
  const described = [...library.architectures.values()].flatMap(({ decl }) =>
    decl.classes.map(({ value }) => value),
  );
  expect(classes.sort()).toEqual(described.sort());
});
