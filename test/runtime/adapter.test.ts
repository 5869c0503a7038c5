import { describe, expect, test } from "vitest";
import { type AdapterKind, type AdapterSources, chooseAdapter } from "../../runtime/adapter.js";

const offer = (name: string, kind: AdapterKind) => ({ name, kind, adapter: name });

const gpu = offer("Quick GPU 3000", "gpu");
const software = offer("llvmpipe (LLVM 19)", "system-software");
const embedded = offer("SwiftShader Device", "embedded");

const sources = (
  system: readonly ReturnType<typeof offer>[],
  withEmbedded = true,
): AdapterSources<string> & { readonly asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    system: async () => {
      asked.push("system");
      return system.length === 0
        ? { offers: [], refused: [{ name: "system drivers", refused: "none" }] }
        : { offers: system, refused: [] };
    },
    embedded: async () => {
      asked.push("embedded");
      return withEmbedded
        ? { offers: [embedded], refused: [] }
        : { offers: [], refused: [{ name: "embedded", refused: "not for this machine" }] };
    },
  };
};

describe("auto", () => {
  test("takes a GPU even where a software driver comes first", async () => {
    const { offer: chosen, tried } = await chooseAdapter("auto", sources([software, gpu]));
    expect(chosen).toBe(gpu);
    expect(tried).toEqual([]);
  });

  test("else a software driver of the system, without looking further", async () => {
    const from = sources([software]);
    expect((await chooseAdapter("auto", from)).offer).toBe(software);
    expect(from.asked).toEqual(["system"]);
  });

  test("else the embedded one, saying why not the others", async () => {
    const { offer: chosen, tried } = await chooseAdapter("auto", sources([]));
    expect(chosen).toBe(embedded);
    expect(tried).toEqual([{ name: "system drivers", refused: "none" }]);
  });

  test("else fails with every reason in one line", async () => {
    await expect(chooseAdapter("auto", sources([], false))).rejects.toThrow(
      "no adapter for --adapter auto (system drivers: none; embedded: not for this machine)",
    );
  });
});

describe("a kind", () => {
  test("is kept to", async () => {
    expect((await chooseAdapter("system", sources([gpu, software]))).offer).toBe(software);
    expect((await chooseAdapter("gpu", sources([software, gpu]))).offer).toBe(gpu);
    const from = sources([gpu]);
    expect((await chooseAdapter("embedded", from)).offer).toBe(embedded);
    expect(from.asked).toEqual(["embedded"]);
  });

  test("that is not there fails, naming what is", async () => {
    await expect(chooseAdapter("gpu", sources([software]))).rejects.toThrow(
      /^no adapter for --adapter gpu \(llvmpipe \(LLVM 19\): is a software driver, /,
    );
  });
});

describe("a name", () => {
  test("is part of an adapter's, in any case, the system's first", async () => {
    expect((await chooseAdapter("LLVM", sources([gpu, software]))).offer).toBe(software);
    const { offer: chosen, tried } = await chooseAdapter("swiftshader", sources([gpu]));
    expect(chosen).toBe(embedded);
    expect(tried).toEqual([
      { name: "Quick GPU 3000", refused: 'its name does not contain "swiftshader"' },
    ]);
  });

  test("that none has fails", async () => {
    await expect(chooseAdapter("banana", sources([gpu]))).rejects.toThrow(
      /^no adapter for --adapter banana /,
    );
  });
});
