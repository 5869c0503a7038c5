/** What can go wrong with a device, in one clear line; `hint` says what can be done about it. */
export class DeviceError extends Error {
  readonly hint?: string;

  constructor(message: string, options: { readonly hint?: string } = {}) {
    super(message);
    this.name = "DeviceError";
    if (options.hint !== undefined) this.hint = options.hint;
  }
}

/** The first line of a message of Dawn's, without its trailing full stop. */
export const firstLine = (message: string): string =>
  (message.split("\n").find((line) => line.trim() !== "") ?? message).trim().replace(/\.$/, "");

export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
