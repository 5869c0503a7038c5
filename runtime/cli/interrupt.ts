/** Ctrl-C once: finish the step, write a checkpoint, stop. Twice: stop at once (the journal stays valid either way). */
import { EXIT } from "./exit.js";

export const interruptible = async <T>(
  work: (interrupted: () => boolean) => Promise<T>,
): Promise<T> => {
  let asked = false;
  const onSignal = (): void => {
    if (asked) process.exit(EXIT.interrupted);
    asked = true;
    process.stderr.write("\nstopping after this step; press again to stop at once\n");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    return await work(() => asked);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
};
