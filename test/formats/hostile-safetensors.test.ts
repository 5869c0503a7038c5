/** Files made to harm: each is one clear error that names the file, before memory is taken. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RunError } from "../../runtime/errors.js";
import { openSafetensors, writeSafetensors } from "../../runtime/formats/safetensors.js";
import { ofFloats } from "../../runtime/formats/stored-tensor.js";
import { fileOf, floatsFile } from "../support/safetensors-bytes.js";
import { inScratch } from "../support/scratch.js";

const x = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const y = { dtype: "F32", shape: [1], data_offsets: [8, 12] };
const eight = new Uint8Array(8);
const twelve = new Uint8Array(12);

const cases: readonly (readonly [what: string, bytes: Uint8Array, says: RegExp])[] = [
  ["is empty", new Uint8Array(), /cut short/],
  [
    "claims a header of 2^60 bytes",
    fileOf({ x }, eight, 2n ** 60n),
    /header claims 1152921504606846976 bytes/,
  ],
  ["claims a header of 2^64 - 1 bytes", fileOf({ x }, eight, 2n ** 64n - 1n), /header claims/],
  [
    "claims a header one byte too long",
    fileOf("{}", new Uint8Array(), 3n),
    /header claims 3 bytes/,
  ],
  ["has a header that is no JSON", fileOf("{x"), /header is not valid JSON/],
  [
    "has a header that is no UTF-8",
    fileOf("", Uint8Array.of(0xff, 0xfe), 2n),
    /header is not UTF-8/,
  ],
  ["has a header that is a list", fileOf("[]"), /header does not hold a JSON object/],
  ["is cut short", fileOf({ x }, new Uint8Array(7)), /cut short: tensor x ends at byte 8 of 7/],
  [
    "has overlapping tensors",
    fileOf({ x, y: { ...y, data_offsets: [4, 8] } }, eight),
    /tensor y overlaps/,
  ],
  ["has one range for two tensors", fileOf({ x, y: x }, eight), /overlaps/],
  [
    "has a hole",
    fileOf({ x, y: { ...y, data_offsets: [12, 16] } }, new Uint8Array(16)),
    /4 bytes before tensor y/,
  ],
  ["has bytes left over", fileOf({ x }, twelve), /last 4 bytes belong to no tensor/],
  [
    "has a negative shape",
    fileOf({ x: { ...x, shape: [-2] } }, eight),
    /tensor x is malformed: shape/,
  ],
  [
    "has two negative lengths",
    fileOf({ x: { ...x, shape: [-1, -2] } }, eight),
    /tensor x is malformed/,
  ],
  [
    "has a fraction as length",
    fileOf({ x: { ...x, shape: [0.5, 4] } }, eight),
    /tensor x is malformed/,
  ],
  [
    "has a shape of 2^60 times 2^60",
    fileOf({ x: { ...x, shape: [2 ** 52, 2 ** 52] } }, eight),
    /yet has 8 bytes/,
  ],
  [
    "has more bytes than its shape",
    fileOf({ x: { ...x, shape: [1] } }, eight),
    /F32 \[1\], yet has 8 bytes/,
  ],
  [
    "ends before it begins",
    fileOf({ x: { ...x, data_offsets: [8, 0] } }, eight),
    /ends before it begins/,
  ],
  [
    "has a negative offset",
    fileOf({ x: { ...x, data_offsets: [-8, 0] } }, eight),
    /malformed: data_offsets/,
  ],
  ["has a type that is no text", fileOf({ x: { ...x, dtype: 5 } }, eight), /malformed: dtype/],
  [
    "has a type of a name in JavaScript",
    fileOf({ x: { ...x, dtype: "constructor" } }, new Uint8Array(9)),
    /last 1 bytes/,
  ],
  [
    "has a tensor twice",
    fileOf(`{"x":${JSON.stringify(x)},"x":${JSON.stringify(x)}}`, eight),
    /header has x twice/,
  ],
  [
    "has it twice by an escape",
    fileOf(`{"x":${JSON.stringify(x)},"\\u0078":${JSON.stringify(x)}}`, eight),
    /header has x twice/,
  ],
  [
    "has a shape twice",
    fileOf(`{"x":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}`, eight),
    /header has shape twice/,
  ],
  ["has metadata that is no text", fileOf({ __metadata__: { a: 1 } }), /metadata/],
  ["has an entry with more keys", fileOf({ x: { ...x, more: 1 } }, eight), /tensor x is malformed/],
];

describe("a safetensors file that", () => {
  test.each(cases)("%s", async (_, bytes, says) => {
    await inScratch(async (folder) => {
      const path = join(folder, "bad.safetensors");
      writeFileSync(path, bytes);
      const error = await openSafetensors(path).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(RunError);
      expect(String(error)).toMatch(says);
      expect(String(error)).toContain("bad.safetensors");
      expect(String(error)).not.toContain("\n");
    });
  });

  test("is of a type unknown opens, and is refused before memory is taken for it", async () => {
    await inScratch(async (folder) => {
      const path = join(folder, "bad.safetensors");
      writeFileSync(
        path,
        fileOf({ x: { dtype: "Q3", shape: [2 ** 50], data_offsets: [0, 8] } }, eight),
      );
      const file = await openSafetensors(path);
      await expect(file.read("x")).rejects.toThrow(/tensor x is Q3/);
      await file.close();
    });
  });

  test("is not there, or a folder, or a pipe", async () => {
    await inScratch(async (folder) => {
      await expect(openSafetensors(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
      await expect(openSafetensors(folder)).rejects.toThrow(/is not a file/);
      if (process.platform === "win32") return;
      execFileSync("mkfifo", [join(folder, "pipe")]);
      await expect(openSafetensors(join(folder, "pipe"))).rejects.toThrow(/is not a file/);
    });
  });
});

test("cut anywhere or with any byte changed, a file is read or refused with a RunError", async () => {
  const whole = floatsFile([
    { name: "a", shape: [2, 2], data: [1, 2, 3, 4] },
    { name: "b", shape: [3], data: [5, 6, 7] },
  ]);
  const change = fc.record({
    end: fc.integer({ min: 0, max: whole.length }),
    at: fc.nat({ max: whole.length - 1 }),
    to: fc.nat({ max: 255 }),
  });
  await inScratch((folder) =>
    fc.assert(
      fc.asyncProperty(change, async ({ end, at, to }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = to;
        const path = join(folder, "x.safetensors");
        writeFileSync(path, bytes.subarray(0, end));
        try {
          const file = await openSafetensors(path);
          for (const name of file.names)
            await file.read(name).catch((error) => expect(error).toBeInstanceOf(RunError));
          await file.close();
          expect(end).toBe(whole.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RunError);
        }
      }),
      { numRuns: 300 },
    ),
  );
});

test("a file that cannot be written is one error, and leaves nothing", async () => {
  await inScratch(async (folder) => {
    const data = ofFloats(Float32Array.of(1));
    const one = { name: "x", dtype: "f32", shape: [1], data } as const;
    await expect(writeSafetensors(join(folder, "none/x"), [one])).rejects.toThrow(/cannot write/);
    mkdirSync(join(folder, "x"));
    await expect(writeSafetensors(join(folder, "x"), [one])).rejects.toThrow(
      /cannot write .*folder/,
    );
    await expect(writeSafetensors(join(folder, "z"), [one, one])).rejects.toThrow(/one name/);
    expect(readdirSync(folder)).toEqual(["x"]);
  });
});
