/** Exporting a model and reading it back is the identity: of its config.json, and of every bit of its weights. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readArchitecture } from "../compiler/library/architecture.js";
import { layoutOf } from "../compiler/planning/layout.js";
import { openCheckpoint } from "../runtime/formats/checkpoint-folder.js";
import { writeModelFolder } from "../runtime/formats/model-folder.js";
import { unexpectedTensors, weightsOf } from "../runtime/formats/weights.js";
import { cutsOf } from "./cuts.js";
import { inScratch } from "./in-scratch.js";
import { Broken, type Law } from "./law.js";
import { cutTo, keptBy, made, modelOf, PLACE, randomScores } from "./model.js";
import { arenaOf, weightsIn } from "./weights-in-memory.js";

/** Shards of one tensor or a few. */
const SHARD_BYTES = [5e9, 300, 1];

export const exportImport: Law = {
  name: "export-import",
  says: "a model that is exported and read back is the same, bit for bit",
  silent: () => null,
  holds: async ({ shape, seed, keeps, pick }) => {
    const model = modelOf(shape, seed);
    const kept = keptBy(model, cutsOf(shape, keeps), randomScores(model, seed));
    const cut = await cutTo(model, kept);
    await inScratch(async (scratch) => {
      const folder = join(scratch, "model");
      const weights = weightsIn(cut.layout, cut.arena);
      await writeModelFolder(folder, weights, "f32", [], SHARD_BYTES[pick % SHARD_BYTES.length]);
      const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
      const read = made(readArchitecture(shape.library, config, PLACE));
      const layout = layoutOf("cut", read, 0);
      for (const part of ["axes", "weights", "paired"] as const)
        if (!isDeepStrictEqual(layout[part], cut.layout[part]))
          throw new Broken(`config.json says other ${part} once it is read back`);
      const checkpoint = await openCheckpoint(folder);
      try {
        const [unexpected] = unexpectedTensors(checkpoint, layout);
        if (unexpected !== undefined) throw new Broken(`no weight is read from ${unexpected}`);
        const arena = await arenaOf(weightsOf(checkpoint, layout));
        const other = layout.weights.find(({ offset }, i) => {
          const end = (layout.weights[i + 1]?.offset ?? layout.bytes) / 4;
          const part = (floats: Float32Array) => floats.subarray(offset / 4, end);
          return !isDeepStrictEqual(part(arena), part(cut.arena));
        });
        if (other !== undefined)
          throw new Broken(`${other.weight} reads back as other numbers, from ${other.file}`);
      } finally {
        await checkpoint.close();
      }
    });
  },
};
