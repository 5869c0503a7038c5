/** Elaboration that the check has already tried: a failure here is a defect of the compiler, said with its diagnostic. */
import type { Outcome } from "../library/library.js";

export const must = <T>(outcome: Outcome<T>): T => {
  if (outcome.ok) return outcome.value;
  const first = outcome.diagnostics[0];
  throw new Error(
    `the check let this through: ${first === undefined ? "unknown" : `${first.code}: ${first.message}`}`,
  );
};
