/** `--scores`: the folder in which scores are kept from run to run. */
import { resolve } from "node:path";
import { scoresBeside } from "../run/score-cache.js";

export const scoresFolder = (options: {
  readonly out: string;
  readonly scores?: string;
}): string =>
  options.scores === undefined ? scoresBeside(resolve(options.out)) : resolve(options.scores);
