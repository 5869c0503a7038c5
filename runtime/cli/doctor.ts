/** `espalier doctor`: which adapter, why, and what would make it faster. */
import { doctor } from "../doctor.js";
import { EXIT } from "./exit.js";

export const doctorCommand = async (options: {
  readonly adapter?: string;
  readonly json?: boolean;
}): Promise<void> => {
  const report = await doctor(options.adapter ?? "auto");
  process.stdout.write(
    options.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${report.text.trimEnd()}\n`,
  );
  process.exitCode = report.usable ? EXIT.done : EXIT.failed;
};
