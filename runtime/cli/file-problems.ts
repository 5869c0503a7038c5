/** What `check` and editors say beyond the compiler's own: what only the files of weights and data can tell. */
import type { CheckResult } from "../../compiler/check.js";
import { missingData } from "./data-files.js";
import { weightProblems } from "./weight-problems.js";

/** The result of a check with the problems of its files; paths start from `base`. */
export const withFileProblems = async (result: CheckResult, base: string): Promise<CheckResult> => {
  const { recipe, diagnostics } = result;
  if (recipe === null) return result;
  const found = [...(await weightProblems(recipe, base)), ...(await missingData(recipe, base))];
  return { ...result, diagnostics: [...diagnostics, ...found] };
};
