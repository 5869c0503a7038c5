/** What can go wrong with a device: a failure of the run like any other, by a name of its own. */
import { RunError } from "./errors.js";

export class DeviceError extends RunError {
  override readonly name = "DeviceError";
}

/** The first line of a message of Dawn's, without its trailing full stop. */
export const firstLine = (message: string): string =>
  (message.split("\n").find((line) => line.trim() !== "") ?? message).trim().replace(/\.$/, "");

export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
