/** Every code is in one area and has a page in docs/errors; what a page says Espalier says is what it says. */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { all, areas } from "../../grammar/messages/index.js";
import { parse } from "../../grammar/parse.js";
import { config } from "../check/sotu.js";
import { frames } from "../support/error-frames.js";
import { type ErrorPage, readErrorPage, sayOf } from "../support/error-page.js";
import { memoryHost } from "../support/memory-host.js";

const folder = new URL("../../docs/errors/", import.meta.url);
const files = readdirSync(folder).sort();
const textOf = (file: string): string => readFileSync(new URL(file, folder), "utf8");
const codes = Object.keys(all).sort();

/** As a spec's file would have it. */
const SPEC = "spec.prune";

const pageOf = (code: string): ErrorPage => {
  const page = readErrorPage(textOf(`${code}.md`));
  if (page === null) throw new Error(`docs/errors/${code}.md has another shape`);
  return page;
};

test("no code is in two areas", () => {
  const everywhere = Object.values(areas).flatMap((area) => Object.keys(area));
  expect(everywhere.sort()).toEqual(codes);
});

test("codes are lower case words with hyphens between them", () => {
  expect(codes.filter((code) => !/^[a-z]+(-[a-z]+)*$/.test(code))).toEqual([]);
});

test("every code has a page, and every page is a code's", () => {
  expect(files.map((file) => basename(file, ".md")).sort()).toEqual(codes);
});

test.each(files)("%s has title, meaning, example and remedy", (file) => {
  const page = readErrorPage(textOf(file));
  expect(page?.code).toBe(basename(file, ".md"));
});

describe("the example on the page of a syntax code yields that code alone, as shown", () => {
  test.each(Object.keys(areas.syntax))("%s", (code) => {
    const { example, says } = pageOf(code);
    const { diagnostics } = parse(SPEC, example);
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(sayOf(diagnostics, SPEC, example)).toBe(says);
  });
});

describe("the example on the page of a library code does so within a spec", () => {
  test("each has a frame", () => {
    expect(Object.keys(frames).sort()).toEqual(Object.keys(areas.library).sort());
  });

  test.each(Object.entries(frames))("%s", (code, frame) => {
    const { example, says } = pageOf(code);
    const models = { "models/sotu-1m": config, "models/other": { ...config, ...frame.config } };
    const text = `${frame.above}${example}${frame.below}`;
    const { diagnostics, sources } = check(SPEC, text, memoryHost({ models }));
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(sayOf(diagnostics, SPEC, example, sources, frame.above.length)).toBe(says);
  });
});

test("no example of another page is a syntax error by accident", () => {
  // Fragments of a stage are read within one; the command lines among them are not specs.
  const broken = codes
    .filter((code) => !(code in areas.syntax))
    .map((code) => [code, pageOf(code).example.replaceAll("…", "")] as const)
    .filter(([, example]) => !example.startsWith("espalier "))
    .filter(([, example]) => {
      const whole = parse(SPEC, example).diagnostics.length === 0;
      return !whole && parse(SPEC, `score s {\n${example}}\n`).diagnostics.length > 0;
    });
  expect(broken).toEqual([]);
});
