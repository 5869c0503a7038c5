/** The declared parameters are the real ones: as many as there are numbers in the file of an exported model. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeModelFolder } from "../runtime/formats/model-folder.js";
import { cutsOf } from "./cuts.js";
import { inScratch } from "./in-scratch.js";
import { Broken, type Law } from "./law.js";
import { cutTo, keptBy, type Model, modelOf, randomScores } from "./model.js";
import { weightsIn } from "./weights-in-memory.js";

/** Numbers in a file of f32 tensors, by its header and by its size; read here, so that no writer is held against its reader. */
const numbersIn = async (path: string): Promise<readonly [number, number]> => {
  const bytes = await readFile(path);
  const header = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(
    bytes.subarray(8, 8 + header).toString("utf8"),
  ) as Record<string, { readonly shape: readonly number[] }>;
  const declared = Object.values(tensors).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  return [declared, (bytes.length - 8 - header) / 4];
};

/** Of the model as a folder. */
export const numbersOf = ({ layout, arena }: Model): Promise<readonly [number, number]> =>
  inScratch(async (scratch) => {
    const folder = join(scratch, "model");
    await writeModelFolder(folder, weightsIn(layout, arena), "f32", []);
    return numbersIn(join(folder, "model.safetensors"));
  });

export const parameters: Law = {
  name: "parameters",
  says: "the parameters that a model declares are the numbers in its file",
  silent: () => null,
  holds: async ({ shape, seed, keeps }) => {
    const model = modelOf(shape, seed);
    const kept = keptBy(model, cutsOf(shape, keeps), randomScores(model, seed));
    const cut = await cutTo(model, kept);
    const [named, stored] = await numbersOf(cut);
    if (named !== stored)
      throw new Broken(`the file names tensors of ${named} numbers and holds ${stored}`);
    for (const declared of [cut.shape.parameters, cut.layout.parameters])
      if (declared !== stored)
        throw new Broken(`${declared} parameters are declared, the file holds ${stored}`);
  },
};
